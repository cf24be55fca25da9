"""One set of formulas: floats, arrays of deployments, and nodes give the same numbers."""

import functools
import importlib
import inspect
import pkgutil
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import inferplan.cost
import inferplan.physics
from inferplan.catalog.models import model
from inferplan.estimate.machine import NAMES, Machine, machine, stacked, subset, traced_machine
from inferplan.estimate.memory import memory_use, sequences_held
from inferplan.estimate.operators import operators
from inferplan.estimate.serving import batch_for, largest_batch, memory_batch_limit
from inferplan.estimate.steady import Lengths, demand_met, operating_point
from inferplan.estimate.step import Batch, step_time
from inferplan.metrics.slo import Slo
from inferplan.provenance import Grade, Node, chosen, plain, worst
from inferplan.workload.load import Load

DATA = st.data()
DEVICES = ("h100_sxm", "rtx4090", "l40s", "mi300x", "a100_sxm_80", "m3_max_40c", "b200_sxm")


def figures(value, where=""):
    """Every number of nested dataclasses, mappings and tuples, with its place."""
    if is_dataclass(value) and not isinstance(value, Node):
        for f in fields(value):
            yield from figures(getattr(value, f.name), f"{where}.{f.name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from figures(item, f"{where}.{key}")
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from figures(item, f"{where}[{i}]")
    elif not isinstance(value, str):
        yield where, value


@functools.cache
def formulas():
    """Every formula of the package by its text and name."""
    found = {}
    for package in (inferplan.physics, inferplan.cost):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for function in vars(module).values():
                about = getattr(function, "formula", None)
                if about is not None and function.__module__ == module.__name__:
                    found[about] = function
    return found


def nodes_below(*roots):
    """Every distinct node of the derivations."""
    seen, waiting = {}, [root for root in roots if isinstance(root, Node)]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen[id(node)] = node
            waiting += node.inputs
    return list(seen.values())


@given(data=DATA)
@settings(max_examples=12)
def test_arrays_equal_scalars(data, fitting):
    """Machines of mixed devices in one expression, as in the search."""
    names = data.draw(st.lists(st.sampled_from(DEVICES), min_size=1, max_size=4, unique=True))
    fits = [fitting(name) for name in names]
    shared = sorted(set.intersection(*(set(f) for f in fits)))
    name = data.draw(st.sampled_from(shared))
    spec = model(name)
    plans = [data.draw(st.sampled_from(f[name])) for f in fits for _ in range(2)]
    kept, many, refused = stacked(plans)
    assert kept == plans
    assert refused == {}
    assert many is not None
    ops, lengths = operators(spec), Lengths(700.0, 500.0, 200.0)
    batches = np.array(
        data.draw(st.lists(st.floats(1e-3, 500.0), min_size=len(plans), max_size=len(plans)))
    )
    load = Load(700, 200, rate_per_s=3.0, prefix_hit_frac=2 / 7)
    slos = (Slo("tpot", "p95", 0.08),)

    def everything(m, batch):
        limit = memory_batch_limit(spec, m, lengths)
        return {
            "step": step_time(ops, m, Batch(batch, 900.0, 256.0, 400.0, 0.5)),
            "point": operating_point(ops, m, lengths, batch),
            "memory": memory_use(spec, m),
            "held": sequences_held(spec, m, 900.0),
            "limit": limit,
            "largest": largest_batch(ops, m, load, slos, limit, 12),
            "for": batch_for(ops, m, load, 2.0, np.maximum(limit, 1.0)),
        }

    together = dict(figures(everything(many, batches)))
    for i, plan in enumerate(plans):
        one = machine(plan)
        row = Machine(*(getattr(subset(many, np.array([i])), name)[0] for name in NAMES))
        assert row == one
        for where, value in figures(everything(one, batches[i])):
            array = np.broadcast_to(together[where], (len(plans),))
            # A search ends once all rows are within 1e-12, so a row may be polished further.
            close = 1e-9 if where.startswith(("for", "largest")) else 1e-12
            assert float(array[i]) == pytest.approx(float(value), rel=close, abs=1e-300), where


@given(data=DATA)
@settings(max_examples=25)
def test_explained_equals_computed_and_every_node_recomputes(cases, data):
    case = data.draw(cases)
    bare = (case.isl, 0.75 * case.isl, case.osl, case.batch)
    names = ("isl_tokens", "prompt_tokens", "osl_tokens", "batch")
    isl, prompt, osl, batch = (chosen(n, v) for n, v in zip(names, bare, strict=True))
    m, traced = case.m, traced_machine(case.plan)

    def everything(m, isl, prompt, osl, batch):
        lengths = Lengths(isl, prompt, osl)
        point = operating_point(case.ops, m, lengths, batch)
        users = Load(case.isl, case.osl, users=5, think_s=1.0)
        return {
            "step": step_time(case.ops, m, Batch(batch, isl, prompt, isl, 1.0)),
            "decode": step_time(case.ops, m, Batch(batch, isl)),
            "point": point,
            "users": demand_met(point, users),
            "memory": memory_use(case.model, m),
            "held": sequences_held(case.model, m, isl),
        }

    plainly = dict(figures(everything(m, *bare)))
    explained = dict(figures(everything(traced, isl, prompt, osl, batch)))
    assert plainly.keys() == explained.keys()
    for where, value in plainly.items():
        assert isinstance(explained[where], Node) or explained[where] == 0.0, where
        assert float(plain(explained[where])) == float(value), where
    for node in nodes_below(*explained.values()):
        if node.formula is None:
            assert node.fact is not None
            assert node.inputs == ()
            assert node.fact.source
        else:
            again = formulas()[node.formula](*(child.value for child in node.inputs))
            assert again == node.value, node.name


def test_a_derivation_ends_in_sourced_facts(fitting):
    plans = next(p for n, p in fitting("h100_sxm").items() if n == "Llama-3.1-8B")
    ops = operators(model("Llama-3.1-8B"))
    batch: Any = chosen("batch", 8.0)
    lengths = Lengths(1000.0, 1000.0, 200.0)
    node: Any = operating_point(ops, traced_machine(plans[0]), lengths, batch).e2e["mean"]
    leaves = {leaf.name: leaf for leaf in node.leaves()}
    assert leaves["mem_bytes_per_s"].fact.source
    assert leaves["mem_bytes_per_s"].value == 3.35e12
    assert leaves["peak_matmul_flop_per_s"].value == 989.4e12
    assert leaves["batch"].fact.source == "this question"
    # the worst grade below shows: unknown efficiency does not hide behind the data sheet
    assert node.grade == worst(leaf.grade for leaf in leaves.values())
    assert node.grade != Grade.SPEC


def test_every_formula_names_its_parameters():
    """The equation shown to people uses the function's own names (variadic sums apart)."""
    table = formulas()
    assert len(table) > 50
    for about, function in table.items():
        parameters = inspect.signature(function).parameters.values()
        if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
            continue
        for parameter in parameters:
            assert parameter.name in about.text, f"{about.name}: {parameter.name}"
