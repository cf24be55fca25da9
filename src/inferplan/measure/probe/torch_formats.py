"""Matrix products in PyTorch's number formats, and which of them a device runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from inferplan.measure.probe.jobs import STORED, Job
from inferplan.measure.probe.shapes import Sizes
from inferplan.measure.probe.timing import Work

if TYPE_CHECKING:
    from inferplan.measure.probe.torch_backend import TorchBackend

MOST_WEIGHTS = 1024
"""Matrices to rotate over at most."""

GROUP = 128
"""Weights that share a scale at four bits."""

EXPERTS, PER_TOKEN, WIDTH, INNER = 128, 8, 2048, 768
"""Routed experts whose grouped product is measured: those of Qwen3-30B-A3B."""


def formats_of(torch: Any, device: Any) -> Iterator[str]:
    """Formats worth trying; one that fails is skipped when it does."""
    yield "bf16"
    if device.type != "cpu":
        yield "fp16"
    if device.type == "cuda" and _capability(torch, device) >= (8, 9):
        yield "fp8"
    if device.type != "mps":
        yield "int8"
        yield "w4a16"
    yield "fp32"


def _capability(torch: Any, device: Any) -> tuple[int, int]:
    if torch.version.hip:
        arch = str(torch.cuda.get_device_properties(device).gcnArchName)
        return (9, 0) if arch.startswith(("gfx94", "gfx95", "gfx12")) else (0, 0)
    major, minor = torch.cuda.get_device_capability(device)
    return int(major), int(minor)


def dtype_of(torch: Any, form: str) -> Any:
    """PyTorch's type of a format; of fp8 the one with four exponent bits."""
    if form == "fp8" and torch.version.hip and not hasattr(torch, "float8_e4m3fn"):
        return torch.float8_e4m3fnuz
    names = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16", "fp8": "float8_e4m3fn",
             "int8": "int8"}  # fmt: skip
    return getattr(torch, names[form])


def random_pool(torch: Any, form: str, nbytes: float, device: Any) -> Any:
    """Random numbers that fill *nbytes* in a format; a block of them is repeated."""
    count = max(1, int(nbytes // STORED[form]))
    size = min(count, 1 << 22)
    block = torch.randn(size, dtype=torch.float32, device=device)
    block = (block * 40).clamp(-127, 127) if form == "int8" else block * 0.02
    block = block.to(dtype_of(torch, form))
    pool = torch.empty(count, dtype=block.dtype, device=device)
    for start in range(0, count, size):
        end = min(start + size, count)
        pool[start:end].copy_(block[: end - start])
    return pool


def product(torch: Any, form: str, m: int, k: int, device: Any) -> Callable[[Any], Any]:
    """A function of a (n, k) weight: *m* random rows times its transpose."""
    rows = torch.randn(m, k, device=device)
    if form == "fp8":
        eight, one = rows.to(dtype_of(torch, form)), torch.ones((), device=device)
        return lambda w: torch._scaled_mm(eight, w.t(), one, one, out_dtype=torch.bfloat16)  # noqa: SLF001 - PyTorch's own name for it
    if form == "int8":
        whole = (rows * 40).clamp(-127, 127).to(torch.int8)
        return lambda w: torch._int_mm(whole, w.t())  # noqa: SLF001 - the same
    if form == "w4a16":
        sixteen = rows.to(torch.bfloat16)
        if device.type == "cpu":
            return lambda w: torch._weight_int4pack_mm_for_cpu(sixteen, w[0], GROUP, w[1])  # noqa: SLF001 - the same
        return lambda w: torch._weight_int4pack_mm(sixteen, w[0], GROUP, w[1])  # noqa: SLF001 - the same
    typed = rows.to(dtype_of(torch, form))
    return lambda w: torch.nn.functional.linear(typed, w)


def packed_weights(torch: Any, device: Any, nbytes: float, k: int, n: int) -> list[Any]:
    """Four-bit weights with a scale and a zero per group, in PyTorch's packed layout."""
    count = max(1, min(MOST_WEIGHTS, int(nbytes // (k * n * STORED["w4a16"]))))
    scales = torch.full((k // GROUP, n, 2), 0.01, dtype=torch.bfloat16, device=device)
    plain = torch.randint(0, 16, (n, k), dtype=torch.int32, device=device)
    if device.type == "cpu":
        packed = torch._convert_weight_to_int4pack_for_cpu(plain, 1)  # noqa: SLF001 - PyTorch's own name for it
    else:
        pairs = (plain[:, ::2] << 4 | plain[:, 1::2]).to(torch.uint8)
        packed = torch._convert_weight_to_int4pack(pairs, 8)  # noqa: SLF001 - the same
    return [(packed.clone(), scales) for _ in range(count)]


def grouped_product(torch: Any) -> Callable[..., Any]:
    """PyTorch's product of rows, sorted by expert, with the weights of each expert."""
    public = getattr(torch.nn.functional, "grouped_mm", None)
    return public or torch._grouped_mm  # type: ignore[no-any-return]  # noqa: SLF001 - its name before


def expert_jobs(backend: TorchBackend, sizes: Sizes) -> Iterator[Job]:
    """Grouped products of routed experts, for a few tokens and for many."""
    if backend.device.type != "cuda":
        return
    for tokens in (row for row in sizes.rows if row in (1, 8, 64, 512, 2048)):
        rows = tokens * PER_TOKEN
        touched = EXPERTS * (1 - (1 - PER_TOKEN / EXPERTS) ** tokens)
        yield Job(
            "experts", backend.kernels, "bf16",
            {"tokens": tokens, "experts": EXPERTS, "per_token": PER_TOKEN, "k": WIDTH, "n": INNER},
            _experts(backend, tokens), flop=2.0 * rows * WIDTH * INNER,
            nbytes=2.0 * (touched * WIDTH * INNER + rows * (WIDTH + INNER)),
        )  # fmt: skip


def _experts(backend: TorchBackend, tokens: int) -> Callable[[], Work]:
    def make() -> Work:
        torch, device = backend.torch, backend.device
        count = max(2, int(backend.pool_bytes // (2 * EXPERTS * WIDTH * INNER)))
        weights = [
            torch.randn(EXPERTS, INNER, WIDTH, dtype=torch.bfloat16, device=device) * 0.02
            for _ in range(count)
        ]
        rows = torch.randn(tokens * PER_TOKEN, WIDTH, dtype=torch.bfloat16, device=device)
        chosen = torch.rand(tokens, EXPERTS, device=device).topk(PER_TOKEN).indices
        counts = torch.bincount(chosen.flatten(), minlength=EXPERTS)
        ends = counts.cumsum(0).to(torch.int32)
        grouped, turn = grouped_product(torch), itertools.cycle(weights)
        return lambda: grouped(rows, next(turn).transpose(-2, -1), offs=ends)

    return make
