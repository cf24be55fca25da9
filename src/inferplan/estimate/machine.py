"""Resolve a deployment into the numbers that physics needs, each still a sourced fact.

``facts_of`` is the only place where catalogue, formats and efficiency factors meet.
Its facts become a :class:`Machine` of floats (to predict), of arrays (to search
thousands of deployments at once) or of nodes (to explain); the formulas do not
know the difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from inferplan.catalog.calibration import calibrated, shifted, shifts
from inferplan.catalog.efficiency import compute_factors, link_factors, profiles, routing_factors
from inferplan.catalog.formats import support
from inferplan.catalog.types import Device, WeightFormat
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment
from inferplan.provenance import Fact, Grade, given
from inferplan.units import Ints, Num

PLAN = "the plan"
"""Source of values that the deployment chooses."""

HIDDEN = Fact(0.0, "s", "the engine launches ahead of the device, or as a graph", grade=Grade.GIVEN)
"""Launch time of an engine that does not wait for its own launches."""

MEASURABLE = (
    "mem_frac", "kv_mem_frac", "matmul_frac", "attention_frac", "expert_frac", "expert_mem_frac",
    "op_latency_s", "attention_latency_s", "expert_latency_s", "layer_launch_s", "step_overhead_s",
)  # fmt: skip
"""Fields of :class:`Machine` that a device may have of its own (``Device.factors``)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A deployment as physics sees it. Each field is a float, an array, or a Node.

    Parameters
    ----------
    tp, pp, dp
        Parallel sizes [devices].
    peak_matmul_flop_per_s, peak_attention_flop_per_s
        Dense peak in the format the products compute in, and in 16 bit [FLOP/s].
    mem_bytes, mem_bytes_per_s
        Memory of a device the runtime can reach [B], and its peak bandwidth [B/s].
    link_bytes_per_s, link_frac, link_latency_s
        One-direction link bandwidth [B/s], attained share, fixed cost of a call [s].
    link_direct_frac, link_ring_latency_s
        The same share where every device sends to every other at once; what a ring costs more [s].
    linear_bits, expert_bits, head_bits, kv_bits, other_bits
        Bits per weight of layer matrices, experts, embeddings and head; per cached
        element; per remaining weight.
    activation_bytes
        Bytes of one activation [B].
    matmul_frac, mem_frac, kv_mem_frac, attention_frac, overlap_frac
        Attained shares of the peaks (see ``efficiency.csv`` and ``calibration.csv``).
    expert_frac, expert_mem_frac
        The same for the grouped products of routed experts.
    routing_spread
        How independently the tokens of a batch choose their experts: 1 fully, 0 not at all.
    quantise_bytes
        Bytes moved per activation to bring it into the format that products compute in [B].
    op_latency_s, attention_latency_s, expert_latency_s
        Fixed time of an operator in a layer: matrix products and norms, attention or state,
        routed experts [s].
    layer_launch_s
        Time the host takes to launch the kernels of a layer, while the device works [s].
    step_overhead_s, seq_overhead_s, prefill_overhead_s
        Host time per step, per sequence and step, and more of a step with prompts [s].
    request_overhead_s
        Time of a request outside steps: receiving, tokenising, sending [s].
    reserve_bytes, utilization
        Runtime reserve [B] and the engine's share of memory.
    budget_tokens, max_num_seqs
        Token budget of a step, running sequences at most.
    """

    tp: Num
    pp: Num
    dp: Num
    peak_matmul_flop_per_s: Num
    peak_attention_flop_per_s: Num
    mem_bytes: Num
    mem_bytes_per_s: Num
    link_bytes_per_s: Num
    link_frac: Num
    link_latency_s: Num
    link_direct_frac: Num
    link_ring_latency_s: Num
    linear_bits: Num
    expert_bits: Num
    head_bits: Num
    other_bits: Num
    kv_bits: Num
    activation_bytes: Num
    matmul_frac: Num
    mem_frac: Num
    kv_mem_frac: Num
    attention_frac: Num
    overlap_frac: Num
    expert_frac: Num
    expert_mem_frac: Num
    routing_spread: Num
    quantise_bytes: Num
    op_latency_s: Num
    attention_latency_s: Num
    expert_latency_s: Num
    layer_launch_s: Num
    step_overhead_s: Num
    seq_overhead_s: Num
    prefill_overhead_s: Num
    request_overhead_s: Num
    reserve_bytes: Num
    utilization: Num
    budget_tokens: Num
    max_num_seqs: Num


NAMES = tuple(f.name for f in fields(Machine))


def compute_format(device: Device, weights: WeightFormat) -> tuple[str, bool]:
    """Number format that matrix products run in, and whether weights are dequantised for it.

    Parameters
    ----------
    device : Device
        The accelerator.
    weights : WeightFormat
        How weights are stored.

    Returns
    -------
    (format, weight_only)
        A key of ``device.peak_flop_per_s``.

    Raises
    ------
    CannotPredictError
        If the device cannot run the format at all, or no peak of it is published.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> from inferplan.catalog.formats import weight_format
    >>> compute_format(device("h100_sxm"), weight_format("fp8"))
    ('fp8', False)
    >>> compute_format(device("a100_sxm_80"), weight_format("fp8"))
    ('fp16', True)
    >>> compute_format(device("xeon_platinum_8380"), weight_format("q4_0"))
    ('int8', True)
    """
    peaks = device.peak_flop_per_s
    level = support(device, weights.id)
    if level == "none":
        raise CannotPredictError(f"{device.id} cannot run {weights.id} weights")
    if level == "native" and weights.compute in peaks:
        return weights.compute, False
    integers_first = multiplies_integers(device, weights)
    for fallback in ("int8", "fp16", "fp32") if integers_first else ("fp16", "fp32", "int8"):
        if fallback in peaks:
            return fallback, weights.bits < 16
    raise CannotPredictError(f"{device.id} has no published compute peak")


def multiplies_integers(device: Device, weights: WeightFormat) -> bool:
    """Whether weights that the device has no format for are multiplied as 8-bit integers.

    Processors do that with quantised ones, and bring the activations to 8 bits (llama.cpp's and
    OpenVINO's kernels); accelerators bring the weights to 16 bits.

    Parameters
    ----------
    device : Device
        The processor or accelerator.
    weights : WeightFormat
        How weights are stored.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> from inferplan.catalog.formats import weight_format
    >>> [multiplies_integers(device(name), weight_format("q4_0"))
    ...     for name in ("ryzen_9_7950x", "rtx4090")]
    [True, False]
    """
    return weights.bits < 16 and device.device_class == "cpu"


def _peak(device: Device, name: str, engine: str) -> Fact:
    if engine == "llama.cpp" and name == "fp16" and "fp16_accumulate" in device.peak_flop_per_s:
        name = "fp16_accumulate"
    return device.facts[f"peak_flop_per_s.{name}"]


def _choice(value: float, unit: str = "", source: str = PLAN) -> Fact:
    return Fact(float(value), unit, source, grade=Grade.GIVEN)


def calibration_keys(plan: Deployment) -> dict[str, str]:
    """What calibrated effects of a deployment go by: level -> key.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> keys = calibration_keys(plan)
    >>> keys["device"], keys["engine"], keys["compute"]
    ('h100_sxm', 'vllm', 'fp8')
    """
    device = plan.device
    computes, weight_only = compute_format(device, plan.weights)
    return {
        "all": "",
        "profile": device.profile,
        "architecture": device.architecture,
        "device": device.id,
        "engine": plan.engine.id,
        "backend": plan.backend or plan.engine.id,
        "compute": "weight_only" if weight_only else computes,
        "weights": plan.weights.id,
        "link": device.link.kind,
        "age": f"{plan.software_age_years:g}",
    }


def facts_of(plan: Deployment) -> dict[str, Fact]:
    """Every number of a deployment that physics needs, with its source.

    Parameters
    ----------
    plan : Deployment
        The deployment.

    Returns
    -------
    dict
        Field of :class:`Machine` -> :class:`Fact`.

    Raises
    ------
    CannotPredictError
        If the device cannot run the weight format or lacks a published peak.
    """
    found = uncalibrated(plan)
    keys = calibration_keys(plan)
    own = _measured(plan.device, keys) if plan.device.factors else {}
    return {
        name: own[name] if name in own else calibrated(name, fact, keys)
        for name, fact in found.items()
    }


def _measured(device: Device, keys: dict[str, str]) -> dict[str, Fact]:
    """Factors that were measured on the device, each by the narrowest key it has."""
    engine, weights, computes = keys["engine"], keys["weights"], keys["compute"]
    found: dict[str, Fact] = {}
    for name in MEASURABLE:
        for key in (f"{name}|{engine}|{weights}", f"{name}|{engine}", f"{name}|{weights}",
                    f"{name}|{computes}", name):  # fmt: skip
            if key in device.factors:
                found[name] = device.factors[key]
                break
    return found


def uncalibrated(plan: Deployment) -> dict[str, Fact]:
    """Every number of a deployment as it is assumed, before any shift.

    Parameters
    ----------
    plan : Deployment
        The deployment.

    Raises
    ------
    CannotPredictError
        See :func:`facts_of`.
    """
    device, profile, weights = plan.device, profiles()[plan.device.profile], plan.weights
    link = link_factors(device.link.kind)
    computes, weight_only = compute_format(device, weights)
    matmul_peak = _peak(device, computes, plan.engine.id)
    sixteen = "fp16" if "fp16" in device.peak_flop_per_s else next(iter(device.peak_flop_per_s))
    bits = Fact(16.0, "bit", "16-bit tensors beside the quantised ones")
    bits = Fact(32.0, "bit", "fp32 weights") if weights.bits >= 32 else bits
    usable = device.mem_bytes * profile["usable_mem_frac"]
    memory = device.facts["mem_bytes"]
    return {
        "tp": _choice(plan.tp, "devices"),
        "pp": _choice(plan.pp, "stages"),
        "dp": _choice(plan.dp, "ranks"),
        "peak_matmul_flop_per_s": matmul_peak,
        "peak_attention_flop_per_s": device.facts[f"peak_flop_per_s.{sixteen}"],
        "mem_bytes": Fact(usable, "B", memory.source, memory.locator, memory.date, memory.grade),
        "mem_bytes_per_s": device.facts["mem_bytes_per_s"],
        "link_bytes_per_s": device.facts.get(
            "link.bytes_per_s", _choice(math.inf, "B/s", "no link")
        ),
        "link_frac": link.facts["frac"],
        "link_latency_s": link.facts["latency_s"],
        "link_direct_frac": link.facts["direct_frac"],
        "link_ring_latency_s": link.facts["ring_latency_s"],
        "linear_bits": weights.fact if weights.scope == "linear" else bits,
        "expert_bits": weights.fact,
        "head_bits": Fact(weights.head_bits, "bit", weights.fact.source),
        "other_bits": bits,
        "kv_bits": plan.kv.fact,
        "activation_bytes": Fact(bits.value / 8, "B", "16-bit activations (fp32: 4 B)"),
        "matmul_frac": profile.facts["weight_only_gemm_frac" if weight_only else "gemm_frac"],
        "mem_frac": profile.facts["mem_frac"],
        "kv_mem_frac": profile.facts["kv_mem_frac"],
        "attention_frac": profile.facts["attention_frac"],
        "overlap_frac": profile.facts["overlap_frac"],
        "expert_frac": profile.facts["weight_only_gemm_frac" if weight_only else "gemm_frac"],
        "expert_mem_frac": profile.facts["mem_frac"],
        "routing_spread": routing_factors().facts["routing_spread"],
        "quantise_bytes": compute_factors(computes).facts["quantise_bytes"],
        "op_latency_s": profile.facts["op_latency_s"],
        "attention_latency_s": profile.facts["attention_latency_s"],
        "expert_latency_s": profile.facts["expert_latency_s"],
        "layer_launch_s": plan.engine.facts.get("layer_launch_s", HIDDEN),
        "step_overhead_s": plan.engine.facts["step_overhead_s"],
        "seq_overhead_s": plan.engine.facts["seq_overhead_s"],
        "prefill_overhead_s": plan.engine.facts["prefill_overhead_s"],
        "request_overhead_s": plan.engine.facts["request_overhead_s"],
        "reserve_bytes": profile.facts["reserve_bytes"],
        "utilization": _choice(plan.gpu_memory_utilization, "1"),
        "budget_tokens": _choice(plan.max_num_batched_tokens, "tokens"),
        "max_num_seqs": _choice(plan.max_num_seqs, "sequences"),
    }


def machine(plan: Deployment) -> Machine:
    """The deployment's numbers as floats.

    Raises
    ------
    CannotPredictError
        See :func:`facts_of`.
    """
    keys = calibration_keys(plan)
    moved = shifts(keys)
    values = {
        name: shifted(name, fact.value, moved[name]) if name in moved else fact.value
        for name, fact in uncalibrated(plan).items()
    }
    own = _measured(plan.device, keys) if plan.device.factors else {}
    return Machine(**(values | {name: fact.value for name, fact in own.items()}))


def traced_machine(plan: Deployment) -> Machine:
    """The deployment's numbers as Nodes: every figure computed from them explains itself."""
    return Machine(**{name: given(name, fact) for name, fact in facts_of(plan).items()})  # type: ignore[arg-type]


def stacked(plans: Sequence[Deployment]) -> tuple[list[Deployment], Machine | None, dict[str, str]]:
    """Many deployments as one machine whose fields are arrays of shape (n,).

    Layouts of the same device, formats and engine differ in their parallel sizes only, so
    each such group is resolved once.

    Parameters
    ----------
    plans : sequence of Deployment
        Any; those that cannot be resolved are left out.

    Returns
    -------
    (plans, machine, refused)
        The deployments kept, in order; None if none is; device id -> why one is left out.
    """
    kept: list[Deployment] = []
    table: list[list[float]] = []
    refused: dict[str, str] = {}
    rows: dict[object, list[float] | None] = {}
    for plan in plans:
        key = (id(plan.device), plan.weights.id, plan.kv.id, plan.engine.id,
               plan.max_num_seqs, plan.max_num_batched_tokens,
                plan.gpu_memory_utilization)  # fmt: skip
        if key not in rows:
            rows[key] = _row(plan, refused)
        row = rows[key]
        if row is not None:
            kept.append(plan)
            table.append([plan.tp, plan.pp, plan.dp, *row])
    if not kept:
        return [], None, refused
    columns = np.array(table, dtype=float).T.copy()
    return kept, Machine(**dict(zip(NAMES, columns, strict=True))), refused


def _row(plan: Deployment, refused: dict[str, str]) -> list[float] | None:
    """All fields of a machine but the three parallel sizes that come first."""
    try:
        one = machine(plan)
    except CannotPredictError as error:
        refused[plan.device.id] = error.reason
        return None
    return [float(getattr(one, name)) for name in NAMES[3:]]


def subset(machines: Machine, index: Ints) -> Machine:
    """Rows *index* of a stacked machine."""
    return Machine(**{name: getattr(machines, name)[index] for name in NAMES})
