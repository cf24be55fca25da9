"""Back ends and runners that need PyTorch, transformers or llama.cpp; skipped where they are not.

PyTorch is not among the pins of the tests: see docs/probe.md for how to install it.
"""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inferplan.catalog.formats import weight_format
from inferplan.catalog.gguf_file import model_from_gguf
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.params import count_params
from inferplan.measure.probe import torch_backend, torch_runner
from inferplan.measure.probe.jobs import jobs
from inferplan.measure.probe.llama_cpp_runner import LlamaCppRunner
from inferplan.measure.probe.paged_runner import PagedRunner
from inferplan.measure.probe.random_gguf import write_gguf
from inferplan.measure.probe.runner import Case
from inferplan.measure.probe.session import pool_bytes
from inferplan.measure.probe.shape import narrow, shape_of, shortened
from inferplan.measure.probe.shapes import sizes
from inferplan.measure.probe.timing import Effort
from inferplan.measure.probe.torch_backend import TorchBackend
from inferplan.measure.probe.torch_model import build
from inferplan.measure.probe.torch_runner import TorchRunner

SHORT = Effort(seconds=0.0, least=3, shortest_s=0.0)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.fixture
def backend() -> TorchBackend:
    pytest.importorskip("torch")
    return TorchBackend("cpu", 2e6)


@pytest.mark.parametrize(("form", "close"), [("fp32", 1e-5), ("bf16", 2e-2)])
def test_a_product_is_the_product_of_its_operands(torch, form, close):
    from inferplan.measure.probe.torch_formats import dtype_of, product

    torch.manual_seed(3)
    weights = torch.randn(32, 64).to(dtype_of(torch, form))
    torch.manual_seed(4)
    found = product(torch, form, 3, 64, torch.device("cpu"))(weights)
    torch.manual_seed(4)
    rows = torch.randn(3, 64).to(dtype_of(torch, form)).double()
    expected = rows @ weights.double().T
    assert float((found.double() - expected).norm() / expected.norm()) < close


def test_every_job_of_a_processor_runs_or_says_why(backend):
    small = sizes(large=False, quick=True)
    small = type(small)(((256, 512),), (1, 32), small.heads, (16,), ((1, 32),), (1e6,), (1e6,))
    seen = set()
    for job in jobs(backend, small):
        times = (job.times or backend.times)(job.make(), SHORT)
        assert len(times) == 3, job.label
        assert min(times) > 0
        seen.add(job.kind)
    assert seen == {"bandwidth", "gemm", "launch", "attention_decode", "attention_prefill"}


def test_weights_rotate(backend):
    work = backend.gemm("fp32", 1, 128, 256)
    assert not bool((work() == work()).all())


@pytest.mark.parametrize("moe", [False, True])
def test_decoding_from_the_cache_gives_what_a_whole_prompt_gives(torch, moe):
    """The cache, the rotary positions and the routing do what a transformer does."""
    torch.manual_seed(1)
    shape = shape_of(narrow(2, moe=moe))
    with torch.inference_mode():
        model = build(torch, shape, "fp32", torch.device("cpu"), 1, 16)
        tokens = torch.randint(0, shape.vocab, (1, 9))
        whole = model.forward(tokens, torch.arange(9), 9)
        model.forward(tokens[:, :8], torch.arange(8), 8)
        step = model.forward(tokens[:, 8:], torch.tensor([8]), 9)
    assert whole.tolist() == step.tolist()


def test_a_model_has_the_parameters_of_its_shape(torch):
    spec = narrow(3)
    model = build(torch, shape_of(spec), "fp32", torch.device("cpu"), 1, 8)
    matrices = [w for layer in model.layers for w in (layer.qkv, layer.out, layer.up, layer.down)]
    found = sum(w.numel() for w in matrices) + model.embedding.numel()
    assert found == pytest.approx(count_params(spec).stored, rel=0.01)


def test_the_plain_loop_times_prompts_and_steps(backend):
    found = TorchRunner(backend, graphs=False).run(Case(narrow(2), "bf16", isl=8, osl=5, batch=2))
    assert len(found.step_s) == 5
    assert min(found.prefill_s) > 0
    assert TorchRunner(backend, graphs=True).formats() == ()


def graph_of(_torch: Any, work: Any, count: int) -> Any:
    """Stands for a CUDA graph: what was captured, run again."""

    def replay() -> None:
        for _ in range(count):
            work()

    return SimpleNamespace(replay=replay)


