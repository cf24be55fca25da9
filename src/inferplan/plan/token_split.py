"""What input, cached input and output each consume of a replica's time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inferplan.catalog.types import ModelSpec
from inferplan.cost.per_token import cached_time_share, input_time_share
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import machine
from inferplan.estimate.operators import operators
from inferplan.estimate.steady import Lengths, step_mix
from inferplan.estimate.step import Batch, OpTime, StepTime, step_time
from inferplan.physics import batching, flops


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of token.

    Parameters
    ----------
    time_share : float
        Of the time of all steps; this splits the cost.
    compute_share, memory_share : float
        Of the time that arithmetic takes alone, and of the time that memory traffic takes alone.
    """

    time_share: float
    compute_share: float
    memory_share: float


@dataclass(frozen=True, slots=True)
class Split:
    """Input not in the cache, input found there, output; each share adds up to one."""

    input: Part
    cached: Part
    output: Part


def token_split(model: ModelSpec, plan: Deployment, lengths: Lengths, batch: float) -> Split:
    """How the time of a replica divides among the kinds of token.

    Steps without a prompt belong to output tokens. A step with one is longer by some time: what
    of it goes away if the prompts had nothing cached before them is due to the cached input,
    the rest to the input that is computed. Weights that a decode step reads anyway are thus
    paid by the output, and prompts pay what they add.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is served by what.
    lengths : Lengths
        Input, input not in the cache, output [tokens].
    batch : float
        Mean sequences that decode in a replica.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> spec, plan = plan_for("llama-3.1-8b", "h100", context=1800)
    >>> found = token_split(spec, plan, Lengths(1500.0, 500.0, 300.0), 32.0)
    >>> round(found.input.time_share + found.cached.time_share + found.output.time_share, 12)
    1.0
    >>> found.cached.time_share < found.input.time_share < found.output.time_share
    True
    """
    ops, m = operators(model), machine(plan)
    mix = step_mix(ops, m, lengths, batch)
    bare = step_time(
        ops,
        m,
        Batch(
            batching.micro_batch(batch, m.pp),
            batching.mean_decode_context(lengths.isl, lengths.osl),
            mix.chunk,
            flops.causal_context(0.0, lengths.prompt),
            batching.prompts_in_chunk(mix.chunk, lengths.prompt),
        ),
    )
    steps = (float(mix.share), mix.mixed, bare, mix.decode)
    time = _shares(*steps, lambda step: float(step.total_s))
    compute = _shares(*steps, _roof(lambda op: float(op.compute_s)))
    memory = _shares(*steps, _roof(lambda op: float(op.memory_s)))
    return Split(*(Part(*three) for three in zip(time, compute, memory, strict=True)))


def _roof(of: Callable[[OpTime], float]) -> Callable[[StepTime], float]:
    return lambda step: sum(of(op) for op in step.ops)


def _shares(
    share: float, mixed: StepTime, bare: StepTime, decode: StepTime, of: Callable[[StepTime], float]
) -> tuple[float, float, float]:
    """Shares of input, cached input and output in one kind of time."""
    long, short, plain = of(mixed), of(bare), of(decode)
    mean = share * long + (1.0 - share) * plain
    cached = float(cached_time_share(share, long, short, mean))
    prompts = float(input_time_share(share, long, plain, mean))
    return prompts - cached, cached, 1.0 - prompts
