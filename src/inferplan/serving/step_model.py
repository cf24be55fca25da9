"""The step time of a deployment as tables and coefficients that the kernel reads.

Everything is measured on :func:`inferplan.estimate.step.step_time` itself, so the simulator
and the closed form cannot drift apart: operators that depend on a token count alone are
evaluated over a range of counts; the work of the others is affine, so that unit batches give
its coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import Machine, machine
from inferplan.estimate.operators import UNBOUNDED, AttentionCore, Operators, operators
from inferplan.estimate.step import Batch, OpTime, step_time
from inferplan.physics.arithmetic import total
from inferplan.physics.roofline import launch_latency
from inferplan.serving.kernel import layout as at
from inferplan.serving.state import StepTables

DENSE = 512
"""Batches of fewer tokens have an entry of their own."""

STRIDE = 64
"""Above, one entry in this many tokens; between them the time is interpolated."""

Table = npt.NDArray[np.float64]


def step_tables(model: ModelSpec, plans: Sequence[Deployment]) -> StepTables:
    """Step models of one or more deployments of a model.

    Parameters
    ----------
    model : ModelSpec
        The model.
    plans : sequence of Deployment
        One per kind of replica, e.g. of a prefill and of a decode pool.

    Raises
    ------
    CannotPredictError
        If a device cannot run the weight format.

    Examples
    --------
    >>> from inferplan.api.build import build_plan, find_device, find_model
    >>> spec, _ = find_model("llama-3-8b")
    >>> tables = step_tables(spec, [build_plan(spec, find_device("a100_sxm_80"))])
    >>> bool(0.008 < tables.curves[0, 0, 1] < 0.02)
    True
    """
    ops = operators(model)
    machines = [machine(plan) for plan in plans]
    most = int(max(m.budget_tokens * m.dp for m in machines))
    by_kind = [_tables(ops, m, most) for m in machines]
    return StepTables(
        curves=np.array(by_kind),
        ops=np.array([_affine(ops, m) for m in machines]).reshape(len(plans), -1, at.OP_COLUMNS),
        host=np.array([_host(m) for m in machines]),
        dense=DENSE,
        stride=STRIDE,
    )


def _host(m: Machine) -> list[float]:
    """Host time per step, per sequence, and per step with prompts [s]."""
    row = [0.0] * at.HOST_COLUMNS
    row[at.HOST_PER_STEP] = float(m.step_overhead_s)
    row[at.HOST_PER_SEQ] = float(m.seq_overhead_s / m.dp)
    row[at.HOST_PROMPTS] = float(m.prefill_overhead_s)
    return row


def knots(most: int) -> Table:
    """Token counts that the tables have an entry for.

    Examples
    --------
    >>> knots(600)[-3:].tolist()
    [512.0, 576.0, 640.0]
    """
    strides = max(1, -(-(most - DENSE) // STRIDE))
    return np.concatenate([np.arange(DENSE), DENSE + STRIDE * np.arange(strides + 1)]).astype(float)


def _tables(ops: Operators, m: Machine, most: int) -> tuple[Table, Table]:
    """Time by tokens (layers and communication) and by sequences (output head) [s]."""
    counts = knots(most)
    step = step_time(ops, m, Batch(counts, 0.0))
    heads = [mm.scope == "head" for mm in ops.matmuls]
    busy = total(*(op.time_s for op in step.ops), step.communication_s)
    waits = step.total_s - step.overhead_s - busy  # for the host's launches; nearly always none
    by_tokens = step.communication_s + np.where(waits > 1e-12, waits, 0.0)
    by_rows = np.zeros_like(counts)
    for is_head, op in zip(heads, step.ops, strict=False):
        if is_head:
            by_rows += op.time_s
        else:
            by_tokens += op.time_s
    return by_tokens, by_rows


def _affine(ops: Operators, m: Machine) -> list[list[float]]:
    """Rows of the kernel's operators: attention, recurrent state, and elementwise work."""
    first = len(ops.matmuls)
    decode = step_time(ops, m, Batch(1.0, 1.0)).ops[first:]
    prompt = step_time(ops, m, Batch(0.0, 0.0, 1.0, 1.0, 0.0)).ops[first:]
    chunk = step_time(ops, m, Batch(0.0, 0.0, 1.0, 1.0, 1.0)).ops[first:]
    rows = []
    for k, core in enumerate((*ops.attention, *ops.state, None)):
        row = _empty(m, ops, core)
        if isinstance(core, AttentionCore):
            _set_attention(row, core, decode[k], prompt[k], chunk[k])
        else:
            _set_streaming(row, decode[k], prompt[k], chunk[k])
        rows.append(row)
    return rows


def _empty(m: Machine, ops: Operators, core: object) -> list[float]:
    layers = getattr(core, "layers", ops.mixer_layers + ops.ffn_layers)
    row = [0.0] * at.OP_COLUMNS
    row[at.EXPOSED] = 1.0 - float(m.overlap_frac)
    latency = m.op_latency_s if core is None else m.attention_latency_s
    row[at.LATENCY_S] = float(launch_latency(latency, layers))
    return row


def _set_attention(
    row: list[float], core: AttentionCore, decode: OpTime, prompt: OpTime, chunk: OpTime
) -> None:
    """Work per cache entry read; a context of one token reads ``1 + 1/compression`` entries."""
    read = 1.0 + (1.0 / core.compression if core.compression else 0.0)
    row[at.C_DECODE], row[at.M_DECODE] = (
        float(decode.compute_s) / read,
        float(decode.memory_s) / read,
    )
    row[at.C_PROMPT], row[at.M_PROMPT] = float(prompt.compute_s) / read, float(prompt.memory_s)
    row[at.M_CHUNK] = float(chunk.memory_s - prompt.memory_s) / read
    row[at.LIMIT] = core.window if core.compression else min(core.window, core.top_k)
    row[at.COMPRESSION], row[at.TOP_K] = float(core.compression), core.top_k


def _set_streaming(row: list[float], decode: OpTime, prompt: OpTime, chunk: OpTime) -> None:
    """Work per token, and per sequence or row of the output head."""
    row[at.C_TOKENS], row[at.M_TOKENS] = float(prompt.compute_s), float(prompt.memory_s)
    row[at.M_SEQS] = float(chunk.memory_s - prompt.memory_s)
    row[at.LIMIT] = UNBOUNDED
    # A decode is a token and a sequence.
    if not np.isclose(float(decode.memory_s), row[at.M_TOKENS] + row[at.M_SEQS], rtol=1e-9):
        raise ArithmeticError(f"{decode.name} is not affine")
