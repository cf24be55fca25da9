"""One batch that starts together: nothing arrives, so nothing needs to be simulated."""

from __future__ import annotations

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import operators
from inferplan.estimate.predict import prefill_phase
from inferplan.estimate.step import Batch, step_time
from inferplan.measure.run_result import RunResult, rates, same
from inferplan.physics.batching import mean_decode_context, micro_batch


def held_at_once(model: ModelSpec, plan: Deployment, isl: float, osl: float) -> float:
    """Sequences that one replica runs at once: its KV pool at mean context, at most its seats.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run.
    isl, osl : float
        Tokens of a request; *isl* counts what is cached already.
    """
    m = machine(plan)
    context = max(float(mean_decode_context(isl, osl)), 1.0)
    return min(float(sequences_held(model, m, context)), float(m.max_num_seqs) * float(m.dp))


def static_run(
    model: ModelSpec, plan: Deployment, isl: float, osl: float, batch: float, *, past: float = 0.0
) -> RunResult:
    """All prompts, then all decode steps, of one batch.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run; replicas share the batch evenly.
    isl, osl : float
        Prompt tokens to compute and tokens to generate, per sequence.
    batch : float
        Sequences; 1 for a single stream. They must fit at once (:func:`held_at_once`).
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
        If the device cannot run the format.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats, models
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> run = static_run(models.model("llama-3.1-8b"), plan, isl=1000, osl=100, batch=8)
    >>> round(run.output_tok_s * run.makespan_s)
    800
    """
    ops, m = operators(model), machine(plan)
    each = max(1.0, batch / plan.replicas)
    prefill = prefill_phase(ops, m, isl, past, each).time_s
    ttft = prefill + float(m.request_overhead_s)
    context = float(mean_decode_context(isl + past, osl))
    tpot = float(step_time(ops, m, Batch(micro_batch(each, m.pp), context)).total_s)
    total = ttft + max(osl - 1.0, 0.0) * tpot
    return RunResult(
        same(ttft),
        same(tpot),
        same(total),
        *rates(batch / total, isl, osl),
        decode_tok_s=batch / tpot,
        prefill_tok_s=batch * isl / prefill,
        makespan_s=total,
    )
