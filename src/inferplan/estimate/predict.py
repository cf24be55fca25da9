"""One deployment, one batch: time to first token, time per token, and what bounds them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from inferplan.catalog.evidence import Confidence
from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.confidence import confidence
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import Machine, machine
from inferplan.estimate.memory import MemoryUse, memory_use, sequences_held
from inferplan.estimate.operators import Operators, operators
from inferplan.estimate.step import Batch, StepTime, step_time
from inferplan.physics import batching, flops
from inferplan.physics.roofline import floor_time
from inferplan.physics.sharding import per_rank
from inferplan.provenance import named
from inferplan.units import Num


@dataclass(frozen=True, slots=True)
class Phase:
    """Prefill or decode of a batch.

    Parameters
    ----------
    time_s : float
        Time of the whole prefill, or of one decode step [s].
    step : StepTime
        The step it consists of (for a chunked prefill: the last full chunk).
    bound : str
        ``compute``, ``memory``, ``communication`` or ``overhead``: where most time goes.
    roofline_frac : float
        Floor of the work (both roofs at 100 % of peak) over the predicted time.
    """

    time_s: float
    step: StepTime
    bound: str
    roofline_frac: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        ops = [
            {
                "name": op.name,
                "flop": float(op.flop),
                "bytes": float(op.nbytes),
                "compute_s": float(op.compute_s),
                "memory_s": float(op.memory_s),
                "time_s": float(op.time_s),
            }
            for op in self.step.ops
        ]
        return {
            "time_s": self.time_s,
            "bound": self.bound,
            "roofline_frac": self.roofline_frac,
            "communication_s": float(self.step.communication_s),
            "overhead_s": float(self.step.overhead_s),
            "operators": ops,
        }


@dataclass(frozen=True, slots=True)
class Prediction:
    """What :func:`predict` returns.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What was asked.
    isl, osl, batch : float
        Input tokens, output tokens, sequences decoded together (over all replicas of size one).
    ttft_s : float
        Of one prompt on an idle replica: its prefill, and what the engine adds [s].
    tpot_s : float
        One decode step of the batch at its mean context [s].
    prefill, decode : Phase
        Details.
    memory : MemoryUse
        Of one device [B].
    sequences_held : float
        Sequences of ``isl + osl`` tokens that fit the KV pool at once.
    """

    model: ModelSpec
    plan: Deployment
    isl: float
    osl: float
    batch: float
    ttft_s: float
    tpot_s: float
    prefill: Phase
    decode: Phase
    memory: MemoryUse
    sequences_held: float

    @property
    def confidence(self) -> dict[str, Confidence]:
        """90 % intervals of ``ttft_s``, ``tpot_s`` and ``e2e_s``, and what they rest on."""
        return {
            f"{kind}_s": confidence(self.plan, kind, getattr(self, f"{kind}_s"))
            for kind in ("ttft", "tpot", "e2e")
        }

    @property
    def decode_tok_s_per_user(self) -> float:
        """Decode speed that one user sees [tokens/s]."""
        return 1.0 / self.tpot_s

    @property
    def decode_tok_s(self) -> float:
        """Decode speed of the whole batch [tokens/s]."""
        return self.batch / self.tpot_s

    @property
    def e2e_s(self) -> float:
        """Latency of one request [s]."""
        return self.ttft_s + max(self.osl - 1, 0) * self.tpot_s

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        return {
            "model": self.model.id,
            "deployment": self.plan.to_dict(),
            "isl_tokens": self.isl,
            "osl_tokens": self.osl,
            "batch": self.batch,
            "ttft_s": self.ttft_s,
            "tpot_s": self.tpot_s,
            "e2e_s": self.e2e_s,
            "decode_tok_s_per_user": self.decode_tok_s_per_user,
            "decode_tok_s": self.decode_tok_s,
            "intervals": {name: found.to_dict() for name, found in self.confidence.items()},
            "sequences_held": self.sequences_held,
            "memory_per_device": self.memory.to_dict(),
            "prefill": self.prefill.to_dict(),
            "decode": self.decode.to_dict(),
        }


def predict(
    model: ModelSpec, plan: Deployment, isl: float, osl: float, batch: float = 1.0
) -> Prediction:
    """Latency and speed of a batch of equal requests on one replica.

    Parameters
    ----------
    model : ModelSpec
        The model.
    plan : Deployment
        One replica is used; ``replicas`` is ignored.
    isl, osl : float
        Input and output tokens per request.
    batch : float
        Sequences decoded together.

    Returns
    -------
    Prediction
        TTFT of a prompt on an idle replica, TPOT at the batch and mean context.

    Raises
    ------
    CannotPredictError
        If the batch does not fit in memory, or the device cannot run the format.
    InputError
        If the context exceeds what the model declares.

    Examples
    --------
    >>> import inferplan as ip
    >>> p = ip.predict("llama-3.1-8b", "h100_sxm", isl=1000, osl=200)
    >>> 0.0048 < p.tpot_s < 0.012
    True
    """
    check_context(model, isl + osl)
    m, ops = machine(plan), operators(model)
    held = float(sequences_held(model, m, isl + osl))
    use = memory_use(model, m)
    if held < batch:
        raise CannotPredictError(_too_big(model, plan, use, held, batch, isl + osl))
    context = batching.mean_decode_context(isl, osl)
    decode = _phase(step_time(ops, m, Batch(batching.micro_batch(batch, m.pp), context)), m, 1.0)
    prefill = prefill_phase(ops, m, isl)
    return Prediction(
        model, plan, isl, osl, batch, prefill.time_s + float(m.request_overhead_s), decode.time_s,
        prefill, decode, use, held,
    )  # fmt: skip


def check_context(model: ModelSpec, tokens: float) -> None:
    """Fail if a request of *tokens* in and out is longer than the model declares.

    Parameters
    ----------
    model : ModelSpec
        The model.
    tokens : float
        Input and output of a request [tokens].

    Raises
    ------
    InputError
        Names the limit.
    """
    if tokens > model.context_max:
        raise InputError(
            "--isl + --osl",
            f"{tokens:g} tokens",
            f"exceed the {model.context_max} of {model.id}",
            f"keep the sum at {model.context_max} or below",
        )


def prefill_step(
    ops: Operators, m: Machine, isl: Num, past: Num = 0.0, seqs: Num = 1.0
) -> tuple[StepTime, Num]:
    """One of the equal steps that prefill *seqs* prompts on an idle replica, and their number.

    Parameters
    ----------
    ops, m
        Model and deployment.
    isl, past : float
        Tokens to compute and tokens cached, per prompt.
    seqs : float
        Prompts computed together (a static batch).
    """
    tokens = batching.batch_tokens(isl, seqs)
    chunks = batching.prompt_chunks(tokens, batching.over_ranks(m.budget_tokens, m.dp))
    chunk = named("tokens per step", per_rank(tokens, chunks))
    span = flops.causal_context(past, isl)
    batch = Batch(0.0, 0.0, chunk, span, named("prompts per step", per_rank(seqs, chunks)))
    return step_time(ops, m, batch), chunks


def prefill_phase(
    ops: Operators, m: Machine, isl: float, past: float = 0.0, seqs: float = 1.0
) -> Phase:
    """Prefill of *seqs* prompts of *isl* tokens behind *past* cached ones, by an idle replica.

    Parameters
    ----------
    ops, m, isl, past, seqs
        As for :func:`prefill_step`, as floats.
    """
    step, chunks = prefill_step(ops, m, isl, past, seqs)
    return _phase(step, m, float(batching.prompt_time(1.0, chunks, m.pp)))


def _phase(step: StepTime, m: Machine, steps: float) -> Phase:
    compute = sum(float(op.compute_s) for op in step.ops if op.compute_s >= op.memory_s)
    moved = sum(float(op.memory_s) for op in step.ops if op.compute_s < op.memory_s)
    shares = {
        "compute": compute,
        "memory": moved,
        "communication": float(step.communication_s),
        "overhead": float(step.total_s) - compute - moved - float(step.communication_s),
    }
    floor = step_floor(step, m)
    total = float(step.total_s)
    return Phase(total * steps, step, max(shares, key=lambda k: shares[k]), floor / total)


def step_floor(step: StepTime, m: Machine) -> float:
    """No step is faster: all its work at 100 % of both peaks of every device [s]."""
    flop = sum(float(op.flop) for op in step.ops)
    nbytes = sum(float(op.nbytes) for op in step.ops)
    peak: Num = max(m.peak_matmul_flop_per_s, m.peak_attention_flop_per_s)
    return float(floor_time(flop, peak, nbytes, m.mem_bytes_per_s))


def _too_big(
    model: ModelSpec, plan: Deployment, use: MemoryUse, held: float, batch: float, context: float
) -> str:
    where = f"{plan.devices_per_replica} x {plan.device.id}"
    weights, room = float(use.weights_bytes) / 1e9, float(use.mem_bytes) / 1e9
    if float(use.kv_pool_bytes) <= 0:
        return (
            f"{model.id} in {plan.weights.id} does not fit {where}: weights {weights:.1f} GB of"
            f" {room:.1f} GB usable per device; use more devices or a smaller weight format"
        )
    return (
        f"{batch:g} sequences of {context:g} tokens do not fit {where}: the KV pool holds"
        f" {math.floor(held)}; use a smaller batch, more devices or a smaller KV format"
    )
