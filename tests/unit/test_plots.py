import json
import re
import sys
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.errors import InputError
from inferplan.measure.score import score
from inferplan.measure.truth import read_truth
from inferplan.measure.validate import predict_rows
from inferplan.metrics.slo import make_slos
from inferplan.metrics.window import Window
from inferplan.report.plot_latency import _curve
from inferplan.report.plot_validation import CLASSES, Point, points_of, validation_figure
from inferplan.report.plots import (
    BatchingRow,
    KneePoint,
    batching_figure,
    knee_figure,
    latency_figure,
    save,
    svg_text,
    timeline_figure,
)
from inferplan.report.run_files import NAMES, PLOTS, View, write_run
from inferplan.report.simulation_html import html_page, inline_svg
from inferplan.report.table import Page, Table
from inferplan.serving.fleet import make_fleet
from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel.loop import advance
from inferplan.serving.run import Run, run
from inferplan.workload.requests import Requests

SLOS = make_slos({"ttft_p95": "1s", "ttft_p99": "2s", "tpot_p95": "50ms", "e2e_p50": "9s"})
KNEE = [
    KneePoint(rate, 0.1 / (1.01 - rate / 20), 0.02 + rate / 800, min(rate, 30 - rate))
    for rate in (20.0, 1.0, 5.0, 10.0, 15.0)
]
BATCHING = [
    BatchingRow("static", 800, 45.2, 0.051, 0.43),
    BatchingRow("chunked", 3120, 0.95, 0.041, 0.0),
    BatchingRow("failed", 0, float("inf"), float("nan"), 0.0),
]
PAGE = Page(("a < b", Table("Latency", ("", ">p95"), (("TTFT", "1 s"),), "a note")))


def simulated(n: int, rate: float, osl: int) -> Run:
    spec, _ = find_model("llama-3-8b")
    fleet = make_fleet(spec, build_plan(spec, find_device("a100_sxm_80")), 640)
    requests = Requests(np.arange(n) / rate, np.full(n, 300, np.int32), np.full(n, osl, np.int32))
    return run(fleet, requests, bind=lambda state: partial(advance, state))  # no need to compile


@pytest.fixture(scope="module")
def many() -> Run:
    return simulated(300, 200, 20)


