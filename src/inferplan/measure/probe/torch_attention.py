"""Attention through PyTorch's ``scaled_dot_product_attention``, prompts and single tokens."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from inferplan.measure.probe.jobs import Job, attention_size
from inferplan.measure.probe.shapes import Heads, Sizes
from inferplan.measure.probe.timing import Effort, Work
from inferplan.physics.flops import attention_flop, causal_context

if TYPE_CHECKING:
    from inferplan.measure.probe.torch_backend import TorchBackend

BACK_ENDS = ("FLASH_ATTENTION", "CUDNN_ATTENTION", "EFFICIENT_ATTENTION", "MATH")
"""PyTorch's implementations; ``auto`` stands for the one it picks."""


def attend(torch: Any, q: Any, k: Any, v: Any, *, causal: bool) -> Any:
    """Attention with fewer key and value heads than query heads.

    Parameters
    ----------
    q : tensor
        (batch, heads, tokens, head_dim).
    k, v : tensor
        (batch, kv_heads, context, head_dim).
    causal : bool
        Whether a token sees only those before it.
    """
    return torch.nn.functional.scaled_dot_product_attention(
        q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1]
    )


def attention_jobs(backend: TorchBackend, sizes: Sizes) -> Iterator[Job]:
    """Prompts against length and head layout, decoding against batch and context."""
    for heads in sizes.heads:
        for batch, context in sizes.caches:
            yield _decode(backend, heads, batch, context)
        for tokens in sizes.prompts:
            yield _prefill(backend, heads, tokens, "auto")
    if backend.device.type == "cuda":
        for name in BACK_ENDS:
            yield _prefill(backend, sizes.heads[0], sizes.prompts[1], name)


def _flop(heads: Heads, tokens: float, span: float) -> float:
    return float(attention_flop(tokens, span, heads.heads, heads.head_dim, heads.head_dim, 1, 1))


def _prefill(backend: TorchBackend, heads: Heads, tokens: int, how: str) -> Job:
    flop = _flop(heads, tokens, float(causal_context(0, tokens)))
    nbytes = 2.0 * tokens * heads.head_dim * (2 * heads.heads + 2 * heads.kv_heads)
    size = attention_size(heads, 1, tokens) | {"how": how}
    job = Job("attention_prefill", backend.kernels, "bf16", size,
              _work(backend, heads, 1, tokens, tokens), flop, nbytes)  # fmt: skip
    if how == "auto":
        return job

    def times(work: Work, effort: Effort) -> tuple[float, ...]:
        from torch.nn.attention import SDPBackend, sdpa_kernel

        with sdpa_kernel(getattr(SDPBackend, how)):
            return backend.times(work, effort)

    return Job(job.kind, job.kernels, job.format, size, job.make, flop, nbytes, times)


def _decode(backend: TorchBackend, heads: Heads, batch: int, context: int) -> Job:
    flop = _flop(heads, batch, context)
    nbytes = 2.0 * batch * context * heads.head_dim * 2 * heads.kv_heads
    size = attention_size(heads, batch, context)
    return Job("attention_decode", backend.kernels, "bf16", size,
               _work(backend, heads, batch, 1, context), flop, nbytes)  # fmt: skip


def _work(
    backend: TorchBackend, heads: Heads, batch: int, tokens: int, context: int
) -> Callable[[], Work]:
    def make() -> Work:
        torch, device = backend.torch, backend.device
        shape = (batch, heads.kv_heads, context, heads.head_dim)
        nbytes = 4.0 * batch * heads.kv_heads * context * heads.head_dim
        limit = 8 if tokens > 1 else 64
        count = max(1, min(limit, int(backend.pool_bytes // nbytes)))
        caches = [
            tuple(torch.randn(shape, dtype=torch.bfloat16, device=device) for _ in range(2))
            for _ in range(count)
        ]
        q = torch.randn(
            (batch, heads.heads, tokens, heads.head_dim), dtype=torch.bfloat16, device=device
        )
        turn = itertools.cycle(caches)
        return lambda: attend(torch, q, *next(turn), causal=tokens > 1)

    return make
