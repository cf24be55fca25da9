"""The largest load within limits, the knee around it, and sweeps that survive a kill."""

import csv
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inferplan as ip
from inferplan.api.sweep import points_of
from inferplan.api.sweep_values import parse_vary
from inferplan.errors import InferplanError, InputError
from inferplan.serving.breaks import QUEUE, most_common
from inferplan.serving.ceiling import ceiling
from inferplan.serving.demand import arrivals_at, requests_at, scenario_of
from inferplan.serving.load_kinds import AllAtOnce, ClosedLoop, Conversations, OpenLoop, Users
from inferplan.serving.resumable import PartialFile
from inferplan.serving.scenario import Scenario
from inferplan.serving.sizing import CLOSED_TURNOVERS, FEWEST, MOST, OPEN_TURNOVERS, sized
from inferplan.serving.work import Work
from inferplan.workload.lengths import fixed
from inferplan.workload.load import Load
from inferplan.workload.pairs import Lengths

LIMITS: dict[str, Any] = {"ttft_p95": "1s", "tpot_p95": "50ms"}
CASE: dict[str, Any] = {"isl": 800, "osl": 100, **LIMITS}


@pytest.fixture(scope="module")
def found():
    return ip.capacity("llama-3.1-8b", "l40s", **CASE)


def test_met_and_not_met_are_within_two_percent(found):
    for one in found.ceiling.found:
        assert 1 < one.fails_at / one.demand <= 1.02
        met = {trial.demand: trial.met for trial in one.trials}
        assert met[one.demand]
        assert not met[one.fails_at]
    assert found.ceiling.low <= found.demand <= found.ceiling.high


def test_simulate_agrees_on_both_sides_of_the_edge(found):
    n, one = found.ceiling.requests, found.ceiling.found[0]
    below = ip.simulate("llama-3.1-8b", "l40s", rate=one.demand * 0.9, requests=n, **CASE)
    above = ip.simulate("llama-3.1-8b", "l40s", rate=one.fails_at * 1.1, requests=n, **CASE)
    assert all(v.kept for v in below.verdicts)
    assert not all(v.kept for v in above.verdicts)


def test_the_result_is_the_same_for_any_number_of_threads(found):
    alone = ip.capacity("llama-3.1-8b", "l40s", jobs=1, **CASE)
    assert alone.to_dict() == found.to_dict()
    assert str(alone) == str(found)


def test_the_knee(found):
    rows = found.knee
    factors = [row.demand / found.demand for row in rows]
    assert factors == pytest.approx([0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2])
    tpot = [row.mean("tpot_s.p95") for row in rows]
    assert tpot == sorted(tpot)
    assert [row.broken(found.slos) for row in rows[:5]] == [None] * 5
    assert rows[-1].broken(found.slos) is not None
    good = [row.mean("goodput_per_s") for row in rows]
    assert good[-1] < max(good)
    assert rows[0].mean("good_frac") == 1.0


def test_looser_limits_allow_more(found):
    loose = ip.capacity(
        "llama-3.1-8b", "l40s", isl=800, osl=100, ttft_p95="2s", tpot_p95="80ms", seeds=1
    )
    assert loose.demand > found.demand


def test_two_replicas_carry_about_twice_as_much(found):
    twice = ip.capacity("llama-3.1-8b", "l40s", replicas=2, seeds=1, **CASE)
    assert 1.8 < twice.demand / found.demand < 2.6


def test_without_limits_it_only_has_to_keep_up():
    free = ip.capacity("llama-3.1-8b", "l40s", isl=800, osl=100, seeds=1)
    assert free.ceiling.breaks(()) == QUEUE
    assert "goodput" not in str(free)


def test_concurrency_and_users():
    flight = ip.capacity(
        "llama-3.1-8b", "l40s", find="concurrency", isl=500, osl=50, ttft_p95="1s", seeds=1
    )
    assert flight.demand == round(flight.demand) >= 2
    people = ip.capacity(
        "llama-3.1-8b", "l40s", find="users", think_s=30.0, isl=500, osl=50, ttft_p95="1s", seeds=1
    )
    assert people.demand > 1.5 * flight.demand  # most of them think
    assert "users" in str(people)


def test_a_closed_loop_is_full_when_too_many_wait():
    full = ip.capacity(
        "llama-3.1-8b", "l40s", find="concurrency", isl=100, osl=50, max_num_seqs=8, seeds=1
    )
    assert 10 <= full.demand <= 12  # eight run, and up to a quarter wait
    assert "wait for a seat" in " ".join(str(full).split())