@pytest.fixture(scope="module")
def one() -> Run:
    return simulated(1, 1, 1)


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def texts(figure: Any) -> str:
    """All words of a figure; the layout is done and must not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ET.fromstring(svg_text(figure, "t"))  # noqa: S314  # our own
    return "\n".join("".join(node.itertext()) for node in found.iter() if node.tag.endswith("text"))


def test_the_timeline_shows_three_panels_with_units(many: Run) -> None:
    pytest.importorskip("matplotlib")
    words = texts(timeline_figure(many, seats=40))
    for part in ("Waiting requests", "Running requests", "KV cache in use [%]", "Time [s]", "peak"):
        assert part in words
    assert "max_num_seqs 40" in words
    totals = many.totals.copy()
    totals[:, at.PREEMPTED] = 1234
    assert "1,234 preemptions" in texts(timeline_figure(replace(many, totals=totals)))


def test_a_run_of_one_request_has_no_empty_panel(one: Run) -> None:
    pytest.importorskip("matplotlib")
    figure = timeline_figure(one)
    assert all(len(axes.patches) == 2 for axes in figure.axes)
    assert "mean 1 while busy" in texts(figure)
    assert "no answer is longer than a token" in texts(latency_figure(one, SLOS))


def test_latencies_show_quantiles_and_limits(many: Run) -> None:
    pytest.importorskip("matplotlib")
    words = texts(latency_figure(many, SLOS))
    for part in ("TTFT", "TPOT", "E2E", "p50", "p95", "p99", "limit: p95 ≤ 1.00 s", "[%]"):
        assert part in words
    late = Window(float(many.arrival_s[-2]), float(many.arrival_s[-1]) + 1)
    curve = latency_figure(many, window=late).axes[0].lines[0]
    first, last = np.asarray(curve.get_ydata())[[0, -1]].tolist()
    assert (first, last, len(np.asarray(curve.get_xdata()))) == (0.0, 100.0, 3)


def test_a_curve_of_many_requests_is_thin_and_whole() -> None:
    ordered = np.sort(np.random.default_rng(1).exponential(1.0, 100_000))
    x, share = _curve(ordered)
    assert len(x) < 1200
    assert (x[0], x[-1], share[0], share[-1]) == (ordered[0], ordered[-1], 0.0, 1.0)
    np.testing.assert_allclose(np.interp(x, ordered, np.arange(100_000) / 1e5), share, atol=2e-5)


def test_the_knee_marks_the_best_rate_and_the_limits() -> None:
    pytest.importorskip("matplotlib")
    words = texts(knee_figure(KNEE, SLOS))
    for part in ("TTFT p95", "TPOT p95 [ms]", "Goodput [requests/s]", "Offered rate [requests/s]"):
        assert part in words
    assert "best: 15 requests/s" in words
    assert "limit: p99 ≤ 2.00 s" in words
    assert "best: 7 requests/s" in texts(knee_figure(KNEE, best_rate_per_s=7))
    lost = [replace(p, ttft_p95_s=float("inf"), goodput_per_s=float("nan")) for p in KNEE]
    assert "no TTFT" in texts(knee_figure(lost, SLOS))
    assert "no load was tried" in texts(knee_figure([]))
    assert "best: 1 requests/s" in texts(knee_figure(KNEE[1:2], SLOS))


def test_batching_shows_every_value() -> None:
    pytest.importorskip("matplotlib")
    words = texts(batching_figure(BATCHING))
    for part in ("static", "chunked", "3,120", "45.2 s", "41.0 ms", "43.0%", "none"):
        assert part in words
    assert "nothing to compare" in texts(batching_figure([]))


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_figure_gives_the_same_bytes(many: Run, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("matplotlib")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        save(latency_figure(many, SLOS), tmp_path / folder / f"latency.{kind}")
    first, second = ((tmp_path / f / f"latency.{kind}").read_bytes() for f in ("a", "b"))
    assert first == second
    assert b"<dc:date>" not in first
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_users_settings_neither_matter_nor_change(many: Run) -> None:
    mpl = pytest.importorskip("matplotlib")
    plain = svg_text(timeline_figure(many), "t")
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 30}):
        assert svg_text(timeline_figure(many), "t") == plain
        assert mpl.rcParams["font.size"] == 30
    assert "matplotlib.pyplot" not in sys.modules


def test_save_refuses_other_kinds(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(InputError, match=r"--out: .*a.pdf is no kind of picture"):
        save(batching_figure(BATCHING), tmp_path / "a.pdf", "--out")


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_error_names_the_extra(many: Run) -> None:
    with pytest.raises(InputError, match=r"pip install 'inferplan\[plots\]'"):
        timeline_figure(many)


def test_the_page_needs_nothing_from_outside(many: Run) -> None:
    pytest.importorskip("matplotlib")
    figures = [("Over time", timeline_figure(many)), ("Latencies", latency_figure(many, SLOS))]
    text = html_page("A <run>", ["100 & more"], PAGE, figures)
    assert "<h1>A &lt;run&gt;</h1>" in text
    assert "100 &amp; more" in text
    assert text.count("<svg ") == 2
    assert not re.search(r"<script|<link|<img|src=|@import", text)
    urls = set(re.findall(r"https?://[^\"' )]+", text))
    assert urls <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^")]+)', text))
    assert used <= set(ids)


def test_a_figure_in_a_page_takes_the_pages_colours() -> None:
    pytest.importorskip("matplotlib")
    text = inline_svg(batching_figure(BATCHING), "Ways & means")
    assert text.startswith('<svg role="img" aria-label="Ways &amp; means"')
    assert "var(--blue)" in text
    assert "#0072b2" not in text
    ET.fromstring(text)  # noqa: S314  # our own


def test_the_folder_of_a_run(many: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    (out.parent / "other.txt").write_text("mine")
    summary = {"ttft": {"p95": float("inf")}, "list": [1.0, float("nan")]}
    view = View("A run", ("of something",), slos=SLOS)
    assert write_run(many, summary, out, PAGE, view) == []
    assert {path.name for path in out.iterdir()} == set(NAMES) - {"requests.parquet"}
    found = json.loads((out / "summary.json").read_text())
    assert found == {"ttft": {"p95": None}, "list": [1.0, None]}
    assert "of something" in (out / "report.html").read_text()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    write_run(many, summary, out, PAGE, view)
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_folder_has_the_rest(many: Run, tmp_path: Path) -> None:
    (tmp_path / "timeline.png").write_text("of an earlier run")
    (tmp_path / "summary.json").write_text("{}")
    (tmp_path / "mine.txt").write_text("stays")
    notes = write_run(many, {}, tmp_path, PAGE)
    assert len(notes) == 1
    assert "pip install 'inferplan[plots]'" in notes[0]
    expected = set(NAMES) - {*PLOTS, "requests.parquet"} | {"mine.txt"}
    assert {path.name for path in tmp_path.iterdir()} == expected
    assert "left out timeline" in (tmp_path / "report.html").read_text()


def test_the_folder_may_not_be_somebody_elses(many: Run, tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_text("a trace")
    with pytest.raises(InputError, match=r"holds requests\.csv, which no simulation wrote"):
        write_run(many, {}, tmp_path)
    assert (tmp_path / "requests.csv").read_text() == "a trace"
    with pytest.raises(InputError, match=r"cannot be made \(No such file"):
        write_run(many, {}, tmp_path / "a" / "b")
    with pytest.raises(InputError, match=r"cannot be made \(File exists"):
        write_run(many, {}, tmp_path / "requests.csv")
    with pytest.raises(InputError, match="is no name of records"):
        write_run(many, {}, tmp_path / "out", records="../x.csv")


def test_predictions_beside_measurements() -> None:
    pytest.importorskip("matplotlib")
    points = [
        Point("tpot", name, 10.0 + n, 11.0 + n, 8.0, 14.0)
        for name in ("datacenter", "edge", "toaster")
        for n in range(40)
    ]
    points.append(Point("decode", "cpu", 5.0, 4.0))
    words = texts(validation_figure(points, most=30))
    for part in ("TPOT", "decode", "120 results, 30 drawn", "1 result", "datacenter", "other"):
        assert part in words
    assert "apple" not in words
    assert "no result was predicted" in texts(validation_figure([]))


def test_points_are_the_rows_that_count() -> None:
    rows = read_truth(Path(__file__).resolve().parents[1] / "data" / "truth_tiny.csv")
    guesses = predict_rows(rows)
    found = points_of(rows, guesses)
    answered = sum(part.answered for part in score(rows, guesses).kinds.values())
    assert len(found) == answered
    assert {point.device_class for point in found} <= set(CLASSES)
    strange = [replace(row, hardware="none") for row in rows]
    assert {point.device_class for point in points_of(strange, guesses)} == {"other"}
