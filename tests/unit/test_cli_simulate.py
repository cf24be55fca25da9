"""``inferplan simulate``: what it prints, what it writes, what it refuses."""

import json
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import inferplan as ip
from inferplan.api.build import plan_for
from inferplan.api.criteria import criteria_of
from inferplan.api.traffic import make_scenario
from inferplan.cli.load_options import TRAFFIC, traffic_of
from inferplan.cli.main import cli
from inferplan.cli.simulate import GROUPS, simulate
from inferplan.errors import CannotPredictError, InferplanError, InputError
from inferplan.serving.fleet import make_fleet
from inferplan.serving.load_kinds import OpenLoop
from inferplan.serving.rules import EngineRules
from inferplan.serving.run import run as simulate_run
from inferplan.workload.pairs import InContext
from inferplan.workload.requests import Requests

ON = "simulate llama-3.1-8b h100"
FEW = f"{ON} --requests 200"


def run(words):
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def answer(words):
    done = run(f"{words} --json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(words):
    with pytest.raises(InferplanError) as caught:
        cli.main(shlex.split(words), standalone_mode=False)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "mine.csv"
    rows = [f"{k / 10},{500 + k},{20 + k % 7}" for k in range(60)]
    path.write_text("\n".join(["arrival_s,isl,osl", *rows, ""]))
    return path


PAGES = (
    f"{FEW} --rate 5 --ttft-p95 1s --tpot-p95 1ms",
    f"{FEW} --rate 500 --isl 3000",
    f"{FEW} --rate 20 --seeds 3 --prefix-share 0.5 --prefix-groups 4 --goodput-e2e 2s",
    f"{FEW} --concurrency 8 --warmup 10s --isl lognormal:1500,0.8",
    f"{FEW} --users 20 --think 1s --policy static --max-num-seqs 8",
    f"{FEW} --all-at-once --policy dynamic --window 100ms --replicas 2 --router least-loaded",
    f"{FEW} --rate 5 --turns 4 --think 1s --prefix-tokens 300 --isl 50",
    f"{FEW} --rate 5 --prefill-replicas 1 --decode-replicas 2 --tp 2",
    f"{FEW} --rate 2 --preset agent --long-prefill-threshold 512 --watermark 0.01",
    f"{FEW} --rate 2 --arrivals diurnal --peak-to-mean 1.5 --period 1h --no-async --osl 1",
    f"{ON} --rate 2 --requests 1 --max-model-len 4096 --no-prefix-caching",
    "simulate qwen3-30b-a3b 'm3 max' --concurrency 2 --requests 20",
)


@pytest.mark.parametrize("words", PAGES)
def test_a_page_fits_100_columns_and_says_what_was_simulated(words):
    done = run(words)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 100
    for word in ("Load: ", "Rules: ", "TTFT", "ITL", "requests/s", "busy", "Assumptions"):
        assert word in done.stdout
    assert "e+0" not in done.stdout
    assert "nan" not in done.stdout


def test_objectives_get_a_verdict():
    text = run(f"{FEW} --rate 5 --ttft-p95 1s --tpot-p95 1ms").stdout
    kept, missed = (line for line in text.splitlines() if "p95 <=" in line and "keep" not in line)
    assert "kept" in kept
    assert "MISSED" in missed
    found = answer(f"{FEW} --rate 5 --ttft-p95 1s --tpot-p95 1ms")
    assert [slo["kept"] for slo in found["slos"]] == [True, False]
    assert found["inputs"]["goodput_limits_s"] == {"ttft": 1.0, "tpot": 0.001}
    assert found["summary"]["goodput"]["attained_frac"] == 0


def test_overload_is_said_first():
    text = run(f"{ON} --rate 500 --requests 2000").stdout
    assert "OVERLOADED" in text.partition("Latency")[0]
    assert answer(f"{ON} --rate 500 --requests 2000")["summary"]["backlog"]["overloaded"]


def test_json_carries_inputs_seeds_and_effort():
    found = answer(f"{FEW} --rate 5 --seed 7 --seeds 2 --block-size 32 --router least-loaded")
    assert found["schema"] == "inferplan.simulate/1"
    assert found["seeds"] == [7, 8]
    assert found["inputs"]["rules"][0]["block_size"] == 32
    assert found["inputs"]["router"] == "least-loaded"
    assert found["summary"]["requests"] == 400
    assert found["steps"] >= found["skipped_steps"] >= 0
    assert 0 < found["kernel_s"] < 60
    assert found["peak_memory_bytes"] is None or found["peak_memory_bytes"] > 1e7
    again = answer(f"{FEW} --rate 5 --seed 7 --seeds 2 --block-size 32 --router least-loaded")
    assert again["summary"] == found["summary"]


def test_a_trace_is_replayed_and_scaled(trace):
    found = answer(f"{ON} --trace {trace}")
    assert found["summary"]["requests"] == 60
    assert found["inputs"]["workload"]["offered_per_s"] == pytest.approx(10)
    fast = answer(f"{ON} --trace {trace} --trace-rate-scale 2 --requests 30")
    assert fast["inputs"]["workload"]["offered_per_s"] == pytest.approx(20)
    assert fast["summary"]["requests"] == 30


def test_rows_of_a_trace_that_cannot_be_used(trace):
    with trace.open("a") as stream:
        stream.write("7,-5,3\n1.5,100,3\n")
    assert "--skip-bad-rows" in refused(f"{ON} --trace {trace}")
    assert "--sort-trace" in refused(f"{ON} --trace {trace} --skip-bad-rows")
    found = answer(f"{ON} --trace {trace} --skip-bad-rows --sort-trace")
    assert found["summary"]["requests"] == 61


def test_lengths_come_from_a_file(tmp_path):
    path = tmp_path / "lengths.csv"
    path.write_text("isl,osl\n100,10\n200000,20\n300,30\n")
    assert "1 row beyond the context" in refused(f"{FEW} --rate 5 --lengths {path}")
    found = answer(f"{FEW} --rate 5 --lengths {path} --skip-bad-rows")
    assert 100 <= found["inputs"]["workload"]["isl_tokens"] <= 300
    assert "1 rows left out" in found["inputs"]["workload"]["lengths"]


def test_out_leaves_files(tmp_path):
    folder = tmp_path / "run"
    done = run(f"{FEW} --rate 5 --ttft-p95 1s --out {folder}")
    assert done.exit_code == 0, done.output
    left = {path.name for path in folder.iterdir()}
    assert {"summary.json", "requests.csv", "timeline.csv", "report.html"} <= left
    assert len((folder / "requests.csv").read_text().splitlines()) == 201
    assert json.loads((folder / "summary.json").read_text())["summary"]["requests"] == 200
    again = run(f"{FEW} --rate 5 --warmup 10s --out {folder}")
    assert again.exit_code == 0, again.output


def test_out_is_checked_before_the_run(tmp_path):
    (tmp_path / "file").write_text("mine")
    many = f"{ON} --rate 5 --requests 5000000"  # would take a minute
    for place in (tmp_path / "none" / "run", tmp_path / "file"):
        assert refused(f"{many} --out {place}").startswith("--out")
    assert refused(f"{FEW} --rate 5 --parquet").startswith("--parquet")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "starts", "says"),
    [
        ("", "load", "none of them given"),
        ("--rate 3 --concurrency 4", "load", "--rate and --concurrency given"),
        ("--rate 0", "--rate", "above zero"),
        ("--rate -1", "--rate", "above zero"),
        ("--rate nan", "--rate", "above zero"),
        ("--concurrency 0", "--concurrency", "whole number"),
        ("--users 0", "--users", "whole number"),
        ("--rate 3 --requests 0", "--requests", "whole number"),
        ("--rate 3 --requests 99999999999", "--requests", "exceeds"),
        ("--rate 3 --isl 200000", "--isl", "exceed the context"),
        ("--rate 3 --isl uniform:1-140000", "--isl", "exceed the context"),
        ("--rate 3 --isl lognormal:200000,1", "--isl", "exceed the context"),
        ("--rate 3 --isl 0", "--isl", "above zero"),
        ("--rate 3 --isl foo", "--isl", "not a number"),
        ("--rate 3 --osl uniform:9-2", "--osl", "not a range"),
        ("--rate 3 --policy foo", "--policy", "no scheduling policy"),
        ("--rate 3 --router foo", "--router", "no router"),
        ("--rate 3 --arrivals foo", "--arrivals", "not known"),
        ("--rate 3 --arrivals gamma", "--arrivals", "needs --cv"),
        ("--rate 3 --arrivals constant --cv 2", "--cv", "means nothing for constant"),
        ("--rate 3 --cv 0", "--cv", "not between"),
        ("--concurrency 3 --cv 2", "--cv", "needs --rate"),
        ("--rate 3 --think 3s", "--think", "needs --users or --turns"),
        ("--rate 3 --trace-rate-scale 2", "--trace-rate-scale", "needs --trace"),
        ("--trace none.csv", "--trace", "does not exist"),
        ("--trace none.csv --isl 5", "--trace", "does not go with --isl"),
        ("--rate 3 --lengths none.csv --isl 5", "--lengths", "does not go with --isl"),
        ("--rate 3 --preset chatt", "--preset", "did you mean chat"),
        ("--rate 3 --prefix-share 1", "--prefix-share", "[0, 1)"),
        ("--rate 3 --prefix-tokens -5", "--prefix-tokens", "whole number"),
        ("--rate 3 --prefix-groups 2", "--prefix-groups", "needs --prefix-tokens"),
        ("--rate 3 --prefix-share 0.1 --prefix-tokens 5", "--prefix-tokens", "does not go with"),
        ("--rate 3 --turns 0", "--turns", "whole number"),
        ("--rate 3 --turns 2 --preset chat", "--turns", "does not go with --preset"),
        ("--rate 3 --seed -1", "--seed", "negative"),
        ("--rate 3 --seeds 0", "--seeds", "is not 1 to"),
        ("--concurrency 3 --seeds 2", "--seeds", "all be the same"),
        ("--rate 3 --warmup foo", "--warmup", "not a number"),
        ("--rate 3 --requests 9 --warmup 5h", "--warmup", "not before the last arrival"),
        ("--rate 3 --window 1s", "--window", "--policy dynamic"),
        ("--rate 3 --watermark 1.5", "--watermark", "[0, 1)"),
        ("--rate 3 --long-prefill-threshold -1", "--long-prefill-threshold", "negative"),
        ("--rate 3 --block-size 0", "--block-size", "above zero"),
        ("--rate 3 --max-model-len 999999", "--max-model-len", "exceeds the 131,072"),
        ("--rate 3 --max-num-seqs 0", "--max-num-seqs", "above zero"),
        ("--rate 3 --replicas 0", "--replicas", "above zero"),
        ("--rate 3 --prefill-replicas 2", "--prefill-replicas", "one pool of two"),
        ("--rate 3 --prefill-replicas 1 --decode-replicas 0", "--decode-replicas", "below 1"),
        (
            "--rate 3 --prefill-replicas 1 --decode-replicas 1 --replicas 2",
            "--replicas",
            "does not go with",
        ),
        (
            "--rate 3 --prefill-replicas 1 --decode-replicas 1 --policy static",
            "--policy",
            "does not split",
        ),
        ("--rate 3 --goodput-ttft 5", "--goodput-ttft", "no unit"),
        ("--rate 3 --ttft-p95 5", "--ttft-p95", "no unit"),
    ],
)
def test_bad_input_is_one_clear_error(options, starts, says):
    message = refused(f"{ON} {options}")
    assert message.startswith(starts)
    assert says in message
    assert "\n" not in message


