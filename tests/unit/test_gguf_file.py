"""Tiny GGUF files, written with the reference writer."""

import numpy as np
import pytest

gguf = pytest.importorskip("gguf")

from inferplan.catalog.gguf_file import gguf_bits_per_weight, model_from_gguf  # noqa: E402
from inferplan.catalog.layers import Attention, DenseFfn, LatentAttention, MoeFfn  # noqa: E402
from inferplan.errors import DataError  # noqa: E402
from inferplan.estimate.kv import kv_bytes_per_token  # noqa: E402
from inferplan.estimate.params import count_params  # noqa: E402

HIDDEN, VOCAB, WIDTH = 64, 96, 128


def _start(path, arch="llama", layers=2, **keys):
    writer = gguf.GGUFWriter(path, arch)
    writer.add_name("toy")
    writer.add_block_count(layers)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_context_length(4096)
    for key, value in keys.items():
        writer.add_uint32(f"{arch}.{key.replace('__', '.')}", value)
    return writer


def _half(*shape):
    return np.zeros(shape, dtype=np.float16)


def _attention(writer, block):
    for name, rows in (("q", HIDDEN), ("k", HIDDEN // 2), ("v", HIDDEN // 2), ("output", HIDDEN)):
        writer.add_tensor(f"blk.{block}.attn_{name}.weight", _half(rows, HIDDEN))
    writer.add_tensor(f"blk.{block}.attn_norm.weight", np.zeros(HIDDEN, dtype=np.float32))
    writer.add_tensor(f"blk.{block}.ffn_norm.weight", np.zeros(HIDDEN, dtype=np.float32))


def _ffn(writer, block):
    writer.add_tensor(f"blk.{block}.ffn_gate.weight", _half(WIDTH, HIDDEN))
    writer.add_tensor(f"blk.{block}.ffn_up.weight", _half(WIDTH, HIDDEN))
    writer.add_tensor(f"blk.{block}.ffn_down.weight", _half(HIDDEN, WIDTH))


def _outer(writer, *, head=True):
    writer.add_tensor("token_embd.weight", _half(VOCAB, HIDDEN))
    writer.add_tensor("output_norm.weight", np.zeros(HIDDEN, dtype=np.float32))
    if head:
        writer.add_tensor("output.weight", _half(VOCAB, HIDDEN))


def _finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _elements(path):
    return sum(int(t.n_elements) for t in gguf.GGUFReader(str(path)).tensors)


@pytest.fixture
def dense(tmp_path):
    path = tmp_path / "toy.gguf"
    writer = _start(path)
    for block in range(2):
        _attention(writer, block)
        _ffn(writer, block)
    _outer(writer)
    _finish(writer)
    return path


def test_dense_model(dense):
    spec, weights = model_from_gguf(dense)
    assert (spec.id, spec.hidden, spec.vocab, spec.context_max) == ("toy", HIDDEN, VOCAB, 4096)
    assert not spec.tied_embeddings
    assert spec.mixers == (Attention(2, 4, 2, 16, 16),)
    assert spec.ffns == (DenseFfn(2, WIDTH),)
    assert weights == spec.native_format == "f16"
    assert count_params(spec).stored == _elements(dense)
    assert kv_bytes_per_token(spec, 16) == 2 * 2 * 32 * 2


def test_bits_per_weight(dense):
    norms, total = 5 * HIDDEN, _elements(dense)
    expected = (norms * 32 + (total - norms) * 16) / total
    assert gguf_bits_per_weight(dense) == pytest.approx(expected)


def test_quantised_tensors_and_declared_type(tmp_path):
    path = tmp_path / "q8.gguf"
    writer = _start(path)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    for block in range(2):
        _attention(writer, block)
        _ffn(writer, block)
    table = gguf.quants.quantize(
        np.zeros((VOCAB, HIDDEN), dtype=np.float32), gguf.GGMLQuantizationType.Q8_0
    )
    writer.add_tensor("token_embd.weight", table, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    _finish(writer)
    spec, weights = model_from_gguf(path)
    assert weights == "q8_0"
    assert spec.tied_embeddings
    assert count_params(spec).stored == _elements(path)
    assert gguf_bits_per_weight(path) < 17


def test_experts_windows_and_mtp_blocks(tmp_path):
    path = tmp_path / "moe.gguf"
    keys = {
        "expert_count": 4,
        "expert_used_count": 2,
        "expert_feed_forward_length": 32,
        "attention__sliding_window": 128,
        "nextn_predict_layers": 1,
    }
    writer = _start(path, "gpt-oss", layers=3, **keys)
    for block in range(3):
        _attention(writer, block)
    _ffn(writer, 0)
    for block in (1, 2):
        for name in ("gate", "up"):
            writer.add_tensor(f"blk.{block}.ffn_{name}_exps.weight", _half(4, 32, HIDDEN))
        writer.add_tensor(f"blk.{block}.ffn_down_exps.weight", _half(4, HIDDEN, 32))
        writer.add_tensor(f"blk.{block}.ffn_up_shexp.weight", _half(48, HIDDEN))
        writer.add_tensor(f"blk.{block}.ffn_gate_shexp.weight", _half(48, HIDDEN))
        writer.add_tensor(f"blk.{block}.ffn_down_shexp.weight", _half(HIDDEN, 48))
        writer.add_tensor(f"blk.{block}.ffn_gate_inp.weight", _half(4, HIDDEN))
    _outer(writer)
    _finish(writer)
    spec, _ = model_from_gguf(path)
    assert spec.ffns == (DenseFfn(1, WIDTH), MoeFfn(1, 4, 2, 32, 48))
    windows = [(m.count, m.window) for m in spec.mixers if isinstance(m, Attention)]
    assert windows == [(1, None), (1, 128)]
    assert count_params(spec).mtp > 0
    assert count_params(spec).stored == _elements(path)


def test_latent_attention(tmp_path):
    path = tmp_path / "mla.gguf"
    keys = {
        "attention__kv_lora_rank": 32,
        "attention__q_lora_rank": 24,
        "rope__dimension_count": 8,
        "attention__key_length": 40,
        "attention__key_length_mla": 24,
        "attention__value_length_mla": 16,
    }
    writer = _start(path, "deepseek2", layers=1, **keys)
    for name, rows, cols in (
        ("q_a", 24, HIDDEN), ("q_b", 4 * 24, 24), ("kv_a_mqa", 40, HIDDEN),
        ("kv_b", 4 * 32, 32), ("output", HIDDEN, 64),
    ):  # fmt: skip
        writer.add_tensor(f"blk.0.attn_{name}.weight", _half(rows, cols))
    _ffn(writer, 0)
    _outer(writer)
    _finish(writer)
    spec, _ = model_from_gguf(path)
    assert spec.mixers == (LatentAttention(1, 4, 24, 32, 8, 16, 16),)
    assert count_params(spec).stored == _elements(path)


def test_recurrent_architecture_is_refused(tmp_path):
    path = tmp_path / "ssm.gguf"
    writer = _start(path, "mamba2", layers=1)
    writer.add_tensor("blk.0.ssm_in.weight", _half(8, HIDDEN))
    _finish(writer)
    with pytest.raises(DataError, match="architecture mamba2 has layers"):
        model_from_gguf(path)


def test_missing_key_is_named(tmp_path):
    path = tmp_path / "bare.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    _outer(writer)
    _finish(writer)
    with pytest.raises(DataError, match="block_count: architecture llama"):
        model_from_gguf(path)


def test_no_tensors(tmp_path):
    path = tmp_path / "vocab.gguf"
    _finish(_start(path))
    with pytest.raises(DataError, match="holds no tensors"):
        gguf_bits_per_weight(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.05, 0.5, 0.99])
def test_truncated_file(dense, share):
    content = dense.read_bytes()
    dense.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="no GGUF file or is cut short"):
        model_from_gguf(dense)


def test_other_file_and_missing_file(tmp_path):
    path = tmp_path / "x.gguf"
    path.write_text("not a model at all, " * 50, encoding="utf-8")
    with pytest.raises(DataError, match="no GGUF file"):
        model_from_gguf(path)
    with pytest.raises(DataError, match="no such file"):
        model_from_gguf(tmp_path / "absent.gguf")


def test_split_file(dense, tmp_path):
    first = tmp_path / "toy-00001-of-00002.gguf"
    first.write_bytes(dense.read_bytes())
    with pytest.raises(DataError, match=r"toy-00002-of-00002\.gguf: no such file"):
        gguf_bits_per_weight(first)
    (tmp_path / "toy-00002-of-00002.gguf").write_bytes(dense.read_bytes())
    assert gguf_bits_per_weight(first) == gguf_bits_per_weight(dense)
