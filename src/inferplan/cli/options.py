"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

F = TypeVar("F", bound=Callable[..., Any])

SHOWN_LIMITS = ("ttft_p95", "tpot_p95", "e2e_p95")
EXAMPLES = {"ttft": "1s", "tpot": "50ms", "e2e": "20s"}
STATISTICS = ("", "_mean", "_p50", "_p90", "_p95", "_p99")


def stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one, the first outermost."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def _words(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip()) if value else ()


def words(*names: str, help: str) -> Callable[[F], F]:  # noqa: A002 - click's own name
    """An option that takes a comma-separated list."""
    return click.option(*names, callback=_words, metavar="A,B,...", help=help)


def _one_device(device: str | None, file: str | None) -> str | None:
    """The device given, as a name or as a file; a usage error if both are there."""
    if file is None:
        return device
    from inferplan.errors import InputError

    if device is not None:
        fix = "leave one of the two out"
        raise InputError("--device-from", repr(file), f"stands beside DEVICE {device!r}", fix)
    if not file.lower().endswith((".json", ".yaml", ".yml")):
        fix = "give the .json of inferplan probe, or a .yaml of your own"
        raise InputError("--device-from", repr(file), "is no file of a device", fix)
    return file


def device_argument(*, needed: bool = True) -> Callable[[F], F]:
    """DEVICE, or ``--device-from FILE`` in its place; the command gets one ``device``."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, device: str | None, device_from: str | None, **given: Any) -> Any:
            found = _one_device(device, device_from)
            if found is None and needed:
                context = click.get_current_context()
                argument = next(p for p in context.command.params if p.name == "device")
                raise click.MissingParameter(ctx=context, param=argument, param_hint="'DEVICE'")
            return function(*args, device=found, **given)

        both = stack(
            click.argument("device", required=False),
            click.option(
                "--device-from", metavar="FILE",
                help="In place of DEVICE: what inferplan probe measured, or a YAML file.",
            ),
        )  # fmt: skip
        return both(cast("F", call))

    return decorate


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON (docs/json.md) instead of tables."
)

length_options = stack(
    click.option(
        "--isl", type=float, default=1024, show_default=True, help="Input tokens per request."
    ),
    click.option(
        "--osl", type=float, default=256, show_default=True, help="Output tokens per request."
    ),
)

load_options = stack(
    click.option("--rate", type=float, help="Requests per second, Poisson arrivals."),
    click.option("--concurrency", type=float, help="Requests always in flight."),
    click.option("--users", type=float, help="Users who each wait --think between requests."),
    click.option("--think", default="0s", metavar="TIME", help="Think time of a user, e.g. 30s."),
    click.option(
        "--prefix-hit",
        type=float,
        default=0.0,
        help="Share of input tokens in the prefix cache [0].",
    ),
)

plan_options = stack(
    click.option("--weights", help="Weight format: bf16, fp8, awq-int4, q4_k_m, ... [what fits]."),
    click.option("--kv", help="KV cache format: fp16, fp8, ... [fp16]."),
    click.option("--tp", type=int, default=1, show_default=True, help="Tensor-parallel size."),
    click.option("--pp", type=int, default=1, show_default=True, help="Pipeline stages."),
    click.option(
        "--dp",
        type=int,
        default=1,
        show_default=True,
        help="Attention data parallel, shared experts.",
    ),
    click.option("--engine", help="vllm, sglang, tensorrt-llm, llama.cpp, mlx, ... [by device]."),
    click.option(
        "--memory", metavar="SIZE", help="Memory of a device sold in several sizes, e.g. 64GB."
    ),
    click.option("--max-num-seqs", type=int, help="Running sequences at most."),
    click.option("--max-num-batched-tokens", type=int, help="Token budget of a step."),
    click.option(
        "--gpu-memory-utilization", type=float, help="Share of memory the engine may fill."
    ),
)

PLAN = ("device_from", "weights", "kv", "tp", "pp", "dp", "engine", "memory", "max_num_seqs",
        "max_num_batched_tokens", "gpu_memory_utilization")  # fmt: skip


def limit_options(function: F) -> F:
    """``--ttft-p95 1s`` and its kin; the common ones are shown in help."""
    for metric in reversed(EXAMPLES):
        for statistic in reversed(STATISTICS):
            name = metric + statistic
            function = click.option(
                "--" + name.replace("_", "-"),
                name,
                metavar="TIME",
                hidden=name not in SHOWN_LIMITS,
                help=f"Limit, e.g. {EXAMPLES[metric]}; also -mean -p50 -p90 -p99.",
            )(function)
    return function


def think_time(text: str) -> float:
    """Seconds of ``--think``; none by default."""
    from inferplan.units import parse_duration

    return 0.0 if text == "0s" else parse_duration(text, "--think")


def split(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Take *names* out of *given* and return them."""
    return {name: given.pop(name) for name in names if name in given}


def unless_default(names: tuple[str, ...]) -> dict[str, Any]:
    """Options of the running command, None where nobody gave them."""
    context = click.get_current_context()
    typed = click.core.ParameterSource.COMMANDLINE
    return {
        name: context.params[name] if context.get_parameter_source(name) is typed else None
        for name in names
    }
