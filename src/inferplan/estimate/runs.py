"""Finite measured runs in closed form: what a benchmark of a deployment would report.

Four kinds, one for each way of sending requests: :func:`static_run`,
:func:`~inferplan.estimate.offline.offline_run`,
:func:`~inferplan.estimate.closed.closed_run`, :func:`~inferplan.estimate.poisson.poisson_run`.
"""

from __future__ import annotations

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.closed import closed_run
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.offline import offline_run
from inferplan.estimate.poisson import poisson_run
from inferplan.estimate.predict import prefill_phase
from inferplan.estimate.run_result import RunResult, rates, same
from inferplan.estimate.setting import decode_step_s, setting

__all__ = ["RunResult", "closed_run", "offline_run", "poisson_run", "static_run"]


def static_run(
    model: ModelSpec,
    plan: Deployment,
    isl: float,
    osl: float,
    batch: float,
    *,
    past: float = 0.0,
) -> RunResult:
    """One batch that starts together: all prompts, then all decode steps.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run; replicas share the batch evenly.
    isl, osl : float
        Prompt tokens to compute and tokens to generate, per sequence.
    batch : float
        Sequences; 1 for a single stream. If they do not all fit at once, the rest wait
        as in :func:`~inferplan.estimate.offline.offline_run`.
    past : float
        Tokens already cached per sequence.

    Returns
    -------
    RunResult
        Every sequence has the same latencies. ``decode_tok_s`` is the batch over one
        decode step at mean context, ``prefill_tok_s`` all prompt tokens over TTFT.

    Raises
    ------
    CannotPredictError
        If not even one sequence fits, or the device cannot run the format.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats, models
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> run = static_run(models.model("llama-3.1-8b"), plan, isl=1000, osl=100, batch=8)
    >>> round(run.output_tok_s * run.makespan_s)
    800
    """
    at = setting(model, plan, isl + past, osl)
    each = max(1.0, batch / plan.replicas)
    if each > at.limit:
        return offline_run(model, plan, isl + past, osl, batch)
    ttft = prefill_phase(at.ops, at.m, isl, past, each).time_s
    tpot = float(decode_step_s(at, each))
    total = ttft + at.steps * tpot
    return RunResult(
        same(ttft),
        same(tpot),
        same(total),
        *rates(batch / total, isl, osl),
        decode_tok_s=batch / tpot,
        prefill_tok_s=batch * isl / ttft,
        makespan_s=total,
    )
