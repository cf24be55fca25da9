"""How a model is put on devices: parallelism, number formats, engine and its knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inferplan.catalog.efficiency import Factors, engine, profiles
from inferplan.catalog.types import Device, KvFormat, WeightFormat
from inferplan.units import GIB


@dataclass(frozen=True, slots=True)
class Deployment:
    """One replica's layout on one kind of device, and how many replicas there are.

    Parameters
    ----------
    device : Device
        The accelerator.
    weights, kv : WeightFormat, KvFormat
        Storage of weights and of the KV cache.
    engine : Factors
        Serving engine.
    tp, pp, dp : int
        Tensor-parallel size, pipeline stages, and attention data-parallel ranks whose
        experts are shared (expert parallelism over ``tp * dp``). vLLM's meanings.
    replicas : int
        Independent copies.
    max_num_seqs, max_num_batched_tokens : int
        vLLM's knobs: running sequences at most, token budget of a step (per dp rank).
    gpu_memory_utilization : float
        Share of device memory the engine may fill.
    backend : str
        The engine's variant by its full name, where it has several (``llama.cpp-vulkan``).
    software_age_years : float
        How old the engine is, against that of the newest measurements [years].
    """

    device: Device
    weights: WeightFormat
    kv: KvFormat
    engine: Factors
    tp: int = 1
    pp: int = 1
    dp: int = 1
    replicas: int = 1
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    gpu_memory_utilization: float = 0.92
    backend: str = ""
    software_age_years: float = 0.0

    @property
    def devices_per_replica(self) -> int:
        """Accelerators of one replica."""
        return self.tp * self.pp * self.dp

    @property
    def devices(self) -> int:
        """Accelerators of all replicas."""
        return self.devices_per_replica * self.replicas

    @property
    def shape(self) -> str:
        """Readable parallelism of one replica: ``TP4-PP2``, or ``1``."""
        parts = [
            f"{tag}{n}" for tag, n in (("TP", self.tp), ("PP", self.pp), ("DP", self.dp)) if n > 1
        ]
        return "-".join(parts) or "1"

    @property
    def layout(self) -> str:
        """Readable parallelism of all replicas, e.g. ``2 x TP4``."""
        return f"{self.replicas} x {self.shape}"

    def to_dict(self) -> dict[str, object]:
        """Plain data."""
        names = ("tp", "pp", "dp", "replicas", "max_num_seqs", "max_num_batched_tokens")
        out: dict[str, object] = {name: getattr(self, name) for name in names}
        return out | {
            "device": self.device.id,
            "devices": self.devices,
            "weights": self.weights.id,
            "kv": self.kv.id,
            "engine": self.engine.id,
            "gpu_memory_utilization": self.gpu_memory_utilization,
        }


def default_engine(device: Device) -> Factors:
    """The engine assumed for a device where the user names none.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> default_engine(device("h100_sxm")).id
    'vllm'
    """
    return engine(profiles()[device.profile].engine)


def engine_knobs(chosen: Factors, device: Device) -> tuple[int, int]:
    """Default ``(max_num_seqs, max_num_batched_tokens)`` of an engine on a device.

    vLLM chooses by memory size and excepts the A100; the thresholds are rows of
    ``efficiency.csv``.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> engine_knobs(engine("vllm"), device("h100_sxm"))
    (1024, 8192)
    >>> engine_knobs(engine("vllm"), device("l40s"))
    (256, 2048)
    """
    tier = ""
    if "max_num_seqs_70gib" in chosen.facts:
        # A card sold as "80 GB" has about 79 GiB; the vendor's decimal figure stands in for it.
        if device.mem_bytes >= 160 * GIB:
            tier = "_160gib"
        elif device.mem_bytes >= 70 * GIB and not device.id.startswith("a100"):
            tier = "_70gib"
    return int(chosen[f"max_num_seqs{tier}"]), int(chosen[f"max_num_batched_tokens{tier}"])


def with_defaults(
    device: Device, weights: WeightFormat, kv: KvFormat, engine: Factors, **chosen: Any
) -> Deployment:
    """A deployment whose knobs are the engine's on that device, but for those *chosen*.

    Parameters
    ----------
    device, weights, kv, engine
        As for :class:`Deployment`.
    **chosen
        Further fields of :class:`Deployment`.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> from inferplan.catalog.formats import kv_format, weight_format
    >>> plan = with_defaults(device("l40s"), weight_format("fp8"), kv_format("fp8"),
    ...                      engine("vllm"), tp=2)
    >>> plan.tp, plan.max_num_seqs, plan.gpu_memory_utilization
    (2, 256, 0.92)
    """
    seqs, budget = engine_knobs(engine, device)
    defaults = {
        "max_num_seqs": seqs,
        "max_num_batched_tokens": budget,
        "gpu_memory_utilization": engine["gpu_memory_utilization"],
    }
    return Deployment(device, weights, kv, engine, **(defaults | chosen))