def test_a_trace_is_played_faster(tmp_path):
    times = np.cumsum(np.random.default_rng(1).exponential(1.0, 400))
    path = tmp_path / "t.csv"
    rows = "".join(f"{t:.3f},600,50\n" for t in times)
    path.write_text(f"arrival_s,isl,osl\n{rows}")
    played = ip.capacity("llama-3.1-8b", "l40s", trace=str(path), ttft_p95="1s")
    assert len(played.ceiling.seeds) == 1
    assert played.demand > 2
    assert "The trace itself has" in str(played)


def test_pages_fit(found):
    assert max(map(len, str(found).splitlines())) <= 100
    for words in ("Capacity:", "every seed meets", "breaks first", "closed form", "Goodput"):
        assert words in str(found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ttft_p95": "1ms"}, r"--ttft-p95: 1.00 ms is not kept even by an idle replica.* is \d"),
        ({"tpot_mean": "1ms"}, r"--tpot-mean: 1.00 ms is not kept even by an idle replica"),
        ({"ttft_p95": "0s"}, "--ttft-p95"),
        ({"ttft_p95": math.nan}, "--ttft-p95"),
        ({"find": "speed"}, "--find"),
        ({"rate": 5.0}, "--rate"),
        ({"seeds": 0}, "--seeds"),
        ({"jobs": 0}, "--jobs"),
        ({"isl": 0}, "--isl"),
        ({"requests": 10}, "too few"),
        ({"find": "users", "trace": "x.csv"}, "--find"),
    ],
)
def test_bad_input_is_one_clear_error(options, words):
    with pytest.raises(InputError, match=words):
        ip.capacity("llama-3.1-8b", "l40s", **options)


def test_unknown_names():
    with pytest.raises(InferplanError, match="did you mean"):
        ip.capacity("llama-3.1-8b", "l40z")


FLAT = Scenario(OpenLoop(1.0), Lengths(fixed(100), fixed(10)), 200)


def test_demands_of_every_kind():
    slow, fast = (requests_at(FLAT, rate, 5).arrival_s for rate in (1.0, 4.0))
    assert np.allclose(slow, 4 * fast)
    assert arrivals_at(ClosedLoop(1), 7.4) == ClosedLoop(7)
    assert arrivals_at(Users(1, 3.0), 0.2) == Users(1, 3.0)
    with pytest.raises(InputError, match="no rate"):
        arrivals_at(AllAtOnce(), 1.0)


def test_a_load_is_a_scenario_of_equal_requests():
    made = scenario_of(Load(100, 10, rate_per_s=2.0, prefix_hit_frac=0.3)).requests(5)
    assert set(made.isl.tolist()) == {100}
    assert set(made.osl.tolist()) == {10}
    assert made.offered_rate_per_s == pytest.approx(2.0, rel=0.05)
    assert made.segments is not None
    assert made.segments.length[:2].tolist() == [30, 70]
    flight = scenario_of(Load(100, 10, concurrency=7)).requests(5)
    assert np.isfinite(flight.arrival_s).sum() == 7
    people = scenario_of(Load(100, 10, users=7, think_s=3.0)).requests(5)
    assert people.think_s.mean() == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize(
    ("arrivals", "demand", "n"),
    [
        (OpenLoop(1.0), 1.0, FEWEST),
        (OpenLoop(1.0), 20.0, OPEN_TURNOVERS * 20 * 10),
        (OpenLoop(1.0), 1e6, MOST),
        (ClosedLoop(1), 500.0, CLOSED_TURNOVERS * 500),
        (Users(1, 60.0), 500.0, CLOSED_TURNOVERS * 500),
        (Conversations(OpenLoop(1.0), 5, 10.0, 0, 8192), 20.0, OPEN_TURNOVERS * 20 * (10 + 10)),
    ],
)
def test_a_simulation_has_many_times_the_requests_in_the_system(arrivals, demand, n):
    assert sized(replace(FLAT, arrivals=arrivals), demand, e2e_s=10.0).n == n


