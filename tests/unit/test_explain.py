"""Explained figures equal the printed ones exactly, and every line recomputes."""

from importlib import import_module
from inspect import Parameter, signature
from typing import Any

import pytest

import inferplan as ip
from inferplan.errors import CannotPredictError, UnknownNameError
from inferplan.provenance import Grade
from inferplan.report.explain import FIGURES
from inferplan.report.tree import tree_lines

MODULES = [import_module(f"inferplan.{name}") for name in (
    "physics.arithmetic", "physics.batching", "physics.flops", "physics.kv", "physics.memory",
    "physics.network", "physics.power", "physics.queueing", "physics.roofline",
    "physics.sharding", "cost.cloud", "cost.own", "cost.per_token",
)]  # fmt: skip
FORMULAS = {
    about.name: function
    for module in MODULES
    for function in vars(module).values()
    if (about := getattr(function, "formula", None)) is not None
}


@pytest.fixture(scope="module")
def answer():
    return ip.recommend(
        "llama-3.1-8b", rate=10, isl=1500, osl=300, ttft_p95="1s", tpot_p95="50ms",
        devices=["h100_sxm", "l40s", "rtx4090"],
    )  # fmt: skip


def printed(option):
    out = {
        "rate": option.result.rate_per_s,
        "output_tok_s": option.result.output_tok_s,
        "usd_per_h": option.price.usd_per_h,
        "usd_per_mtok_in": option.usd_per_mtok_in,
        "usd_per_mtok_out": option.usd_per_mtok_out,
        "power_w": option.power_w,
        "j_per_token": option.j_per_token,
    }
    for metric, quantiles in option.result.latencies.items():
        out |= {f"{metric}_{name}": value for name, value in quantiles}
    return out


def test_recommended_figures_equal_their_derivation(answer):
    for option in (*answer.options, *answer.purchases, *answer.front):
        for figure, value in printed(option).items():
            assert answer.explain(figure, option).value == value, figure


@pytest.mark.parametrize(
    "model", ["mixtral-8x7b", "deepseek-v3", "gpt-oss-120b", "qwen3-next-80b-a3b"]
)
def test_other_architectures_too(model):
    found = ip.recommend(model, concurrency=20, isl=1000, osl=200, devices=["h200_sxm"])
    for figure, value in printed(found.best).items():
        assert found.explain(figure).value == value, figure


def test_predicted_figures_equal_their_derivation():
    options: Any = {"isl": 3000, "osl": 200, "tp": 2, "weights": "fp8"}
    p = ip.predict("llama-3.1-70b", "h100", batch=4, **options)
    figures = (
        "ttft", "tpot", "decode_tok_s", "weights_bytes", "activation_bytes", "kv_pool_bytes",
        "sequences_held",
    )  # fmt: skip
    explained = {
        name: ip.explain(name, "llama-3.1-70b", "h100", batch=4, **options) for name in figures
    }
    assert explained["ttft"].value == p.ttft_s
    assert explained["tpot"].value == p.tpot_s
    assert explained["decode_tok_s"].value == p.decode_tok_s
    assert explained["activation_bytes"].value == p.memory.activation_bytes
    assert explained["weights_bytes"].value == p.memory.weights_bytes
    assert explained["kv_pool_bytes"].value == p.memory.kv_pool_bytes
    assert explained["sequences_held"].value == p.sequences_held


def recompute(node):
    """The node's value from its inputs' values, by the formula it names."""
    function = FORMULAS[node.formula.name]
    values = [child.value for child in node.inputs]
    kinds = [p.kind for p in signature(function).parameters.values()]
    assert len(values) == len(kinds) or Parameter.VAR_POSITIONAL in kinds
    return function(*values)


def walk(node):
    yield node
    for child in node.inputs:
        yield from walk(child)


def test_every_line_recomputes(answer):
    for figure in ("usd_per_mtok_out", "ttft_p95", "e2e_mean"):
        for node in walk(answer.explain(figure)):
            if node.formula is not None:
                assert recompute(node) == node.value, node.name
            else:
                assert node.fact is not None
                assert node.fact.source


def test_grade_is_the_worst_below(answer):
    assert answer.explain("ttft_p95").grade is Grade.ASSUMED
    assert ip.explain("usd_per_h", "llama-3.1-8b", "l40s", rate=1).grade is Grade.SPEC


def test_tree_is_bounded_and_names_sources(answer):
    lines = list(tree_lines(answer.explain("usd_per_mtok_out"), depth=9))
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    assert "mem_bytes_per_s" in text
    assert "Roofline" in text
    short = list(tree_lines(answer.explain("usd_per_mtok_out"), depth=1))
    assert len(short) < len(lines)


def test_unknown_or_impossible_figures():
    with pytest.raises(UnknownNameError):
        ip.explain("speed", "llama-3.1-8b", "h100")
    with pytest.raises(CannotPredictError):
        ip.explain("usd_per_h", "llama-3.1-8b", "sn40l")


def test_every_figure_can_be_derived():
    for figure in FIGURES:
        assert ip.explain(figure, "llama-3.1-8b", "rtx4090", rate=1).value > 0, figure
