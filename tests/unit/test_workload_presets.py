"""Presets: complete, sourced, and drawn with the means they state."""

import os
from pathlib import Path

import numpy as np
import pytest

from inferplan.errors import DataError, UnknownNameError
from inferplan.provenance import Grade
from inferplan.workload import presets as module
from inferplan.workload.presets import Preset, preset, presets
from inferplan.workload.sharing import reusable_share
from inferplan.workload.traces import read_lengths, read_trace

SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared")) / "traces"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="third-party traces are not here")
ALL = [preset(name) for name in presets()]


def test_names():
    assert {"chat", "rag", "code", "summarisation", "agent", "batch"} <= set(presets())
    with pytest.raises(UnknownNameError, match="did you mean chat"):
        preset("chatt")


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_figure_has_source_date_grade_and_note(one: Preset):
    assert one.description
    for name, fact in one.facts.items():
        assert fact.source, name
        assert fact.note, name
        assert fact.date.startswith("2026-"), name
        ratio = name.endswith(("_cv", "_share", "_groups", "turns"))
        assert fact.unit == ("1" if ratio else "tokens"), name
    assert one.grade in Grade


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_draws_have_the_stated_means(one: Preset):
    rng = np.random.default_rng(2)
    made = one.requests(np.arange(200_000.0), rng)
    assert made.mean_isl == pytest.approx(one.facts["isl_mean"].value, rel=0.05)
    assert made.mean_osl == pytest.approx(one.facts["osl_mean"].value, rel=0.05)
    assert one.lengths().mean_isl == pytest.approx(one.facts["isl_mean"].value, rel=0.01)
    assert one.turns == 1


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_context_and_sharing(one: Preset):
    made = one.requests(np.arange(20_000.0), np.random.default_rng(2), context_max=8192)
    assert (made.isl + made.osl).max() <= 8192
    stated = one.prefix_share or one.prefix_tokens / made.mean_isl
    assert reusable_share(made) == pytest.approx(stated, abs=0.03)


def test_incomplete_data_is_an_error(monkeypatch):
    rows = {"preset_index.csv": [{"preset": "odd", "description": "x"}], "presets.csv": []}
    monkeypatch.setattr(module, "_rows", lambda name: iter(rows[name]))
    with pytest.raises(DataError, match="odd: has no 'isl_mean'"):
        preset("odd")


@needs_shared
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("chat", "AzureLLMInferenceTrace_conv_2023.csv"),
        ("code", "AzureLLMInferenceTrace_code_2023.csv"),
        ("summarisation", "vidur_arxiv_summarization_lengths.csv"),
        ("long-context", "mooncake_conversation_trace.jsonl"),
    ],
)
def test_measured_figures_are_those_of_the_file(name, file):
    path = SHARED / file
    lengths = path.name.startswith("vidur")
    source = read_lengths(path).pairs if lengths else read_trace(path).requests
    facts = preset(name).facts
    for side in ("isl", "osl"):
        column = getattr(source, side).astype(float)
        assert facts[f"{side}_mean"].value == pytest.approx(column.mean(), rel=1e-4)
        assert facts[f"{side}_cv"].value == pytest.approx(column.std() / column.mean(), rel=1e-3)
        for at in (50, 99):
            assert facts[f"{side}_p{at}"].value == pytest.approx(np.percentile(column, at), 1e-3)