def test_simulations_that_were_too_short_are_repeated(found):
    one = found.ceiling
    low = ceiling(
        found.fleet, one.scenario, found.slos, (one.demand / 20, 0.1), seeds=[0], work=Work(1, 12)
    )
    assert low.demand == pytest.approx(one.found[0].demand, rel=0.1)
    flood = ceiling(
        found.fleet, one.scenario, (), (one.demand / 20, 0.1), seeds=[0], work=Work(1, 12)
    )
    assert flood.requests > low.requests


def test_most_common_takes_the_first_of_equals():
    assert most_common(["b", "a", None]) == "b"


SWEEP: dict[str, Any] = {"requests": 60, "isl": 200, "osl": 20}
VARY: dict[str, Any] = {"rate": [1.0, 2.0, 4.0], "max_num_seqs": [4, 64]}


def sweep(path, vary=VARY, **more):
    return ip.sweep("llama-3.1-8b", "l40s", vary, path, **(SWEEP | more))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_sweep_is_the_same_in_one_process_and_in_several(tmp_path):
    one, three = tmp_path / "1.csv", tmp_path / "3.csv"
    assert sweep(one, jobs=1).to_dict()["points"] == 6
    sweep(three, jobs=3)
    assert one.read_bytes() == three.read_bytes()
    rows = rows_of(one)
    assert [row["rate"] for row in rows] == ["1.0", "1.0", "2.0", "2.0", "4.0", "4.0"]
    assert all(float(row["ttft_p95_s"]) > 0 and row["error"] == "" for row in rows)
    assert not list(tmp_path.glob("*.partial"))


def test_a_sweep_agrees_with_simulate(tmp_path):
    sweep(tmp_path / "s.csv", {"rate": [2.0, 3.0]}, jobs=1, ttft_p95="1s")
    rows = rows_of(tmp_path / "s.csv")
    same = ip.simulate("llama-3.1-8b", "l40s", rate=2.0, **SWEEP)
    late = same.run.arrival_s >= np.sort(same.run.arrival_s)[12]  # a fifth is left out
    ttft = (same.run.first_token_s - same.run.arrival_s)[late]
    assert float(rows[0]["ttft_mean_s"]) == pytest.approx(ttft.mean(), rel=1e-12)
    assert rows[0]["slos_kept"] == "true"


def test_points_that_cannot_be_have_a_reason(tmp_path):
    vary = {"device": ["l40s", "nosuch"], "rate": [1.0]}
    done = sweep(tmp_path / "s.csv", vary, jobs=1)
    rows = rows_of(tmp_path / "s.csv")
    assert done.failed == 1
    assert "not known" in rows[1]["error"]
    assert rows[1]["ttft_p95_s"] == ""


def command(path, *more):
    words = ["sweep", "llama-3.1-8b", "l40s", "--rates", "1:3:60", "--requests", "3000",
             "--out", str(path), *more]  # fmt: skip
    return [sys.executable, "-m", "inferplan", *words]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_sweep_goes_on_and_gives_the_same_file(tmp_path, number, start, wait_until):
    whole, killed = tmp_path / "whole.csv", tmp_path / "killed.csv"
    partial = tmp_path / "killed.csv.partial"
    subprocess.run(command(whole, "--jobs", "1"), check=True, capture_output=True)
    process = start(command(killed, "--jobs", "2"))
    wait_until(lambda: partial.exists() and partial.read_bytes().count(b"\n") > 4, process)
    os.kill(process.pid, number)
    said = process.communicate(timeout=120)[1]
    assert not killed.exists()
    assert number == signal.SIGKILL or "start the same command to go on" in said
    with partial.open("ab") as stream:
        stream.write(b"59,torn")  # a last line without its end
    done = subprocess.run(command(killed), check=True, capture_output=True, text=True)
    assert "from an earlier run" in done.stdout
    assert killed.read_bytes() == whole.read_bytes()
    assert not partial.exists()


def test_another_sweep_is_not_continued(tmp_path):
    part = PartialFile(tmp_path / "s.csv", "0" * 64, 6, "--out")
    with part.opened():
        part.add(0, "1.0,4,")
    with pytest.raises(InputError, match="belongs to a run with other settings"):
        sweep(tmp_path / "s.csv", jobs=1)


def test_two_sweeps_do_not_write_one_file(tmp_path):
    pytest.importorskip("fcntl")
    with (
        PartialFile(tmp_path / "s.csv", "x", 6, "--out").opened(),
        pytest.raises(InputError, match="being made by another run"),
        PartialFile(tmp_path / "s.csv", "x", 6, "--out").opened(),
    ):
        pass


