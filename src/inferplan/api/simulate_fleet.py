"""The fleet of a simulation from options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inferplan.catalog.types import ModelSpec
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.serving.fleet import Fleet, make_disaggregated, make_fleet
from inferplan.serving.rules import policy_named
from inferplan.units import positive, show_duration

MOST_REPLICAS = 4096
"""Copies of a model in a simulation at most: each takes time and memory of its own."""

LONGEST_S = 86400.0
"""Longest wait of a dynamic batch [s]."""

POOLS = ("prefill_replicas", "decode_replicas")
"""Options that split a fleet in two."""


def fleet_of(
    model: ModelSpec, plan: Deployment, tokens: float, options: Mapping[str, Any]
) -> Fleet:
    """What serves.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What runs where.
    tokens : float
        Mean length of a request [tokens], for the size of the pool.
    options : mapping
        Keys of :class:`inferplan.api.simulate_options.EngineOptions`.

    Raises
    ------
    InferplanError
        For an unknown policy or router, a setting out of range, or a model that does not fit.
    """
    given = {name: value for name, value in options.items() if value is not None}
    router = given.pop("router", "round-robin")
    pools = {name: given.pop(name) for name in POOLS if name in given}
    rules = _checked(model, given)
    check_replicas(plan.replicas)
    try:
        if not pools:
            return make_fleet(model, plan, tokens, router, **rules)
        prefill, decode = _pools(plan, pools, rules)
        return make_disaggregated(model, prefill, decode, tokens, router, **rules)
    except InputError as error:
        if error.field == "num_gpu_blocks" and "block_size" in given:
            problem = "exceeds the KV pool of a replica"
            raise InputError("--block-size", given["block_size"], problem, "e.g. 16") from error
        raise


def check_replicas(count: int, name: str = "replicas") -> None:
    """Fail before a fleet takes more time and memory than anybody has.

    Raises
    ------
    InputError
        If there are more than :data:`MOST_REPLICAS`.
    """
    if count > MOST_REPLICAS:
        fix = "simulate a part of the fleet under its part of the load"
        raise InputError(option(name), f"{count:,}", f"exceeds {MOST_REPLICAS:,}", fix)


def _checked(model: ModelSpec, given: dict[str, Any]) -> dict[str, Any]:
    """Settings in range, and those that a policy brings with it."""
    policy = policy_named(given.get("policy", "vllm"))
    if "policy" in given:
        given["policy"] = policy
    if policy != "vllm 0.32" and "policy" in given:
        given["async_scheduling"] = False  # these rules have one batch in flight
    _check_sizes(model, given)
    if not 0 <= given.get("watermark", 0.0) < 1:
        fix = "0.01 keeps 1 % of the pool free"
        raise InputError("--watermark", given["watermark"], "is not in [0, 1)", fix)
    if given.get("long_prefill_token_threshold", 0) < 0:
        bad = given["long_prefill_token_threshold"]
        raise InputError("--long-prefill-threshold", bad, "is negative", "0 means no limit")
    if "window_s" in given and policy != "dynamic":
        what = f"means nothing for --policy {policy}"
        raise InputError("--window", f"{given['window_s']:g} s", what, "choose --policy dynamic")
    return given


def _check_sizes(model: ModelSpec, given: Mapping[str, Any]) -> None:
    for name in ("block_size", "max_model_len", "window_s"):
        if name in given:
            positive(given[name], option(name))
    if given.get("block_size", 1) > model.context_max:
        problem = f"exceeds the context of {model.context_max:,} tokens"
        raise InputError("--block-size", given["block_size"], problem, "e.g. 16")
    if given.get("window_s", 0.0) > LONGEST_S:
        problem = f"is longer than {show_duration(LONGEST_S)}"
        raise InputError("--window", f"{given['window_s']:g} s", problem, "e.g. 50ms")
    if given.get("max_model_len", 0) > model.context_max:
        raise InputError(
            "--max-model-len", given["max_model_len"],
            f"exceeds the {model.context_max:,} of {model.id}", f"use {model.context_max} or less",
        )  # fmt: skip


def _pools(
    plan: Deployment, pools: Mapping[str, int], rules: Mapping[str, Any]
) -> tuple[Deployment, Deployment]:
    missing = [name for name in POOLS if name not in pools]
    if missing:
        (name,) = pools
        fix = f"give {option(missing[0])} too"
        raise InputError(option(name), pools[name], "is one pool of two", fix)
    for name, count in pools.items():
        if count < 1:
            raise InputError(option(name), count, "is below 1", "each pool needs a replica")
        check_replicas(count, name)
    if plan.replicas != 1:
        fix = "the two pools say how many there are"
        raise InputError("--replicas", plan.replicas, "does not go with --prefill-replicas", fix)
    if plan.devices_per_replica * sum(pools.values()) > 1 and plan.device.link.kind == "none":
        where = f"needs a link between devices, and {plan.device.id} has none"
        raise InputError("--prefill-replicas", pools["prefill_replicas"], where, "leave it out")
    if rules.get("policy") in ("static", "dynamic"):
        fix = "use vllm or prefill-first"
        raise InputError("--policy", rules["policy"], "does not split prefill and decode", fix)
    prefill, decode = (replace(plan, replicas=pools[name]) for name in POOLS)
    return prefill, decode


def option(name: str) -> str:
    """What the command line calls a setting.

    Examples
    --------
    >>> option("block_size"), option("window_s")
    ('--block-size', '--window')
    """
    return "--" + name.removesuffix("_s").replace("_", "-")