def test_a_short_run_says_what_it_does_not_show():
    loop = run(f"{ON} --concurrency 1000 --requests 10").output
    assert "The loop never fills: 10 requests are fewer than 1,000 requests in flight" in loop
    assert "fewer than 50 users" in run(f"{ON} --users 50 --think 1s --requests 10").output
    words = "Offered and served requests/s span different times"
    assert words in run(f"{ON} --rate 10 --requests 20").output
    assert words not in run(f"{ON} --rate 10 --requests 3000").output
    assert "never fills" not in run(f"{ON} --concurrency 10 --requests 100").output


def test_prompts_computed_whole_end_even_after_preemptions():
    """The smallest step that holds a request computed again is enough; one less is refused."""
    rules = replace(
        EngineRules(num_gpu_blocks=80, max_num_batched_tokens=599, max_model_len=4096),
        enable_chunked_prefill=False,
    )
    model, plan = plan_for("llama-3.1-8b", "h100", context=600)
    fleet = replace(make_fleet(model, plan, 600), rules=(rules,))
    requests = Requests(np.zeros(40), *np.full((2, 40), 300, np.int32))
    found = simulate_run(fleet, requests)
    assert found.preemptions.sum() > 0
    assert (found.outputs == 300).all()
    less = replace(fleet, rules=(replace(rules, max_num_batched_tokens=598),))
    with pytest.raises(InputError, match="raise it to 599, or leave --no-chunked-prefill out"):
        simulate_run(less, requests)