@pytest.mark.parametrize("tail", [b"3,ab", b"\0\0\0\0\n", b"9,x\n", b"x,1\n", b"2,a\0b\n"])
def test_a_partial_file_keeps_whole_lines_only(tmp_path, tail):
    def part():
        return PartialFile(tmp_path / "s.csv", "stamp", 5, "--out")

    with part().opened() as first:
        first.add(1, "one")
        first.add(0, "zero")
    partial = tmp_path / "s.csv.partial"
    before = partial.read_bytes()
    partial.write_bytes(before + tail)
    with part().opened() as again:
        assert again.lines == {1: "one", 0: "zero"}
        assert partial.read_bytes() == before
        for number in (2, 3, 4):
            again.add(number, "more")
    again.finish("head")
    assert Path(tmp_path / "s.csv").read_text() == "head\nzero\none\nmore\nmore\nmore\n"


def test_a_torn_first_line_starts_anew(tmp_path):
    (tmp_path / "s.csv.partial").write_bytes(b"# inferpl")
    with PartialFile(tmp_path / "s.csv", "stamp", 5, "--out").opened() as part:
        assert part.lines == {}
    assert (tmp_path / "s.csv.partial").read_bytes() == part.header


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({}, "no number of points"),
        ({"colour": [1]}, "--vary"),
        ({"tp": []}, "no values"),
        ({"isl": [1]}, "also given alone"),
        ({"rate": ["fast"]}, "rate=fast is no number"),
        ({"tp": [1.5]}, "tp=1.5 is no whole number"),
        ({"tp": [math.nan]}, "tp=nan is no whole number"),
        ({"rate": list(range(2000)), "seed": list(range(2000))}, "no number of points"),
    ],
)
def test_bad_sweeps(tmp_path, vary, words):
    with pytest.raises(InputError, match=words):
        sweep(tmp_path / "s.csv", vary)
    assert not list(tmp_path.iterdir())


def test_a_sweep_needs_a_folder_and_a_file(tmp_path):
    for path in (tmp_path / "none" / "s.csv", tmp_path):
        with pytest.raises(InputError, match="--out"):
            sweep(path)


@pytest.mark.parametrize(
    "text",
    ["tp", "tp=", "=1", "rate=1:2:x", "rate=1:2:1", "rate=1:inf:3", "tp=1,,2", "rate=nan:2:3"],
)
def test_bad_values(text):
    with pytest.raises(InputError, match="--vary"):
        parse_vary([text])


def test_values_from_text():
    assert parse_vary(["max-num-seqs=1,2", "weights=fp8,bf16", "window=50ms,1s"]) == {
        "max_num_seqs": [1, 2], "weights": ["fp8", "bf16"], "window_s": [0.05, 1.0],
    }  # fmt: skip
    assert parse_vary(["rate=1:20:2000"])["rate"][-1] == 20.0
    with pytest.raises(InputError, match="twice"):
        parse_vary(["tp=1", "tp=2"])


def test_the_last_option_varies_fastest():
    points = points_of({"seed": 0}, {"tp": [1.0, 2], "seed": [5, 6]})
    assert [(p["tp"], p["seed"]) for p in points] == [(1, 5), (1, 6), (2, 5), (2, 6)]


@pytest.mark.parametrize("name", ["batching", "capacity", "sweep"])
def test_help_has_examples_and_fits(name):
    done = subprocess.run(
        [sys.executable, "-m", "inferplan", name, "--help"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "Examples:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("capacity llama-3.1-8b l40s --rate 3", "is what capacity looks for"),
        ("capacity llama-3.1-8b l40s --find users --think -3s", "--think"),
        ("capacity llama-3.1-8b l40s --plot knee.pdf", "--plot"),
        ("batching llama-3.1-8b l40s --window 3", "--window"),
        ("batching llama-3.1-8b l40s --rate 0", "--rate"),
        ("batching llama-3.1-8b l40s --plot none/knee.svg", "--plot"),
        ("sweep llama-3.1-8b l40s --rates 1:2 --out s.csv", "--vary"),
        ("sweep llama-3.1-8b l40s --out s.csv", "is no number of points"),
        ("sweep llama-3.1-8b l40s --rates 1:2:2 --rate 3 --out s.csv", "also given alone"),
    ],
)
def test_wrong_commands_are_one_line(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "inferplan", *words.split()],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert said in done.stderr
    assert not list(tmp_path.iterdir())
