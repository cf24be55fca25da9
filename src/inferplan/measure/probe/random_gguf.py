"""A GGUF file of a real architecture with random weights, for llama.cpp to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from inferplan.measure.probe.shape import Shape

STORED = {"fp16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0"}
"""Weight format -> the type of the matrices; of q4_0 the head is Q6_K, as llama-quantize has it."""

_BLOCK_ROWS = 64
_Q6_BLOCK = 210
"""Bytes of 256 weights in Q6_K: 128 low and 64 high bits, 16 scales, and one of 16 bit."""


def write_gguf(path: str | Path, shape: Shape, weights: str, context: int) -> None:
    """Write the file.

    Parameters
    ----------
    path : str or Path
        Where.
    shape : Shape
        A dense model.
    weights : str
        A key of :data:`STORED`.
    context : int
        Longest context that the file declares [tokens].

    Raises
    ------
    NotImplementedError
        For a model with experts.
    """
    if shape.experts:
        raise NotImplementedError("random GGUF files are of dense models")
    import gguf

    writer = gguf.GGUFWriter(str(path), "llama", use_temp_file=False)
    writer.add_name("random")
    writer.add_context_length(context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(500_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocab)
    writer.add_tokenizer_model("no_vocab")
    for name, (rows, columns), kind in _tensors(shape, weights):
        data = _random(gguf, rows, columns, kind)
        writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(shape: Shape, weights: str) -> list[tuple[str, tuple[int, int], str]]:
    """Name, (out, in) and type of every tensor; a vector has no rows."""
    kind = STORED[weights]
    head = "Q6_K" if weights == "q4_0" else kind
    kv = shape.kv_heads * shape.head_dim
    own = shape.heads * shape.head_dim
    out = [("token_embd.weight", (shape.vocab, shape.hidden), head)]
    if not shape.tied:
        out.append(("output.weight", (shape.vocab, shape.hidden), head))
    out.append(("output_norm.weight", (0, shape.hidden), "F32"))
    for index in range(shape.layers):
        matrices = {
            "attn_q": (own, shape.hidden), "attn_k": (kv, shape.hidden),
            "attn_v": (kv, shape.hidden), "attn_output": (shape.hidden, own),
            "ffn_gate": (shape.ffn, shape.hidden), "ffn_up": (shape.ffn, shape.hidden),
            "ffn_down": (shape.hidden, shape.ffn),
        }  # fmt: skip
        out += [(f"blk.{index}.{name}.weight", size, kind) for name, size in matrices.items()]
        out += [
            (f"blk.{index}.{name}.weight", (0, shape.hidden), "F32")
            for name in ("attn_norm", "ffn_norm")
        ]
    return out


def _random(gguf: Any, rows: int, columns: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(rows * 31 + columns)
    if not rows:
        return np.ones(columns, np.float32)
    block = min(rows, _BLOCK_ROWS)
    if kind == "Q6_K":
        return _tiled(_random_q6(rng, block, columns), rows)
    values = rng.standard_normal((block, columns)).astype(np.float32) * 0.02
    return _tiled(gguf.quants.quantize(values, gguf.GGMLQuantizationType[kind]), rows)


def _random_q6(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Random bits as quants; scales that keep the weights small."""
    blocks = rng.integers(0, 256, (rows, columns // 256, _Q6_BLOCK), dtype=np.uint8)
    blocks[..., 192:208] = 1
    blocks[..., 208:] = np.frombuffer(np.float16(0.001).tobytes(), np.uint8)
    return blocks.reshape(rows, -1)


def _tiled(block: np.ndarray, rows: int) -> np.ndarray:
    repeats = -(-rows // block.shape[0])
    return np.ascontiguousarray(np.tile(block, (repeats, 1))[:rows])
