"""A Llama-like transformer in plain PyTorch with random weights, dense or with routed experts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inferplan.measure.probe.shape import Shape
from inferplan.measure.probe.torch_attention import attend
from inferplan.measure.probe.torch_formats import dtype_of, grouped_product

EPS = 1e-5
FP8_MOST = 448.0
"""Largest number of fp8 with four exponent bits (E4M3)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights of one layer; matrices are (out, in), of experts (experts, out, in)."""

    norm: Any
    qkv: Any
    out: Any
    ffn_norm: Any
    router: Any
    up: Any
    down: Any


@dataclass(slots=True)
class Transformer:
    """A model in memory and its cache.

    Parameters
    ----------
    torch : module
        PyTorch.
    shape : Shape
        Its sizes.
    form : str
        ``bf16``, ``fp16``, ``fp32`` or ``fp8`` (16-bit activations around fp8 products).
    layers : list of Layer
        Weights.
    embedding, head, norm : tensor
        Around the layers.
    cache : list
        (keys, values) of each layer: (batch, kv_heads, room, head_dim).
    cosine, sine : tensor
        Rotary tables, (room, head_dim / 2).
    one : tensor
        The scale of weights stored in fp8.
    """

    torch: Any
    shape: Shape
    form: str
    layers: list[Layer]
    embedding: Any
    head: Any
    norm: Any
    cache: list[tuple[Any, Any]]
    cosine: Any
    sine: Any
    one: Any

    def forward(self, tokens: Any, positions: Any, span: int) -> Any:
        """Next tokens of a batch.

        Parameters
        ----------
        tokens : tensor
            (batch, new) token ids.
        positions : tensor
            (new,) where they stand.
        span : int
            Entries of the cache that are attended to; a prompt attends to itself only.

        Returns
        -------
        tensor
            (batch,) the likeliest next token of each sequence.
        """
        torch, shape = self.torch, self.shape
        x = self.embedding[tokens]
        batch, new, _ = x.shape
        turn = (self.cosine[positions], self.sine[positions])
        for layer, (keys, values) in zip(self.layers, self.cache, strict=True):
            mixed = self._linear(_norm(torch, x, layer.norm), layer.qkv)
            heads = mixed.view(batch, new, -1, shape.head_dim).transpose(1, 2)
            q, k, v = heads.split([shape.heads, shape.kv_heads, shape.kv_heads], dim=1)
            q, k = _rotate(torch, q, *turn), _rotate(torch, k, *turn)
            keys.index_copy_(2, positions, k)
            values.index_copy_(2, positions, v)
            if new > 1:
                seen = attend(torch, q, k, v, causal=True)
            else:
                seen = attend(torch, q, keys[:, :, :span], values[:, :, :span], causal=False)
            seen = seen.transpose(1, 2).reshape(batch, new, -1)
            x = x + self._linear(seen, layer.out)
            x = x + self._ffn(_norm(torch, x, layer.ffn_norm), layer)
        last = _norm(torch, x[:, -1], self.norm)
        return torch.nn.functional.linear(last, self.head).argmax(-1)

    def _linear(self, x: Any, weight: Any) -> Any:
        torch = self.torch
        if self.form != "fp8":
            return torch.nn.functional.linear(x, weight)
        flat = x.reshape(-1, x.shape[-1])
        eight, scale = _to_fp8(torch, flat)
        out = torch._scaled_mm(eight, weight.t(), scale, self.one, out_dtype=x.dtype)  # noqa: SLF001 - PyTorch's own name for it
        return out.view(*x.shape[:-1], -1)

    def _ffn(self, x: Any, layer: Layer) -> Any:
        if not self.shape.experts:
            gate, up = self._linear(x, layer.up).chunk(2, dim=-1)
            return self._linear(self.torch.nn.functional.silu(gate) * up, layer.down)
        return self._experts(x.reshape(-1, x.shape[-1]), layer).view_as(x)

    def _experts(self, x: Any, layer: Layer) -> Any:
        """Route, sort rows by expert, two grouped products, and gather: all of fixed shape."""
        torch, shape = self.torch, self.shape
        scores = torch.nn.functional.linear(x, layer.router).softmax(-1)
        share, chosen = scores.topk(shape.per_token, dim=-1)
        flat = chosen.flatten()
        order = flat.argsort()
        ends = (flat[:, None] == torch.arange(shape.experts, device=x.device)).sum(0)
        ends = ends.cumsum(0).to(torch.int32)
        rows = x[order // shape.per_token]
        gate, up = self._grouped(rows, layer.up, ends).chunk(2, dim=-1)
        done = self._grouped(torch.nn.functional.silu(gate) * up, layer.down, ends)
        back = torch.empty_like(done).index_copy_(0, order, done)
        weighted = back.view(-1, shape.per_token, x.shape[-1]) * share[..., None].to(x.dtype)
        return weighted.sum(1)

    def _grouped(self, rows: Any, weights: Any, ends: Any) -> Any:
        torch = self.torch
        if self.form != "fp8":
            return grouped_product(torch)(rows, weights.transpose(-2, -1), offs=ends)
        most = rows.abs().amax(-1, keepdim=True).float().clamp(min=1e-6)
        eight = (rows * (FP8_MOST / most)).to(weights.dtype)
        ones = torch.ones(weights.shape[:2], device=rows.device)
        return torch._scaled_grouped_mm(  # noqa: SLF001 - PyTorch's own name for it
            eight, weights.transpose(-2, -1), (most / FP8_MOST).squeeze(-1), ones, offs=ends,
            out_dtype=rows.dtype,
        )  # fmt: skip


def _to_fp8(torch: Any, rows: Any) -> tuple[Any, Any]:
    """Rows scaled to fill fp8, with one scale for all of them."""
    most = rows.abs().amax().float().clamp(min=1e-6)
    return (rows * (FP8_MOST / most)).to(dtype_of(torch, "fp8")), most / FP8_MOST


def _norm(torch: Any, x: Any, weight: Any) -> Any:
    return torch.nn.functional.rms_norm(x, weight.shape, weight, EPS)


def _rotate(torch: Any, x: Any, cosine: Any, sine: Any) -> Any:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def build(torch: Any, shape: Shape, form: str, device: Any, batch: int, room: int) -> Transformer:
    """A model with random weights and an empty cache.

    Parameters
    ----------
    torch : module
        PyTorch.
    shape : Shape
        Sizes.
    form : str
        Number format of the matrices of layers.
    device : torch.device
        Where it lies.
    batch, room : int
        Sequences, and tokens that the cache holds of each.
    """
    sixteen = dtype_of(torch, "bf16" if form == "fp8" else form)
    stored = dtype_of(torch, form)

    def random(*sizes: int) -> Any:
        return torch.empty(*sizes, dtype=sixteen, device=device).normal_(std=0.02).to(stored)

    def ones() -> Any:
        return torch.ones(shape.hidden, dtype=sixteen, device=device)

    return Transformer(
        torch, shape, form,
        [_layer(shape, random, ones, sixteen) for _ in range(shape.layers)],
        *_ends(shape, random, sixteen), ones(),
        [_empty(torch, shape, batch, room, sixteen, device) for _ in range(shape.layers)],
        *_rotary(torch, shape, room, sixteen, device),
        torch.ones((), device=device),
    )  # fmt: skip


def _layer(
    shape: Shape, random: Callable[..., Any], ones: Callable[[], Any], sixteen: Any
) -> Layer:
    experts = (shape.experts,) if shape.experts else ()
    router = random(shape.experts, shape.hidden).to(sixteen) if shape.experts else None
    return Layer(
        norm=ones(),
        qkv=random(shape.qkv, shape.hidden),
        out=random(shape.hidden, shape.heads * shape.head_dim),
        ffn_norm=ones(),
        router=router,
        up=random(*experts, 2 * shape.ffn, shape.hidden),
        down=random(*experts, shape.hidden, shape.ffn),
    )


def _ends(shape: Shape, random: Callable[..., Any], sixteen: Any) -> tuple[Any, Any]:
    embedding = random(shape.vocab, shape.hidden).to(sixteen)
    head = embedding if shape.tied else random(shape.vocab, shape.hidden).to(sixteen)
    return embedding, head


def _empty(
    torch: Any, shape: Shape, batch: int, room: int, sixteen: Any, device: Any
) -> tuple[Any, Any]:
    size = (batch, shape.kv_heads, room, shape.head_dim)
    return tuple(torch.zeros(size, dtype=sixteen, device=device) for _ in range(2))


def _rotary(torch: Any, shape: Shape, room: int, sixteen: Any, device: Any) -> tuple[Any, Any]:
    half = shape.head_dim // 2
    speed = 500_000.0 ** (-torch.arange(half, device=device) / half)
    angle = torch.arange(room, device=device)[:, None] * speed
    return angle.cos().to(sixteen), angle.sin().to(sixteen)
