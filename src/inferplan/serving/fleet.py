"""Replicas of a deployment as the simulator sees them: rules, step models, router."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from inferplan.catalog.efficiency import Factors
from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError, InputError, nearest
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import cache_bytes_per_seq, sequences_held
from inferplan.estimate.operators import operators
from inferplan.serving.kernel import layout as at
from inferplan.serving.rules import EngineRules
from inferplan.serving.state import StepTables
from inferplan.serving.step_model import step_tables

ROUTERS = {
    "round-robin": at.ROUND_ROBIN,
    "least-loaded": at.LEAST_LOADED,
    "prefix-affinity": at.PREFIX_AFFINITY,
}
"""How requests are spread over replicas."""

LARGEST_POOL_TOKENS = 1 << 40
"""Stands for a pool without limit, of a model that keeps no cache per token."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What serves: replicas, and how requests reach them.

    Parameters
    ----------
    model : ModelSpec
        The model.
    plans : tuple of Deployment
        The kinds of replica; one, or the prefill and the decode pool.
    rules : tuple of EngineRules
        One per replica.
    kinds : tuple of int
        Which plan each replica is of.
    tables : StepTables
        Step models of the plans.
    router : str
        A key of :data:`ROUTERS`.
    transfer_s, transfer_s_per_token : float
        Time to move a prompt's cache from a prefill to a decode replica [s].
    request_overhead_s : float
        Time of a request outside the engine's steps, before its first token [s].
    """

    model: ModelSpec
    plans: tuple[Deployment, ...]
    rules: tuple[EngineRules, ...]
    kinds: tuple[int, ...]
    tables: StepTables
    router: str = "round-robin"
    transfer_s: float = 0.0
    transfer_s_per_token: float = 0.0
    request_overhead_s: float = 0.0

    @property
    def devices(self) -> int:
        """Accelerators of all replicas."""
        return sum(self.plans[kind].devices_per_replica for kind in self.kinds)


def pool_blocks(model: ModelSpec, plan: Deployment, tokens: float, block_size: int) -> int:
    """Blocks of one replica's KV pool, with the one that is never handed out.

    Where a sequence's cache does not grow in proportion to its length (windows, recurrent
    state), the pool is what holds sequences of *tokens* tokens.

    Raises
    ------
    CannotPredictError
        If not one sequence of *tokens* fits.
    """
    m = machine(plan)
    held = float(sequences_held(model, m, float(tokens)))
    if held < 1.0:
        raise CannotPredictError(
            f"{model.id} in {plan.weights.id} with {tokens:g} tokens does not fit"
            f" {plan.devices_per_replica} x {plan.device.id}"
        )
    if float(cache_bytes_per_seq(operators(model), m, float(tokens))) <= 0:
        held = LARGEST_POOL_TOKENS / tokens
    return int(min(held * tokens, LARGEST_POOL_TOKENS) // block_size) + 1


def rules_for(model: ModelSpec, plan: Deployment, tokens: float, **chosen: Any) -> EngineRules:
    """How one replica of *plan* schedules, by its engine's defaults but for those *chosen*.

    Attention data-parallel ranks are taken as one scheduler with all their seats, budget and
    memory.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is served by what.
    tokens : float
        Length of a typical request, for the size of the pool.
    **chosen
        Fields of :class:`~inferplan.serving.rules.EngineRules`.

    Examples
    --------
    >>> from inferplan.api.build import build_plan, find_device, find_model
    >>> spec, _ = find_model("llama-3-8b")
    >>> rules = rules_for(spec, build_plan(spec, find_device("a100_sxm_80")), 640)
    >>> rules.policy, rules.async_scheduling, rules.max_num_batched_tokens
    ('vllm 0.32', True, 2048)
    """
    engine = plan.engine
    size = int(chosen.get("block_size") or engine["block_size"])
    defaults: dict[str, Any] = {
        "policy": _policy(engine),
        "block_size": size,
        "num_gpu_blocks": pool_blocks(model, plan, tokens, size),
        "max_num_seqs": plan.max_num_seqs * plan.dp,
        "max_num_batched_tokens": plan.max_num_batched_tokens * plan.dp,
        "max_model_len": model.context_max,
        "enable_prefix_caching": bool(engine["prefix_caching"]),
        "async_scheduling": bool(engine["async_scheduling"]) and plan.pp == 1,
        "hidden_frac": engine["async_hidden_frac"],
        "stages": plan.pp,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    return EngineRules(**(defaults | given))


def _policy(engine: Factors) -> str:
    """The scheduling rules that are an engine's own or nearest to them."""
    if engine["static_batching"]:
        return "static"
    return "prefill-first" if engine["prefill_first"] else "vllm 0.32"


def make_fleet(
    model: ModelSpec, plan: Deployment, tokens: float, router: str = "round-robin", **chosen: Any
) -> Fleet:
    """``plan.replicas`` equal replicas behind a router.

    Parameters
    ----------
    model, plan, tokens, **chosen
        As for :func:`rules_for`.
    router : str
        A key of :data:`ROUTERS`.

    Raises
    ------
    InputError, CannotPredictError
        For an unknown router or setting, or a model that does not fit.
    """
    rules = rules_for(model, plan, tokens, **chosen)
    return Fleet(
        model=model,
        plans=(plan,),
        rules=(rules,) * plan.replicas,
        kinds=(0,) * plan.replicas,
        tables=step_tables(model, [plan]),
        router=router_named(router),
        request_overhead_s=float(machine(plan).request_overhead_s),
    )


def make_disaggregated(
    model: ModelSpec, prefill: Deployment, decode: Deployment, tokens: float,
    router: str = "round-robin", **chosen: Any,
) -> Fleet:  # fmt: skip
    """A pool of replicas that prefill and one of replicas that decode.

    The cache of a prompt crosses the link of the prefill devices, all ranks at once.

    Parameters
    ----------
    prefill, decode : Deployment
        The two pools; ``replicas`` of each.
    model, tokens, router, **chosen
        As for :func:`make_fleet`.
    """
    m = machine(prefill)
    per_token = float(cache_bytes_per_seq(operators(model), m, float(tokens))) / tokens
    rules = [
        replace(rules_for(model, plan, tokens, **chosen), role=role)
        for plan, role in ((prefill, "prefill"), (decode, "decode"))
    ]
    counts = (prefill.replicas, decode.replicas)
    return Fleet(
        model=model,
        plans=(prefill, decode),
        rules=(rules[0],) * counts[0] + (rules[1],) * counts[1],
        kinds=(0,) * counts[0] + (1,) * counts[1],
        tables=step_tables(model, [prefill, decode]),
        router=router_named(router),
        transfer_s=float(m.link_latency_s),
        transfer_s_per_token=per_token / float(m.link_bytes_per_s * m.link_frac),
        request_overhead_s=float(m.request_overhead_s),
    )


def router_named(name: str) -> str:
    """The router of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in ROUTERS:
        known = nearest(name, ROUTERS) or list(ROUTERS)
        raise InputError("--router", name, "is no router", f"use {' or '.join(known)}")
    return name
