"""The probe: timing, samples, files, the device fitted from them, and what can go wrong."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import inferplan as ip
from inferplan.api.build import build_plan, find_device, find_model
from inferplan.api.own_devices import keep_device, own_devices
from inferplan.api.probe import fitted, probe
from inferplan.catalog.devices import device as known_device
from inferplan.catalog.formats import weight_format
from inferplan.cli.main import cli
from inferplan.errors import CannotPredictError, DataError, InputError
from inferplan.estimate.machine import calibration_keys, facts_of, machine
from inferplan.estimate.operators import operators
from inferplan.estimate.step import Batch, step_time
from inferplan.measure.probe import session as session_module
from inferplan.measure.probe.as_device import fit
from inferplan.measure.probe.check import again, row
from inferplan.measure.probe.collect import collect
from inferplan.measure.probe.curves import fixed_times, products_of, stream_of
from inferplan.measure.probe.jobs import Job, gemm_job, jobs
from inferplan.measure.probe.known import recognised
from inferplan.measure.probe.layers import measure_layers
from inferplan.measure.probe.machine_facts import describe, without_paths
from inferplan.measure.probe.numpy_backend import NumpyBackend, usable_cores
from inferplan.measure.probe.record import Probe, read_probe, write_probe
from inferplan.measure.probe.runner import Case, Times
from inferplan.measure.probe.samples import Collected, Sample
from inferplan.measure.probe.session import Session, Wish
from inferplan.measure.probe.shape import narrow, shape_of, shortened
from inferplan.measure.probe.shapes import ROWS, sizes
from inferplan.measure.probe.timing import Effort, repeated
from inferplan.measure.probe.torch_backend import load_torch
from inferplan.provenance import Grade
from inferplan.serving.step_model import step_tables

ROOT = Path(__file__).parents[2]
BANDWIDTH, RATE, FIXED, OVERLAP = 2e12, 400e12, 3e-6, 0.85
MACHINE: dict[str, Any] = {
    "accelerator": {"kind": "cuda", "name": "NVIDIA Nonesuch 3000", "count": 1,
                    "memory_bytes": 48e9, "cache_bytes": 50e6, "capability": "8.9"},
    "processor": {"name": "x", "cores": 8, "machine": "x86_64", "features": [],
                  "cache_bytes": 3e7, "memory_bytes": 6e10},
}  # fmt: skip


def steady(kind: str, kernels: str, form: str, time_s: float, **more: Any) -> Sample:
    """A sample whose repeats agree."""
    size = more.pop("size", {})
    return Sample(kind, kernels, form, size, (time_s,) * 5, **more)


def roofline_s(flop: float, nbytes: float, rate: float, bandwidth: float) -> float:
    compute, moved = flop / rate, nbytes / bandwidth
    return max(compute, moved) + (1 - OVERLAP) * min(compute, moved) + FIXED


def made_products(form: str = "bf16", scale: float = 1.0) -> Iterator[Sample]:
    """Products of a machine that is a roofline."""
    backend: Any = NumpyBackend(1e6)
    for rows in ROWS:
        for k, n in sizes(large=True, quick=False).matrices:
            job = gemm_job(backend, form, rows, k, n)
            time_s = roofline_s(job.flop, job.nbytes, RATE * scale, BANDWIDTH)
            yield steady("gemm", "torch", form, time_s, size=dict(job.size), flop=job.flop,
                         nbytes=job.nbytes)  # fmt: skip


def made_probe(*more: Sample, machine_facts: dict[str, Any] | None = None) -> Probe:
    streams = [
        steady(
            "bandwidth", "torch", "", 1e9 / 2.2e12, nbytes=1e9, size={"bytes": 1e9, "how": "read"}
        )
    ]
    samples = (*streams, *made_products(), *made_products("fp8", 1.8), *more)
    return Probe("2026-11-23", "inferplan probe", machine_facts or MACHINE, samples)


def test_a_repeat_is_of_one_operation_and_lasts_long_enough():
    seen: list[int] = []

    def clock(work: Any, count: int) -> float:
        assert work is not None
        seen.append(count)
        return 2e-5 * count

    times = repeated(lambda: None, clock, Effort(seconds=0.0, least=4, shortest_s=1e-3))
    assert times == pytest.approx((2e-5,) * 4)
    assert seen[-1] == 50


def test_what_does_not_repeat_is_not_called_measured():
    assert not Sample("gemm", "", "", {}, (1.0, 1.01, 1.02, 1.01)).noisy
    assert Sample("gemm", "", "", {}, (1.0, 2.0, 3.0, 1.5)).noisy
    assert Sample("gemm", "", "", {}, (1.0, 1.0)).noisy


def test_the_fit_finds_the_machine_that_made_the_samples():
    (found,) = products_of(made_products(), OVERLAP)
    assert found.stream.bytes_per_s == pytest.approx(BANDWIDTH, rel=0.03)
    assert found.flop_per_s == pytest.approx(RATE, rel=0.03)
    assert [r.rows for r in found.rows] == sorted(ROWS)
    assert max(abs(r.error) for r in found.rows) < 0.03


def test_times_that_do_not_follow_the_sizes_give_no_absurd_rate():
    equal = [steady("gemm", "", "", 8e-3, nbytes=b) for b in (1e6, 1.1e6)]
    found = stream_of(equal)
    assert found is not None
    assert found.bytes_per_s == pytest.approx(2.1e6 / 16e-3)
    assert found.fixed_s == 0.0


def test_a_noisy_sample_is_left_out_of_the_fit():
    good = fit(made_probe()).device
    wild = Sample("gemm", "torch", "bf16", {"m": 1, "k": 64, "n": 64}, (1.0, 9.0, 90.0), 1.0, 1e3)
    assert fit(made_probe(wild)).device.factors == good.factors


def test_facts_and_factors_are_measured_and_no_share_is_above_one():
    found = fit(made_probe())
    assert found.device.facts["mem_bytes_per_s"].grade is Grade.MEASURED
    assert found.device.mem_bytes_per_s == pytest.approx(2.2e12)
    assert found.device.peak_flop_per_s["fp8"] > found.device.peak_flop_per_s["fp16"]
    for name, fact in found.device.factors.items():
        assert fact.grade is Grade.MEASURED, name
        assert fact.date == "2026-11-23"
        if fact.unit == "1":
            assert 0 < fact.value <= 1, name


def test_a_known_device_keeps_what_its_maker_says_unless_more_was_measured():
    h100_name = {"name": "NVIDIA H100 80GB HBM3", "memory_bytes": 85.0e9}
    facts = MACHINE | {"accelerator": MACHINE["accelerator"] | h100_name}
    found = fit(made_probe(machine_facts=facts))
    h100 = known_device("h100_sxm")
    assert found.like == "h100_sxm"
    assert found.device.mem_bytes_per_s == h100.mem_bytes_per_s
    assert found.device.link == h100.link
    assert found.device.factors["mem_frac|bf16"].value == pytest.approx(
        BANDWIDTH / h100.mem_bytes_per_s, rel=0.03
    )
    faster = steady("bandwidth", "torch", "", 1e-3, nbytes=4e9, size={"bytes": 4e9, "how": "read"})
    assert fit(made_probe(faster, machine_facts=facts)).device.mem_bytes_per_s == 4e12


@pytest.mark.parametrize(
    ("name", "memory", "expected"),
    [
        ("NVIDIA H200", 150.0e9, "h200_sxm"),
        ("NVIDIA H100 PCIe", 85.0e9, "h100_pcie"),
        ("NVIDIA A100-SXM4-80GB", 85.0e9, "a100_sxm_80"),
        ("NVIDIA A100-SXM4-40GB", 42.4e9, "a100_sxm_40"),
        ("NVIDIA L40S", 47.7e9, "l40s"),
        ("NVIDIA L4", 23.7e9, "l4"),
        ("NVIDIA GeForce RTX 4090", 25.3e9, "rtx4090"),
        ("AMD Instinct MI300X", 206e9, "mi300x"),
        ("NVIDIA H100 80GB HBM3", 30e9, None),
        ("Nonesuch", 85e9, None),
    ],
)
def test_drivers_names_are_recognised(name, memory, expected):
    found = recognised(name, memory)
    assert (found.id if found else None) == expected


def test_few_rows_say_nothing_of_a_peak():
    few = [s for s in made_products("fp32") if s.number("m") == 1]
    found = fit(made_probe(*few)).device
    assert "fp32" not in found.peak_flop_per_s
    assert "mem_frac|fp32" in found.factors


def test_too_little_to_fit_says_so():
    empty = Probe("2026-11-23", "", MACHINE, ())
    with pytest.raises(CannotPredictError, match="probe again when the machine is quiet"):
        fit(empty)


def layer(engine: str, layers: int, time_s: float, experts: int = 0) -> Sample:
    return steady("layer", engine, "bf16", time_s, size={"layers": layers, "experts": experts})


def test_fixed_times_come_from_two_depths():
    samples = [layer("pytorch", 2, 1.2e-3), layer("pytorch", 10, 5.2e-3)]
    assert fixed_times(samples, "pytorch", experts=False) == pytest.approx((5e-4, 2e-4))
    assert fixed_times(samples, "llama.cpp", experts=False) == (0.0, 0.0)


LAYERS = [
    layer("pytorch", 2, 4e-4), layer("pytorch", 10, 1.2e-3),
    layer("pytorch-graphs", 2, 1.2e-4), layer("pytorch-graphs", 10, 4.4e-4),
]  # fmt: skip


def test_launches_are_hidden_behind_a_slow_device_and_not_behind_a_fast_one():
    """On an accelerator an eager step takes the longer of device and host."""
    on = fit(made_probe(*LAYERS)).device
    assert on.factors["layer_launch_s|pytorch"].value == pytest.approx(1e-4)
    spec = find_model("llama-3.1-8b")[0]
    times = {
        engine: ip.predict(spec, on, weights="bf16", engine=engine, isl=100, osl=10).tpot_s
        for engine in ("pytorch", "pytorch-graphs")
    }
    assert times["pytorch"] == pytest.approx(times["pytorch-graphs"], rel=0.05)  # 8B: 7 ms
    tiny = narrow(40)
    waits = ip.predict(tiny, on, weights="bf16", engine="pytorch", isl=100, osl=10).tpot_s
    assert waits == pytest.approx(40 * 1e-4 + 2e-4, rel=0.01)


def test_the_simulator_waits_for_launches_too():
    on = fit(made_probe(*LAYERS)).device
    plan = build_plan(narrow(40), on, weights="bf16", engine="pytorch")
    step = step_time(operators(narrow(40)), machine(plan), Batch(4.0, 1.0))
    tables = step_tables(narrow(40), [plan])
    assert float(step.total_s - step.overhead_s) == pytest.approx(4e-3)
    assert 3.0e-3 < tables.curves[0, 0, 4] < 4.1e-3


def test_measured_factors_stand_in_for_those_of_the_class_and_are_not_shifted():
    on = fit(made_probe(*LAYERS)).device
    plan = build_plan(find_model("llama-3.1-8b")[0], on, weights="fp8", engine="vllm")
    facts = facts_of(plan)
    assert facts["mem_frac"] == on.factors["mem_frac|fp8"]
    assert facts["step_overhead_s"].grade is not Grade.MEASURED  # vLLM was not run
    assert calibration_keys(plan)["device"] == on.id


def test_a_prediction_from_a_probe_follows_its_machine():
    on = fit(made_probe(*LAYERS)).device
    found = ip.predict("llama-3.1-8b", on, weights="bf16", engine="pytorch-graphs", isl=2048, osl=2)
    decode_floor = 2 * 7.5e9 / BANDWIDTH
    assert decode_floor < found.tpot_s < 1.25 * decode_floor
    prefill_floor = 2 * 7.0e9 * 2048 / RATE
    assert prefill_floor < found.ttft_s < 1.5 * prefill_floor


def test_files_round_trip(tmp_path):
    file = tmp_path / "p.json"
    first = made_probe(*LAYERS)
    write_probe(file, first)
    second = read_probe(file)
    assert second.to_dict()["machine"] == first.to_dict()["machine"]
    assert len(second.samples) == len(first.samples)
    assert fit(second).device.factors.keys() == fit(first).device.factors.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def spoilt(change: Any) -> str:
    data = json.loads(json.dumps(made_probe().to_dict()))
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "is not JSON"),
        ("[1]", "is no probe"),
        ('{"schema": "inferplan.fit/1"}', "is no probe"),
        (spoilt(lambda d: d.update(schema="inferplan.probe/9")), "use the version that wrote it"),
        (spoilt(lambda d: d.pop("machine")), "machine: is missing"),
        (spoilt(lambda d: d["machine"]["accelerator"].pop("memory_bytes")), "memory_bytes"),
        (spoilt(lambda d: d["samples"][3].update(times_s=[-1])), "samples, entry 4, times_s"),
        (spoilt(lambda d: d["samples"][0].update(times_s=[True])), "samples, entry 1, times_s"),
        (spoilt(lambda d: d["samples"][0].update(kind="magic")), "has no kind of"),
        (spoilt(lambda d: d["samples"][0].update(size=3)), "size: is no mapping"),
        (spoilt(lambda d: d["samples"][0].update(flop="many")), "flop: is no number"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path, text, said):
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        read_probe(file)


def test_a_file_that_is_not_there():
    with pytest.raises(InputError, match=r"--device-from: no/such\.json cannot be read"):
        read_probe("no/such.json")


def test_no_path_gets_into_a_file():
    said = without_paths("cannot open /a/b/model.gguf: gone\nTraceback")
    assert said == "cannot open <path>: gone"
    text = json.dumps(describe({}))
    for secret in (os.uname().nodename, str(Path.home()), str(ROOT)):
        assert secret not in text


class FakeBackend:
    """Every operation takes the same time, on a clock of its own."""

    kernels = "fake"
    formats: tuple[str, ...] = ("fp32",)

    def __init__(self, stop_after: int = 10**9, error: BaseException | None = None) -> None:
        self.left, self.error = stop_after, error
        self.tidied = 0

    def gemm(self, form: str, m: int, k: int, n: int) -> Any:
        assert form in self.formats
        assert min(m, k, n) > 0
        self.left -= 1
        if self.left < 0 and self.error is not None:
            raise self.error
        return lambda: None

    def stream(self, how: str, nbytes: float) -> Any:
        assert how in ("read", "copy")
        return (lambda: None), nbytes

    def times(self, work: Any, effort: Effort) -> tuple[float, ...]:
        assert effort.least > 0
        work()
        return (1e-3,) * 4

    def others(self, sizes: Any) -> Iterator[Job]:
        assert sizes.rows
        return iter(())

    def tidy(self) -> None:
        self.tidied += 1


def fake_session(out: Path, backend: FakeBackend, runners: tuple[Any, ...] = ()) -> Session:
    wish = Wish(out, quick=True, check=False, seconds=20)
    return Session(wish, [backend], list(runners), MACHINE | {"threads": 1})


def test_out_of_memory_is_told_and_the_rest_goes_on():
    backend = FakeBackend(stop_after=2, error=RuntimeError("CUDA out of memory. Tried 9 GiB"))
    found = Collected()
    wanted = list(jobs(backend, sizes(large=False, quick=True)))
    collect(backend, wanted, Effort(), math.inf, found, lambda _: None)
    assert len(found.samples) == 6 + 2
    assert len(found.samples) + len(found.skipped) == len(wanted)
    assert all(item.why.startswith("out of memory") for item in found.skipped)


def test_time_that_is_over_leaves_the_rest_and_says_so():
    backend, found = FakeBackend(), Collected()
    wanted = list(jobs(backend, sizes(large=False, quick=True)))
    collect(backend, wanted, Effort(), -math.inf, found, lambda _: None)
    assert not found.samples
    assert {item.why for item in found.skipped} == {"no time left"}


def test_what_would_take_too_long_is_left_out():
    backend, found = FakeBackend(), Collected()
    small, huge = (gemm_job(backend, "fp32", m, 2048, 2048) for m in (1, 10**6))
    collect(backend, [small, huge], Effort(), math.inf, found, lambda _: None)
    assert [item.why for item in found.skipped] == ["would take 62 s"]


def test_a_stopped_run_keeps_what_it_has_marked_partial(tmp_path, monkeypatch):
    backend = FakeBackend(stop_after=5, error=KeyboardInterrupt())
    file = tmp_path / "p.json"
    monkeypatch.setattr(session_module, "start", lambda _wish: fake_session(file, backend))
    with pytest.raises(KeyboardInterrupt):
        probe(file, quick=True)
    kept = read_probe(file)
    assert kept.partial == "it was stopped"
    assert len(kept.samples) == 6 + 5


class FakeRunner:
    engine = "pytorch"

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error

    def formats(self) -> tuple[str, ...]:
        return ("bf16",)

    def run(self, case: Case) -> Times:
        if self.error:
            raise self.error
        layers = shape_of(case.spec).layers
        return Times((0.5,) * 5, (1e-3 + 1e-4 * layers,) * 9)


def test_a_whole_probe_runs_its_check_and_is_complete(tmp_path, monkeypatch):
    file = tmp_path / "p.json"
    session = fake_session(file, FakeBackend(), (FakeRunner(), FakeRunner(MemoryError())))
    session.found.samples += made_probe().samples
    monkeypatch.setattr(session_module, "start", lambda _wish: session)
    seen: list[tuple[int, int]] = []
    found = probe(file, quick=True, check=True, progress=lambda *at: seen.append(at))
    assert found.partial == ""
    assert [r["model"] for r in found.check] == ["Llama-3.1-8B, 8 of 32 layers"]
    assert seen[-1] == (2, 2)
    assert any(item.why.startswith("out of memory") for item in found.skipped)
    line = found.check[0]
    assert line["decode_error"] == pytest.approx(line["predicted_decode_s"] / line["decode_s"] - 1)
    assert again(dict(line), fit(found).device) == pytest.approx(
        (line["predicted_prefill_s"], line["predicted_decode_s"]), rel=0.2
    )


def test_layers_of_every_runner_and_kind_are_measured():
    found = Collected()
    measure_layers([FakeRunner()], found, lambda _: None)
    assert {(s.number("layers"), s.number("experts")) for s in found.samples} == {
        (2, 0), (10, 0), (2, 1), (10, 1)
    }  # fmt: skip
    assert fixed_times(found.samples, "pytorch", experts=False)[0] == pytest.approx(1e-4)


def test_check_says_what_was_measured_against_what():
    on = fit(made_probe(*LAYERS)).device
    case = Case(shortened("Llama-3.2-1B", 4), "bf16", isl=64, osl=8)
    line = row("pytorch", case, Times((), (5e-3,) * 8), on)
    assert line["prefill_s"] is None
    assert line["prefill_error"] is None
    assert line["decode_tok_s"] == pytest.approx(200)
    json.dumps(line, allow_nan=False)


def test_numpy_measures_what_it_says():
    backend = NumpyBackend(4e6)
    work, moved = backend.stream("read", 1e6)
    work()
    assert moved == pytest.approx(1e6, rel=1e-3)
    product: Any = backend.gemm("fp32", 3, 64, 32)()
    assert product.shape == (3, 32)
    assert np.isfinite(product).all()
    with pytest.raises(RuntimeError, match="multiplies no fp8"):
        backend.gemm("fp8", 1, 8, 8)
    assert backend.times(work, Effort(seconds=0.0, least=3))


def test_a_copy_reads_what_it_writes():
    backend = NumpyBackend(4e6, threads=2)
    work, moved = backend.stream("copy", 1e6)
    work()
    assert moved == pytest.approx(2e6, rel=1e-3)


def test_the_command_measures_this_machine_without_pytorch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = "probe --quick --backend numpy --threads 1 --seconds 4 --no-check --out mine.json"
    done = CliRunner().invoke(cli, words.split(), catch_exceptions=False)
    assert done.exit_code == 0
    assert "Memory bandwidth" in done.output
    assert "predict from it" in done.output
    data = json.loads((tmp_path / "mine.json").read_text())
    assert data["partial"] == ""
    assert (
        data["command"]
        == "inferplan probe --quick --no-check --backend numpy --threads 1 --seconds 4"
    )
    assert {s["kernels"] for s in data["samples"]} <= {"numpy", "ggml"}
    assert "mine.json" not in json.dumps(data)


@pytest.fixture
def probe_file(tmp_path: Path) -> Path:
    file = tmp_path / "mine.json"
    write_probe(file, made_probe(*LAYERS))
    return file


def invoke(*words: str) -> Any:
    return CliRunner().invoke(cli, list(words))


@pytest.mark.parametrize(
    "words",
    [
        "predict llama-3.1-8b --isl 100 --osl 10",
        "fit llama-3.1-8b",
        "explain tpot llama-3.1-8b --depth 8",
        "simulate llama-3.1-8b --rate 1 --requests 20",
        "capacity llama-3.1-8b --requests 100 --seeds 1",
        "batching llama-3.1-8b --requests 30",
        "sweep llama-3.1-8b --rates 1:2:2 --requests 20 --jobs 1 --out {out}",
        "recommend llama-3.1-8b --concurrency 1 --devices l40s --no-simulation --acquire any",
    ],
)
def test_a_probe_goes_wherever_a_device_goes(probe_file, tmp_path, words):
    out = str(tmp_path / "s.csv")
    done = invoke(*words.format(out=out).split(), "--device-from", str(probe_file))
    assert done.exit_code == 0, done.output
    names = ("probed_nvidia_nonesuch_3000", "Nonesuch", "mine.json")
    if words.startswith("sweep"):
        assert Path(out).read_text().count("\n") == 3
    else:
        assert any(name in done.output for name in names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("predict llama-3.1-8b h100 --device-from {file}", "stands beside DEVICE"),
        ("predict llama-3.1-8b --device-from x.txt", "is no file of a device"),
        ("predict llama-3.1-8b --device-from no.json", "cannot be read"),
        ("predict llama-3.1-8b", "Missing argument 'DEVICE'"),
        ("probe", "--out: a file is missing"),
        ("probe --out {file}/x.json", "cannot be written"),
        ("probe --backend cuda --out {file}", "use torch or numpy"),
        ("probe --backend numpy --on cuda --out {file}", "is not a device of NumPy"),
        ("probe --threads 0 --out {file}", "--threads: 0"),
        ("probe --seconds nan --out {file}", "--seconds: nan"),
        ("probe --fit no.json", "--fit: no.json cannot be read"),
        ("catalog add {file} --name h100_sxm", "is a device of the catalogue"),
        ("catalog add {file} --name ../x", "cannot be the name of a device"),
        ("catalog add no.json", "cannot be read"),
    ],
)
def test_mistakes_are_one_line(probe_file, monkeypatch, capsys, words, said):
    from inferplan.cli import main as main_module

    monkeypatch.setattr(sys, "argv", ["inferplan", *words.format(file=probe_file).split()])
    with pytest.raises(SystemExit) as stop:
        main_module.main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_no_pytorch_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"pip install 'inferplan\[probe\]'"):
        load_torch()
    with pytest.raises(InputError, match="needs PyTorch"):
        session_module.start(Wish("x.json", backend="torch"))
    with pytest.raises(InputError, match="needs PyTorch"):
        session_module.start(Wish("x.json", on="cuda"))
    plain = session_module.start(Wish("x.json"))
    assert plain.backends[0].kernels == "numpy"
    assert any("needs PyTorch" in item.why for item in plain.found.skipped)


def test_the_fit_is_shown(probe_file):
    done = invoke("probe", "--fit", str(probe_file))
    assert done.exit_code == 0, done.output
    assert "Efficiency factors" in done.output
    assert max(map(len, done.output.splitlines())) <= 100


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(Path, "home", lambda: home)
    return home


def test_a_kept_device_is_found_by_its_name(probe_file, at_home):
    assert own_devices() == ()
    done = invoke("catalog", "add", str(probe_file), "--name", "my_box")
    assert done.exit_code == 0, done.output
    assert find_device("My-Box").id == "my_box"
    assert find_device("my_box").factors
    assert "my_box" in invoke("catalog", "devices").output
    assert "Factors of its own" in invoke("catalog", "devices", "my_box").output
    assert invoke("predict", "llama-3.1-8b", "my_box").exit_code == 0
    assert [p.name for p in (at_home / ".local/share/inferplan/devices").iterdir()] == [
        "my_box.json"
    ]


@pytest.mark.usefixtures("at_home")
def test_a_yaml_device_is_kept_by_its_own_id(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("id: big_h100\nbased_on: h100_sxm\nmemory: 94GB\n")
    assert keep_device(file)[0].id == "big_h100"
    assert find_device("big_h100").mem_bytes == 94e9
    with pytest.raises(InputError, match="differs from id big_h100"):
        keep_device(file, "other")


def test_the_library_reads_a_probe(probe_file):
    found = ip.predict("llama-3.1-8b", str(probe_file), isl=100, osl=10)
    assert found.plan.device.id == "probed_nvidia_nonesuch_3000"
    assert fitted(probe_file, "x").device.id == "x"


def test_own_engines_are_in_the_catalogue():
    for engine in ("pytorch", "pytorch-graphs", "transformers", "llama.cpp"):
        plan = build_plan(find_model("llama-3.2-1b")[0], known_device("l4"), engine=engine)
        launch = facts_of(plan)["layer_launch_s"].value
        assert (launch > 0) == (engine == "pytorch")


def test_stored_bits_of_a_probe_are_those_of_the_catalogue():
    from inferplan.measure.probe.jobs import STORED

    for form, nbytes in STORED.items():
        assert nbytes * 8 == pytest.approx(weight_format(form).bits, rel=0.05), form


def test_cores_are_counted():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_measure_gpu_says_what_a_bare_python_lacks(tmp_path):
    """The script stops before it measures where PyTorch is missing."""
    lacking = tmp_path / "python"
    lacking.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n')
    lacking.chmod(0o755)
    done = subprocess.run(
        ["bash", str(ROOT / "tools" / "measure_gpu.sh"), str(tmp_path / "out")],
        env=os.environ | {"PYTHON": str(lacking)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "this Python lacks torch" in done.stderr
    assert not (tmp_path / "out" / "probe.json").exists()
