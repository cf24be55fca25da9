"""Random deployments: catalogue and invented devices, models that fit them, every layout."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from inferplan.catalog.devices import device, devices, fill
from inferplan.catalog.models import model
from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment, default_engine, engine_knobs
from inferplan.estimate.machine import NAMES, Machine, machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import Operators, operators
from inferplan.plan.space import kv_choices, layouts, weight_choices
from inferplan.provenance import Fact, Grade

MODELS = (  # one of every kind of layer, small to large
    "Qwen2.5-0.5B",  # tied, GQA
    "Llama-3.2-1B",
    "Llama-3.1-8B",
    "Llama-2-7B",  # MHA
    "Falcon-7B",  # MQA, 71 heads
    "Phi-4",  # ten KV heads
    "Gemma-3-27B",  # windows
    "Gemma-3n-E4B",  # layers that share a cache
    "Mistral-7B-v0.1",  # windows only
    "Llama-3-70B",
    "Mixtral-8x7B",
    "Qwen3-30B-A3B",
    "gpt-oss-20b",
    "gpt-oss-120b",
    "DeepSeek-V2-Lite",  # MLA
    "DeepSeek-V3",
    "DeepSeek-V3.2",  # MLA, sparse
    "DeepSeek-V4-Flash",  # compressed entries
    "Qwen3-Next-80B-A3B",  # hybrid with MoE
    "Nemotron-H-8B",  # hybrid, dense
    "Nemotron-3-Super-120B-A12B",  # latent experts
    "Step-3.5-Flash",  # two head counts
)
CONTEXT = 2048
"""Tokens of which every drawn deployment holds at least one sequence."""


@dataclass(frozen=True, repr=False)
class Case:
    model: ModelSpec
    plan: Deployment
    batch: float
    isl: float
    osl: float

    def __repr__(self) -> str:
        m = {
            name: getattr(self.m, name)
            for name in ("mem_bytes", "mem_bytes_per_s", "link_bytes_per_s")
        }
        p = self.plan
        return (
            f"{self.model.id} on {p.layout} {p.device.id} {p.weights.id}/{p.kv.id}"
            f" {self.batch} x {self.isl}+{self.osl} {m}"
        )

    def _repr_pretty_(self, printer, _cycle):  # or hypothesis prints every fact of the device
        printer.text(repr(self))

    @property
    def m(self) -> Machine:
        return machine(self.plan)

    @property
    def ops(self) -> Operators:
        return operators(self.model)


def _plans(chosen, spec):
    engine = default_engine(chosen)
    seqs, budget = engine_knobs(engine, chosen)
    tensor = bool(engine["tensor_parallel"])
    return [
        Deployment(
            chosen, weights, kv, engine, tp=tp, pp=pp, dp=dp,
            max_num_seqs=seqs, max_num_batched_tokens=budget,
            gpu_memory_utilization=engine["gpu_memory_utilization"],
        )
        for weights in weight_choices(chosen, spec, ())
        for kv in kv_choices(chosen, ())
        for tp, pp, dp in layouts(chosen, operators(spec), tensor=tensor)
    ]  # fmt: skip


def _fit(chosen, name):
    plans = _plans(chosen, model(name))
    if not plans:
        return []
    table = [[getattr(m, field) for field in NAMES] for m in map(machine, plans)]
    every = Machine(*np.array(table).T)
    held = np.asarray(sequences_held(model(name), every, CONTEXT))
    return [plan for plan, n in zip(plans, held, strict=True) if n >= 1]


@cache
def _fit_by_id(device_id):
    fits = {name: _fit(device(device_id), name) for name in MODELS}
    return {name: plans for name, plans in fits.items() if plans}


@st.composite
def _invented(draw):
    """A device that nobody sells, from a calculator to beyond anything announced."""
    like = device(draw(st.sampled_from(("h100_sxm", "rtx4090", "l40s", "mi300x", "m3_max_40c"))))
    values = {
        "mem_bytes": draw(st.floats(1e10, 1e12)),
        "mem_bytes_per_s": draw(st.floats(3e10, 3e13)),
        "peak_flop_per_s.fp16": draw(st.floats(1e12, 5e15)),
        "link.bytes_per_s": draw(st.floats(1e9, 2e12)),
        "link.domain_size": draw(st.sampled_from((1.0, 2.0, 8.0, 72.0))),
    }
    facts = {key: Fact(value, "", "invented", grade=Grade.ASSUMED) for key, value in values.items()}
    named = replace(like, id="invented", mem_options_bytes=())
    return fill(named, facts, draw(st.sampled_from(("nvlink", "pcie", "none"))))


@cache
def _runnable():
    """Devices with memory for the smallest model and a published peak."""
    return tuple(sorted(n for n, d in devices().items() if d.peak_flop_per_s and d.mem_bytes > 6e9))


@st.composite
def _cases(draw):
    if draw(st.booleans()):
        fits = _fit_by_id(draw(st.sampled_from(_runnable())))
        assume(fits)
        name = draw(st.sampled_from(sorted(fits)))
        plans = fits[name]
    else:
        name = draw(st.sampled_from(MODELS))
        plans = _fit(draw(_invented()), name)
        assume(plans)
    plan = draw(st.sampled_from(plans))
    batch = draw(st.one_of(st.just(1.0), st.floats(1.0, 256.0)))
    isl = float(draw(st.integers(1, CONTEXT - 256)))
    return Case(model(name), plan, batch, isl, float(draw(st.integers(2, 256))))


@pytest.fixture(scope="session")
def cases():
    """Strategy of a model on a deployment that holds it, with a batch and lengths."""
    return _cases()


@pytest.fixture(scope="session")
def fitting():
    """Device id -> model name -> deployments that hold it."""
    return _fit_by_id
