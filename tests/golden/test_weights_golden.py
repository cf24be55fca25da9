"""Weights in memory and work per token, worked out by hand."""

from dataclasses import replace

import pytest

from inferplan.catalog.calibration import using
from inferplan.catalog.devices import device
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.layers import Attention, DenseFfn
from inferplan.catalog.models import model
from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment, default_engine
from inferplan.estimate.machine import compute_format, facts_of, machine
from inferplan.estimate.memory import weights_per_device
from inferplan.estimate.operators import operators
from inferplan.estimate.params import count_params
from inferplan.estimate.predict import predict
from inferplan.estimate.step import Batch, step_time


def plan(name, weights, **layout):
    board = device(name)
    return Deployment(
        board, weight_format(weights), kv_format("fp16"), default_engine(board), **layout
    )


def weights_gb(name, spec, weights, **layout):
    return float(weights_per_device(model(spec), machine(plan(name, weights, **layout)))) / 1e9


def test_two_bytes_a_weight():
    # Llama 3 70B: 70,553,706,496 weights x 2 B = 141.1 GB on one device, 17.64 GB on each of 8
    assert weights_gb("b300_sxm", "Llama-3-70B", "bf16") == pytest.approx(141.1074, rel=1e-5)
    assert weights_gb("h100_sxm", "Llama-3-70B", "bf16", tp=8) == pytest.approx(17.6384, rel=1e-5)


def test_fp8_leaves_embedding_and_head_in_16_bit():
    # Llama 3 8B: 2 x 128,256 x 4,096 = 1.0507 G in 2 B, the layers' 6.9793 G in 1 B = 9.081 GB
    assert weights_gb("h100_sxm", "Llama-3-8B", "fp8") == pytest.approx(9.081, abs=0.001)


def test_gpt_oss_120b_checkpoint():
    # experts 114.66 G x 4.25 bit = 60.9 GB; 1.16 G embeddings and head, 1.01 G rest in 16 bit
    # = 4.3 GB: 65.3 GB, the size of the published checkpoint (65.2 GB)
    assert weights_gb("h100_sxm", "gpt-oss-120b", "mxfp4") == pytest.approx(65.2, rel=0.01)


def test_a_tied_table_lies_on_the_first_and_on_the_last_stage():
    # Gemma 3 27B: 262,208 x 5,376 = 1.41 G weights of table, 2.82 GB whole on each end, since
    # the first stage embeds with it and the last is the head; the rest is halved
    spec = model("Gemma-3-27B")
    table = 2.0 * spec.vocab * spec.hidden / 1e9
    one = weights_gb("l40s", "Gemma-3-27B", "bf16")
    two = weights_gb("l40s", "Gemma-3-27B", "bf16", pp=2)
    assert two == pytest.approx(table + (one - table) / 2, rel=1e-6)


def test_qwen3_30b_a3b_has_two_sizes():
    counted = count_params(model("Qwen3-30B-A3B"))
    # total 30.5 B; active 3.04 B of weights read, 3.35 B with the input embedding (card: 3.3 B)
    assert counted.total / 1e9 == pytest.approx(30.53, abs=0.01)
    assert counted.active / 1e9 == pytest.approx(3.04, abs=0.01)
    assert (counted.active + counted.token_table) / 1e9 == pytest.approx(3.35, abs=0.01)
    # memory follows the total, speed of one sequence the active ones
    assert weights_gb("h100_sxm", "Qwen3-30B-A3B", "bf16") == pytest.approx(61.06, abs=0.02)
    decode = predict(model("Qwen3-30B-A3B"), plan("h100_sxm", "bf16"), 100, 100).decode
    moved = sum(float(op.nbytes) for op in decode.step.ops) / 1e9
    assert moved == pytest.approx(2 * 3.04, rel=0.02)