def test_a_replayed_graph_is_divided_by_what_it_holds(backend, monkeypatch):
    ran: list[int] = []
    monkeypatch.setattr(torch_backend, "captured", graph_of)
    monkeypatch.setattr(torch_backend, "events_clock", lambda _torch: lambda work, count: [
        work() for _ in range(count)] and 1e-5 * count)  # fmt: skip
    backend.graphs = True
    times = backend.times(lambda: ran.append(1), Effort(seconds=0.0, least=3, shortest_s=1e-4))
    assert times == pytest.approx((1e-5 / 10,) * 3)
    assert len(ran) >= 3 * 10


def test_steps_of_a_graph_start_where_the_prompt_ended(backend, monkeypatch):
    """Warm-ups and captures move the place in the cache on; the steps timed start afresh."""
    places: list[int] = []
    advance = torch_runner._State.advance

    def watched(state: Any, model: Any, span: int) -> None:
        places.append(int(state.place))
        advance(state, model, span)

    def warmed(torch: Any, work: Any, count: int) -> Any:
        work()
        places.clear()
        return graph_of(torch, work, count)

    monkeypatch.setattr(torch_runner, "captured", warmed)
    monkeypatch.setattr(torch_runner._State, "advance", watched)
    backend.graphs = True
    runner = TorchRunner(backend, graphs=True)
    assert runner.formats() == ("bf16", "fp32")
    found = runner.run(Case(narrow(2), "bf16", isl=8, osl=4))
    assert places == [8, 9, 10, 11, 12, 13]
    assert len(found.step_s) == 4


def test_a_device_that_is_not_there():
    pytest.importorskip("torch")
    with pytest.raises(InputError, match="--on: xyz is no device"):
        TorchBackend("xyz", 1e6)


@pytest.mark.filterwarnings("ignore")  # those of other people's packages
def test_transformers_batches_continuously(backend):
    pytest.importorskip("transformers")
    found = PagedRunner(backend).run(Case(narrow(2), "bf16", isl=8, osl=4, batch=2))
    assert len(found.prefill_s) == 1
    assert len(found.step_s) >= 3
    assert min(found.step_s) > 0


@pytest.mark.parametrize("weights", ["fp16", "q8_0", "q4_0"])
def test_llama_cpp_runs_a_random_file(weights):
    pytest.importorskip("llama_cpp")
    found = LlamaCppRunner(1).run(Case(narrow(2), weights, isl=8, osl=4))
    assert len(found.step_s) == 4
    assert len(found.prefill_s) == 5


def test_ggml_multiplies():
    pytest.importorskip("llama_cpp")
    from inferplan.measure.probe.ggml_backend import GgmlBackend

    found = GgmlBackend(1, 2e6)
    wanted = sizes(large=False, quick=True)
    wanted = type(wanted)(((256, 512),), (1, 8), wanted.heads, (), (), (), ())
    for job in found.others(wanted):
        assert job.times is not None
        assert min(job.times(job.make(), SHORT)) > 0
    found.tidy()


@pytest.mark.parametrize("weights", ["fp16", "q8_0", "q4_0"])
def test_a_random_file_is_the_model_it_says(tmp_path, weights):
    file = Path(tmp_path, "m.gguf")
    spec = narrow(3)
    write_gguf(file, shape_of(spec), weights, 64)
    found, stored = model_from_gguf(file)
    assert stored is not None
    assert weight_format(stored).id == weights
    assert count_params(found).stored == pytest.approx(count_params(spec).stored, rel=0.01)


def test_experts_are_not_written_as_gguf(tmp_path):
    with pytest.raises(NotImplementedError):
        write_gguf(tmp_path / "m.gguf", shape_of(narrow(2, moe=True)), "fp16", 64)


def test_layers_of_several_kinds_are_refused():
    from inferplan.catalog.models import model

    with pytest.raises(CannotPredictError, match="layers of several kinds"):
        shape_of(model("gpt-oss-20b"))


def test_a_short_model_says_so():
    assert shortened("Llama-3.1-8B", 2).id == "Llama-3.1-8B, 2 of 32 layers"


@pytest.mark.parametrize(("cache", "memory"), [(5e7, 8.5e10), (2.6e8, 2.5e10), (3e7, 4e9)])
def test_weights_to_rotate_over_exceed_every_cache(cache, memory):
    assert cache < pool_bytes(cache, memory) <= memory / 8
    assert math.isfinite(pool_bytes(cache, 0.0))
