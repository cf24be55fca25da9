"""Careless use of the newer commands: one line that says the fix, and nothing half-written."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import inferplan as ip
from inferplan.api.build import find_device, find_model
from inferplan.api.sweep_values import parse_vary
from inferplan.api.traffic import make_scenario
from inferplan.cli.main import cli
from inferplan.cli.mistakes import swapped, usage_line
from inferplan.cli.progress import progress_bar
from inferplan.errors import InferplanError, InputError, UnknownNameError
from inferplan.files import check_folder, write_atomic
from inferplan.report.run_files import NAMES
from inferplan.serving.recording import read_recording

ON = "llama-3.1-8b h100"
FEW = f"simulate {ON} --rate 5 --requests 50"
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and devices of Unix")


def refused(words):
    with pytest.raises(InferplanError) as caught:
        CliRunner().invoke(cli, shlex.split(words), catch_exceptions=False)
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def program(*words, **more):
    command = [sys.executable, "-m", "inferplan", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, **({"timeout": 120} | more)
    )


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (f"{FEW} --rate 1e-300", "--rate: 1e-300 is not 1e-06 to 1,000,000 requests per second"),
        (f"{FEW} --rate 1e300", "--rate: 1e+300 is not"),
        (f"{FEW} --replicas 5000", "--replicas: 5,000 exceeds 4,096; simulate a part"),
        (
            f"{FEW} --prefill-replicas 9999 --decode-replicas 1",
            "--prefill-replicas: 9,999 exceeds 4,096",
        ),
        (f"{FEW} --block-size 1000000", "--block-size: 1000000 exceeds the context of 131,072"),
        (f"simulate {ON} --users 2 --think 1e300h", "exceeds thirty years"),
        (f"{FEW} --policy dynamic --window 1e9h", "is longer than 24 h"),
        (f"{FEW} --arrivals diurnal --peak-to-mean 3", "--peak-to-mean: 3.0 is not 1 to 2"),
        (f"{FEW} --arrivals diurnal --period 0s", "--period: 0 is not above zero"),
        (f"{FEW} --prefix-tokens 1025", "--prefix-tokens: 1,025 exceeds a prompt, which has 1,024"),
        (f"{FEW} --turns 2 --prefix-tokens 131071", "leaves no room for a turn in the context"),
        (f"{FEW} --turns 2 --prefix-tokens -1", "is not a whole number from 0 on"),
        (f"{FEW} --warmup Soon", "--warmup: 'Soon' is not a number"),
        (f"{FEW} --warmup 5", "write auto, or a time, e.g. 60s"),
        (f"{FEW} --lengths absent.csv", "--lengths: absent.csv does not exist"),
        (f"{FEW} --lengths ''", "--lengths: '' names no file"),
        (f"simulate {ON} --trace ''", "--trace: '' names no file"),
        ("recommend llama-3.1-8b --trace ''", "--trace: '' names no file"),
        ("simulate llama-2-7b h100 --rate 1 --preset long-context", "--preset: long-context (12,"),
        (f"batching {ON} --replicas 5000", "--replicas: 5,000 exceeds"),
        (f"batching {ON} --plot ''", "--plot: '' is no kind of picture"),
        (f"capacity {ON} --rate 5", "--rate: 5 is what capacity looks for; leave it out"),
        (f"capacity {ON} --concurrency 5", "see --find concurrency"),
        (f"explain tpot {ON} --batch 0", "--batch: 0 is not above zero"),
        (f"explain tpot {ON} --batch nan", "--batch: nan is not a finite number above zero"),
        (f"explain usd_per_h {ON} --acquire lease", "--acquire: 'lease' is not known; use auto or"),
        (f"explain tpot {ON} --isl 1e7", "exceed the 131072 of Llama-3.1-8B"),
        (f"explain tpot {ON} --isl -5", "--isl: -5 is not above zero"),
        (f"explain tpot {ON} --batch 1e6", "do not fit 1 x h100_sxm: the KV pool holds"),
        (f"explain tpot_p95 {ON} --rate 1e9", "--rate: 1e+09 requests/s overload the fleet"),
        (f"explain e2e_mean {ON} --concurrency 1e9", "in flight overload the fleet, which carries"),
        (f"explain tpot_p95 {ON} --users 1e9", "give --replicas"),
        (f"predict {ON} --pp 33", "--pp: 33 stages exceed the 32 layers of Llama-3.1-8B"),
        (f"predict {ON} --weights fp9", "--weights: 'fp9' is not known; did you mean fp8"),
        (f"predict {ON} --kv fp88", "--kv: 'fp88' is not known; did you mean fp8"),
        (f"predict {ON} --engine vlm", "--engine: 'vlm' is not known; did you mean vllm"),
        ("recommend llama-3.1-8b --isl 9 --osl 9 --rate 1 --kv f", "--kv: 'f' is not known"),
        (f"predict {ON} --max-num-seqs 999999999", "--max-num-seqs: 999,999,999 takes"),
        (f"{FEW} --max-num-batched-tokens 99999999", "of activations, and"),
        ("predict llama-3.1-70b l40s --weights bf16", "are available; use --tp 4, or --weights"),
        ("predict llama-3.1-405b h100 --weights bf16", "use --tp 8 --pp 2"),
        (f"{FEW} --gpu-memory-utilization 0.05", "use --gpu-memory-utilization 0.9"),
        (
            f"{FEW} --no-chunked-prefill --isl 9000",
            "do not hold a prompt of 9,000, which --no-chun",
        ),
        (
            f"capacity {ON} --no-chunked-prefill --isl 5000 --osl 4000",
            "--max-num-batched-tokens: 8,192 tokens of a step do not hold a request of 8,999",
        ),
        (f"capacity {ON} --think 5s", "--think: 5 s needs --find users or --turns"),
        (f"simulate {ON} --rate 1 --think 5s", "--think: 5 s needs --users or --turns"),
        (f"capacity {ON} --find users --requests 100 --seeds 1", "give more --requests"),
        (
            f"capacity {ON} --policy static --requests 500 --seeds 1",
            "or give --requests 20,480, or choose --policy dynamic",
        ),
        (
            f"capacity {ON} --policy static --max-num-seqs 64 --ttft-p95 50ms --seeds 1",
            "static batching waits for --max-num-seqs 64 requests: lower that, or choose --policy",
        ),
        (
            "recommend llama-3.1-8b --isl 9 --osl 9 --rate 1 --users 2",
            "--rate and --users given; give exactly one of --rate, --concurrency, --users, --trace",
        ),
        (
            f"{FEW} --isl lognormal:300,1e9",
            "--isl: 1e+09 is not a coefficient of variation above 0",
        ),
        (f"{FEW} --lengths absent.csv", "give the path of a CSV with the columns isl,osl"),
    ],
)
def test_a_value_out_of_range_is_refused(words, says):
    assert says in refused(words)


def test_the_edges_are_allowed():
    whole = make_scenario(8192, rate=1e6, isl=1024, prefix_tokens=1024).prefix
    assert whole is not None
    assert whole.tokens == 1024
    assert CliRunner().invoke(cli, shlex.split(f"{FEW} --warmup AUTO")).exit_code in (0, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (f"simulate {ON} --rate 10/s", "--rate: '10/s' is not a number; write 10"),
        (f"simulate {ON} --rate ''", "--rate: '' is not a number; write a number, e.g. 1.5"),
        (f"simulate {ON} --requests 1e4", "--requests: '1e4' is not a whole number; write 10000"),
        (f"simulate {ON} --seed x", "--seed: 'x' is not a whole number; write a number, e.g. 100"),
        ("recommend llama-3.1-8b --top 0", "--top: 0 is not in the range x>=1; see inferplan reco"),
        ("simulate llama-3.1-8b", "Missing argument 'DEVICE'; see inferplan simulate --help"),
        (f"simulate {ON} --rate", "requires an argument; see inferplan simulate --help"),
        (f"simulatee {ON}", "Did you mean 'simulate'?; see inferplan --help"),
        ("simulate h100 llama-3.1-8b --rate 1", "'h100' is a device, not a model; did you swap"),
        ("sweep h100 llama-3.1-8b --rates 1:2:2 --out s.csv", "write: inferplan sweep MODEL DEV"),
        ("explain llama-3.1-8b h100 tpot", "write: inferplan explain FIGURE MODEL DEVICE"),
        ("recommend h100 --rate 1", "'h100' is a device, not a model; write: inferplan recommend"),
        ("simulate qwen3-32b llama-3.1-8b --rate 1", "'llama-3.1-8b' is a model, not a device"),
        ("simulate lama-3.1-8b h100 --rate 1", "did you mean Llama-3.1-8B"),
    ],
)
def test_words_that_make_no_command_are_one_line(words, says, monkeypatch):
    """As ``main`` tells them, without a process for each."""
    monkeypatch.setattr(sys, "argv", ["inferplan", *shlex.split(words)])
    with pytest.raises((UnknownNameError, click.UsageError)) as caught:
        cli.main(prog_name="inferplan", standalone_mode=False)
    error: Exception = caught.value
    if isinstance(error, click.UsageError):
        line = usage_line(error, cli)
    else:
        assert isinstance(error, UnknownNameError)
        line = swapped(error, cli)
    assert says in line
    assert len(line.splitlines()) == 1


def test_model_and_device_swapped_is_told_to_python_too():
    for model, device in (("h100", "llama-3.1-8b"), ("h100", "l40s")):
        with pytest.raises(UnknownNameError, match="'h100' is a device, not a model; did you swap"):
            ip.predict(model, device)
    with pytest.raises(UnknownNameError, match="'qwen3-32b' is a model, not a device"):
        find_device("qwen3-32b")
    with pytest.raises(UnknownNameError, match="is a model, not a device"):
        find_device(find_model("qwen3-32b")[0])


def test_figures_of_memory_are_derived_of_what_does_not_fit():
    assert ip.explain("weights_bytes", "llama-3.1-70b", "l40s", weights="bf16").value > 1e11


def test_other_unknown_names_are_told_as_they_are():
    error = UnknownNameError("kv", "fp9", ["fp8"], "one of fp8")
    assert swapped(error, cli) == str(error)


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("arrival_s,isl,osl\n0,100,5\n1e12,100,5\n")
    return path


def test_a_trace_in_another_unit_of_time_is_refused(trace):
    assert "has a request 1e+12 s after the start" in refused(f"simulate {ON} --trace {trace}")


def test_a_search_takes_only_traces_that_tell_something(tmp_path, trace):
    ask = "recommend llama-3.1-8b --devices l40s --trace"
    assert "has a request 1e+12 s after the start" in refused(f"{ask} {trace}")
    few = tmp_path / "few.csv"
    few.write_text("arrival_s,isl,osl\n0,100,5\n1,100,5\n")
    assert f"--trace: {few} has 2 requests, too few" in refused(f"{ask} {few}")


@pytest.mark.parametrize("option", ["--trace-part x", "--trace-start 5s", "--trace-span 1h"])
def test_options_of_one_format_are_refused_for_another(trace, option):
    says = f"{option.split()[0]}: "
    message = refused(f"simulate {ON} --trace {trace} {option}")
    assert message.startswith(says)
    assert "means nothing for a trace that is plain" in message


def test_a_folder_to_write_to_is_checked_first(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "requests.csv").touch()
    for out, says in (
        ("''", "'' is no folder"),
        (tmp_path / "file", "is no folder; name a new folder"),
        (tmp_path / ("x" * 300), "is no folder"),
        (tmp_path / "absent" / "run", "is no folder that you may write to"),
        (tmp_path / "own", "holds requests.csv, which no simulation wrote"),
    ):
        assert says in refused(f"{FEW} --requests 20000000 --out {out}")


def test_a_file_is_not_written_over_what_is_none(tmp_path):
    for path, says in (
        (tmp_path, "is a folder; name a file"),
        (tmp_path / ("x" * 300), "cannot be written"),
    ):
        with pytest.raises(InputError, match=says):
            check_folder(path, "--out")
    assert "is a folder" in refused(f"validate {__file__} --out {tmp_path}")
    assert "is a folder" in refused(f"sweep {ON} --rates 1:2:2 --out {tmp_path}")


@UNIX
def test_a_device_does_not_become_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="is a device, which a file would replace"):
        check_folder(pipe, "--out")
    with pytest.raises(InputError, match="cannot be written"):
        write_atomic(pipe, "text")
    assert pipe.is_fifo()


def test_files_of_a_run_are_there_together_or_not_at_all(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    out = tmp_path / "run"
    monkeypatch.setattr("inferplan.report.run_files.write_timeline", fails)
    assert f"--out: {out} cannot be written (No space left on device)" in refused(
        f"{FEW} --out {out}"
    )
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    (out / "notes.txt").touch()
    refused(f"{FEW} --out {out}")
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    monkeypatch.undo()
    assert CliRunner().invoke(cli, shlex.split(f"{FEW} --out {out}")).exit_code == 0
    assert {path.name for path in out.iterdir()} - {"notes.txt"} <= set(NAMES)


@pytest.mark.parametrize(
    ("module", "words", "says"),
    [
        ("matplotlib", f"batching {ON} --plot x.png", "--plot: x.png cannot be used: matplotlib"),
        ("pyarrow", f"{FEW} --out x --parquet", "--parquet: a format needs pyarrow; pip install"),
    ],
)
def test_a_missing_extra_is_told_before_the_work(module, words, says, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, f"{module}.parquet", None)
    assert says in refused(words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"schema": "inferplan.simulate/1"}', 'is JSON of "inferplan.simulate/1" but not a rec'),
        ('{"a": 1}', "is JSON but not a recording; record it again"),
    ],
)
def test_json_of_another_kind_is_no_recording(tmp_path, text, says):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InferplanError, match=says):
        read_recording(path)


# --- sweeps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--rates 1:20", "rate=1:20 is not a range; write A:B:N"),
        ("--vary rate=true,2", "rate=True is no number"),
        ("--rate 1 --vary ttft_p95=1s,2", "--vary ttft_p95: 2 has no unit"),
        ("--users 2 --vary think=1", "--vary think: 1 has no unit"),
        ("--rates 1:2:2 --jobs 0", "--jobs: 0 is below 1"),
        ("--rates 1:2:2 --trace t.csv", "--rate and --trace given; give exactly one"),
        ("--vary seed=1,2 --rate 0", "--rate: 0 is not above zero; give a finite number above ze"),
    ],
)
def test_a_sweep_that_can_have_no_figures_leaves_no_file(words, says, tmp_path):
    message = refused(f"sweep {ON} {words} --out {tmp_path / 's.csv'}")
    assert says in message
    assert list(tmp_path.iterdir()) == []


def test_a_bad_point_does_not_spoil_the_others(tmp_path):
    path = tmp_path / "s.csv"
    words = f"sweep {ON} --vary rate=0,2 --requests 50 --jobs 1 --out {path}"
    assert CliRunner().invoke(cli, shlex.split(words)).exit_code == 0
    _, bad, good = path.read_text().splitlines()
    assert "--rate: 0 is not above zero" in bad
    assert good.endswith(",")


def test_times_and_limits_are_read_with_their_unit():
    found = parse_vary(["think=0,1s", "ttft_p95=1s,200ms", "e2e=1:2:2", "isl=uniform:100-200"])
    assert found == {
        "think_s": [0.0, 1.0],
        "ttft_p95": ["1s", "200ms"],
        "e2e": [1.0, 2.0],
        "isl": ["uniform:100-200"],
    }


@UNIX
def test_a_killed_worker_is_told_and_the_sweep_goes_on(tmp_path, start, wait_until):
    out = tmp_path / "s.csv"
    words = ["sweep", *ON.split(), "--rates", "1:9:200", "--requests", "3000", "--jobs", "2"]
    run = start([sys.executable, "-m", "inferplan", *words, "--out", str(out)])
    wait_until(lambda: len(_children(run)) == 2, run)
    os.kill(_children(run)[0], signal.SIGKILL)
    _, error = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "was killed by signal 9, perhaps for want of memory; what is done is kept" in error
    assert len(error.splitlines()) == 1
    assert not out.exists()
    assert out.with_name("s.csv.partial").exists()


def _children(run):
    found = subprocess.run(["pgrep", "-P", str(run.pid)], stdout=-1, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


# --- the program ---------------------------------------------------------------------------------


@UNIX
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_its_code_and_one_line(
    number, code, tmp_path, start, wait_for_handlers
):
    words = shlex.split(f"simulate {ON} --rate 20 --requests 3000000 --out {tmp_path / 'run'}")
    run = start([sys.executable, "-m", "inferplan", *words])
    wait_for_handlers(run)
    run.send_signal(number)
    out, error = run.communicate(timeout=120)
    assert (run.returncode, out, error.strip()) == (code, "", "error: stopped")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_stdout_is_told(unbuffered):
    command = [sys.executable, "-m", "inferplan", *shlex.split(FEW)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=-1, text=True, check=False,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: output: stdout cannot be written (No space left")
    assert len(done.stderr.splitlines()) == 1


@UNIX
def test_a_closed_stdout_is_no_defect():
    line = shlex.join([sys.executable, "-m", "inferplan", *shlex.split(FEW)])
    done = subprocess.run(["sh", "-c", f"{line} >&-"], stderr=-1, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_letters_that_the_terminal_lacks_are_replaced():
    done = program("explain", "tpot", *ON.split(), "--depth", "2",
                   env=os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert " us " in done.stdout


def test_a_bar_comes_without_news_and_only_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("inferplan.cli.progress.AFTER_S", 0.0)
    with progress_bar("comparing"):
        time.sleep(0.3)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bar("comparing"):
        time.sleep(0.5)
    assert "comparing" in capsys.readouterr().err