def test_fp8_on_an_a100_saves_memory_but_no_arithmetic():
    ampere = device("a100_sxm_80")
    assert compute_format(ampere, weight_format("fp8")) == ("fp16", True)
    with using({}):  # as assumed, before calibration
        eight, sixteen = (facts_of(plan("a100_sxm_80", name)) for name in ("fp8", "bf16"))
    peak = "peak_matmul_flop_per_s"
    assert eight[peak].value == sixteen[peak].value == 312e12
    assert eight["matmul_frac"].value < sixteen["matmul_frac"].value
    assert eight["linear_bits"].value == 8
    # software decides: with weight-only support a published FP8 peak counts for nothing
    hopper = device("h100_sxm")
    unsupported = replace(hopper, support={**hopper.support, "fp8": "weight_only"})
    assert compute_format(unsupported, weight_format("fp8")) == ("fp16", True)
    # on Hopper the same weights compute at twice the 16-bit peak
    assert facts_of(plan("h100_sxm", "fp8"))[peak].value == pytest.approx(1979e12, rel=1e-3)


def test_int8_on_a_b300_is_far_below_fp8():
    # Blackwell Ultra gave the integer units up: 153.5 TOP/s against 4,500 TFLOP/s in FP8
    blackwell = device("b300_sxm")
    assert compute_format(blackwell, weight_format("w8a8")) == ("int8", False)
    int8, fp8 = (
        facts_of(plan("b300_sxm", name))["peak_matmul_flop_per_s"].value for name in ("w8a8", "fp8")
    )
    assert fp8 / int8 == pytest.approx(29.3, abs=0.1)
    spec = model("Llama-3-8B")
    slow, fast = (predict(spec, plan("b300_sxm", name), 8000, 10) for name in ("w8a8", "fp8"))
    assert slow.ttft_s > 10 * fast.ttft_s


def test_fp4_runs_weight_only_on_hopper():
    assert compute_format(device("h100_sxm"), weight_format("nvfp4")) == ("fp16", True)
    assert compute_format(device("b200_sxm"), weight_format("nvfp4")) == ("fp4", False)


def test_processors_multiply_quantised_weights_as_integers():
    # llama.cpp brings activations to 8 bits and multiplies integers: four times AVX-512's floats
    xeon = device("xeon_platinum_8380")
    assert compute_format(xeon, weight_format("q4_0")) == ("int8", True)
    assert compute_format(xeon, weight_format("bf16"))[0] == "fp16"
    four = facts_of(plan("xeon_platinum_8380", "q4_0"))["peak_matmul_flop_per_s"].value
    sixteen = facts_of(plan("xeon_platinum_8380", "bf16"))["peak_matmul_flop_per_s"].value
    assert four / sixteen == pytest.approx(4.0, rel=0.02)
    # graphics processors bring the weights to 16 bits instead
    assert compute_format(device("rtx4090"), weight_format("q4_0"))[0] == "fp16"


def test_a_gguf_file_does_not_run_on_inferentia():
    with pytest.raises(CannotPredictError, match="inf2 cannot run q4_k_m"):
        compute_format(device("inf2"), weight_format("q4_k_m"))


LLAMA_139M = ModelSpec(  # of the size that stack.md C1 ran with --enable-mfu-metrics
    "llama-139m", 1024, 2048, 4096, tied_embeddings=False,
    mixers=(Attention(8, 16, 16, 64, 64),), ffns=(DenseFfn(8, 4096),),
)  # fmt: skip


def test_the_engine_counted_the_same_flop_per_token():
    # layers 8 x (4 x 1024 x 1024 + 3 x 1024 x 4096) = 134.2 M weights, head 2.1 M:
    # 2 x 136.3 M = 272.6 MFLOP; vLLM's counter: 1.1009e12 FLOP / 4,040 tokens = 272.5 MFLOP
    assert count_params(LLAMA_139M).total == pytest.approx(139.5e6, rel=0.01)
    step = step_time(operators(LLAMA_139M), machine(plan("h100_sxm", "bf16")), Batch(1.0, 64.0))
    flop = sum(float(op.flop) for op in step.ops)
    assert flop == pytest.approx(1.1009e12 / 4040, rel=0.05)
    # its bytes: 1.1186e11 B / 390 iterations = 287 MB, of which weights 279 MB
    nbytes = sum(float(op.nbytes) for op in step.ops)
    assert nbytes == pytest.approx(1.1186e11 / 390, rel=0.06)