def test_a_pool_too_small_is_refused():
    assert "does not fit" in refused("simulate llama-3.1-70b h100 --rate 1")
    long = "simulate llama-3.1-8b rtx4090 --weights bf16 --rate 1 --requests 50"
    assert "KV cache" in refused(f"{long} --isl uniform:100-60000")


def test_devices_without_a_link_are_not_split():
    message = refused(
        "simulate llama-3.2-3b 'm3 max' --rate 1 --prefill-replicas 1 --decode-replicas 1"
    )
    assert "has none" in message


def test_errors_are_one_line_on_stderr():
    command = [sys.executable, "-m", "inferplan", *shlex.split(f"{ON} --rate 0 --json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_help_is_grouped_and_names_every_option():
    text = run("simulate --help").stdout
    for title in (*GROUPS, "Output"):
        assert f"\n{title}:\n" in text
    shown = {p.name for p in simulate.params if not getattr(p, "hidden", False)}
    named = {name for names in GROUPS.values() for name in names}
    assert named <= shown
    for name in named:
        assert f"--{name.replace('_', '-')}" in text
    assert max(map(len, text.splitlines())) <= 100


def test_every_load_option_reaches_the_api():
    given = dict.fromkeys(TRAFFIC) | {"think": "2s", "period": "1h", "other": 1}
    found = traffic_of(given)
    assert given == {"other": 1}
    assert (found["think_s"], found["period_s"], "trace_start_s" in found) == (2.0, 3600.0, False)
    assert traffic_of({"think": "0s"}) == {"think_s": 0.0}


# --- the Python API ------------------------------------------------------------------------------


def test_the_api_is_the_command():
    found = ip.simulate("llama-3.1-8b", "h100", rate=5, requests=200, ttft_p95="1s", seed=3)
    printed = answer(f"{FEW} --rate 5 --ttft-p95 1s --seed 3")
    assert found.to_dict()["summary"] == printed["summary"]
    assert "TTFT" in str(found)
    assert "<table" in found._repr_html_()
    assert found.usd_per_mtok == pytest.approx(printed["usd_per_mtok"])


def test_a_model_that_nobody_prices_has_no_cost(monkeypatch):
    monkeypatch.setattr("inferplan.api.simulate.cheapest", lambda *_: None)
    found = ip.simulate("llama-3.1-8b", "h100", rate=5, requests=20)
    assert found.usd_per_mtok is None
    assert "cost" not in str(found)
    assert found.to_dict()["price"] is None


def test_burstiness_alone_means_gamma():
    assert make_scenario(8192, rate=3, cv=2.0).arrivals == OpenLoop(3, "gamma", cv=2.0)


def test_only_the_tail_of_a_distribution_is_cut():
    assert isinstance(make_scenario(8192, rate=3, isl="lognormal:1500,1").lengths, InContext)
    assert not isinstance(make_scenario(8192, rate=3, isl=1500).lengths, InContext)


def test_limits_of_a_good_request_are_the_tightest_objectives():
    found = criteria_of({"ttft_p95": "2s", "ttft_p50": "1s", "e2e": 9.0})
    assert found.limits == {"ttft": 1.0, "e2e": 9.0}
    assert criteria_of({"ttft": "1s"}, {"e2e": 5.0, "ttft": None}).limits == {"e2e": 5.0}
    with pytest.raises(InputError, match="is no latency"):
        criteria_of({}, {"itl": 1.0})


def test_a_trace_longer_than_the_context_is_refused(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("arrival_s,isl,osl\n0,100,5\n1,9000,5\n")
    with pytest.raises(InputError, match="1 of 2 prompts beyond the context of 8,192"):
        make_scenario(8192, trace=str(path))


def test_a_pool_too_small_for_one_request_is_refused():
    with pytest.raises(CannotPredictError, match="does not fit"):
        ip.simulate("llama-3.1-70b", "l40s", rate=1, requests=5)


def test_importing_the_command_is_cheap():
    code = "import sys, inferplan.cli.main; print('numpy' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(ip.__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.split() == ["False", "False"]


def test_progress_is_silent_off_a_terminal(monkeypatch):
    monkeypatch.setattr("inferplan.cli.progress.AFTER_S", 0.0)
    assert run(f"{ON} --rate 5 --requests 5000").stderr == ""


def test_progress_is_drawn_on_a_terminal(monkeypatch, capsys):
    from inferplan.cli.progress import progress_bar

    monkeypatch.setattr("inferplan.cli.progress.AFTER_S", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bar("simulating") as tell:
        tell(10, 100)
        tell(50, 100)
        time.sleep(0.5)
    assert "simulating" in capsys.readouterr().err
