"""A probe as a device: what it attains as facts, and efficiency factors of its own."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace

from inferplan.catalog.devices import PEAK, fill
from inferplan.catalog.efficiency import profiles
from inferplan.catalog.formats import weight_format
from inferplan.catalog.types import Device
from inferplan.errors import CannotPredictError, fold
from inferplan.estimate.machine import multiplies_integers
from inferplan.measure.probe.curves import (
    DENSE_OPERATORS,
    Products,
    attention_of,
    fixed_times,
    products_of,
    steady,
    stream_of,
)
from inferplan.measure.probe.known import recognised, unknown
from inferplan.measure.probe.record import Probe
from inferplan.measure.probe.samples import Sample
from inferplan.provenance import Fact, Grade

SMALLEST_SHARE = 1e-4
ENGINES = ("pytorch", "pytorch-graphs", "transformers", "llama.cpp")
"""Engines whose fixed times a probe measures."""

LAUNCHED = ("pytorch", "transformers")
"""Engines that launch kernel by kernel where the device works asynchronously."""

PEAK_FORMAT = {"fp32": "fp32", "fp8": "fp8", "int8": "int8"}
"""Measured format -> the peak its rate counts against, where that does not depend on the device."""

OWN_FORMAT = {"int8": "w8a8"}
"""Measured format -> weight format, where the names differ: products of 8-bit integers."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a probe says of its device.

    Parameters
    ----------
    probe : Probe
        The measurements.
    device : Device
        As the rest of the package knows devices; its ``factors`` are those measured.
    products : tuple of Products
        The curves behind them.
    like : str
        Device of the catalogue it was recognised as; empty: none.
    """

    probe: Probe
    device: Device
    products: tuple[Products, ...]
    like: str


def fit(probe: Probe, name: str = "") -> Fitted:
    """The device that a probe describes.

    A figure too noisy to count as measured is left out. Where a peak or the bandwidth measured
    exceeds what the catalogue says, the measured one counts: no share is above one.

    Parameters
    ----------
    probe : Probe
        What was measured.
    name : str
        Id of the device; empty: made from the name of the machine.

    Raises
    ------
    CannotPredictError
        If memory bandwidth or every matrix product is missing or too noisy.
    """
    found = probe.machine["accelerator"] or probe.machine["processor"]
    known = recognised(probe.name, found["memory_bytes"]) if probe.machine["accelerator"] else None
    base = known or unknown(probe.name, probe.machine)
    overlap = profiles()[base.profile]["overlap_frac"]
    products = tuple(products_of(probe.samples, overlap))
    facts = _facts(probe, products, base, known)
    facts["mem_bytes"] = _fact(probe, float(found["memory_bytes"]), "B", "memory")
    named = replace(
        base, id=name or identifier(probe.name), name=f"{probe.name} (probed {probe.date})",
        aliases=(), mem_options_bytes=(), conflicts=(),
    )  # fmt: skip
    device = fill(named, facts, base.link.kind)
    factors = _Factors(probe, device, products).all()
    return Fitted(probe, replace(device, factors=factors), products, known.id if known else "")


def identifier(name: str) -> str:
    """An id from the name of a machine.

    Examples
    --------
    >>> identifier("Intel(R) Xeon(R) Processor")
    'probed_intel_xeon_processor'
    """
    plain = name.replace("(R)", " ").replace("(TM)", " ").replace("(tm)", " ")
    words = "".join(ch if ch.isalnum() else " " for ch in plain.lower()).split()
    return "_".join(["probed", *words])


def _fact(probe: Probe, value: float, unit: str, where: str, note: str = "") -> Fact:
    return Fact(
        value, unit, f"inferplan probe of {probe.name}", where, probe.date, Grade.MEASURED, note
    )


def peak_format(device: Device, form: str) -> str:
    """The peak that the rate of a format counts against: as predictions have it.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> peak_format(device("ryzen_9_7950x"), "q4_0"), peak_format(device("rtx4090"), "q4_0")
    ('int8', 'fp16')
    """
    if form in PEAK_FORMAT:
        return PEAK_FORMAT[form]
    return "int8" if multiplies_integers(device, weight_format(form)) else "fp16"


def _facts(
    probe: Probe, products: Iterable[Products], base: Device, known: Device | None
) -> dict[str, Fact]:
    facts = dict(known.facts) if known else {}
    measured = {"mem_bytes_per_s": (_bandwidth(probe, products), "B/s", "bandwidth samples")}
    many = [one for one in products if one.flop_per_s] or list(products)
    for one in many:  # few rows wait for memory, and say nothing of a peak
        key = PEAK + peak_format(base, one.format)
        rate = max(one.most_flop_per_s, measured.get(key, (0.0, "", ""))[0])
        measured[key] = (rate, "FLOP/s", "gemm samples")
    if not any(key.startswith(PEAK) for key in measured):
        raise CannotPredictError(
            "the probe holds no matrix product that counts as measured; probe again when the"
            " machine is quiet"
        )
    for key, (value, unit, where) in measured.items():
        if key not in facts or value > facts[key].value:
            facts[key] = _fact(probe, value, unit, where, "the largest of any size")
    if known:  # peaks that were not measured keep what the maker says
        return facts
    copied = [s for s in steady(probe.samples, "copy") if s.size.get("how") == "to_device"]
    if copied:
        rate = max(s.nbytes / s.median_s for s in copied)
        facts["pcie_bytes_per_s"] = _fact(probe, rate, "B/s", "copy samples")
    return facts


def _bandwidth(probe: Probe, products: Iterable[Products]) -> float:
    """The largest rate at which memory beyond all caches was read or copied [B/s]."""
    facts = probe.machine["accelerator"] or probe.machine["processor"]
    beyond = 2 * float(facts.get("cache_bytes", 0.0))
    sized = [s for s in steady(probe.samples, "bandwidth") if s.number("bytes") >= beyond]
    largest = max((s.number("bytes") for s in sized), default=0.0)
    rates = [s.nbytes / s.median_s for s in sized if s.number("bytes") >= largest / 2]
    if not rates:
        raise CannotPredictError(
            "the probe holds no memory bandwidth that counts as measured; probe again when the"
            " machine is quiet"
        )
    return max(*rates, *(one.most_bytes_per_s for one in products))


class _Factors:
    """Efficiency factors, one after the other."""

    def __init__(self, probe: Probe, device: Device, products: Iterable[Products]) -> None:
        self.probe, self.device, self.products = probe, device, list(products)
        self.asynchronous = bool(probe.machine["accelerator"])
        self.found: dict[str, Fact] = {}

    def all(self) -> dict[str, Fact]:
        """Everything that was measured."""
        for one in self.products:
            self._products(one)
        self._other_formats()
        self._attention()
        self._experts()
        for engine in ENGINES:
            self._fixed(engine)
        return self.found

    def _share(self, key: str, value: float, where: str, note: str = "") -> None:
        share = min(1.0, max(SMALLEST_SHARE, value))
        self.found[key] = _fact(self.probe, share, "1", where, note)

    def _products(self, one: Products) -> None:
        weights = OWN_FORMAT.get(one.format, one.format)
        key = f"llama.cpp|{weights}" if one.kernels == "ggml" else weights
        where = f"gemm samples, {one.kernels} {one.format}"
        peak = self.device.peak_flop_per_s.get(peak_format(self.device, one.format), 0.0)
        if one.stream.samples:
            share = one.stream.bytes_per_s / self.device.mem_bytes_per_s
            self._share(f"mem_frac|{key}", share, f"{where}, one row")
            self._share(f"expert_mem_frac|{key}", share, f"{where}, one row")
        if one.flop_per_s and peak:
            note = "median over numbers of rows"
            self._share(f"matmul_frac|{key}", one.flop_per_s / peak, f"{where}, many rows", note)
            self._share(f"expert_frac|{key}", one.flop_per_s / peak, f"{where}, many rows", note)

    def _other_formats(self) -> None:
        """Formats that were not measured: as the 16-bit one, or llama.cpp's quantised ones."""
        for name in ("mem_frac", "matmul_frac"):
            plain = [f for key in ("bf16", "fp16") if (f := self.found.get(f"{name}|{key}"))]
            if plain:
                self.found[name if name == "mem_frac" else f"{name}|fp16"] = plain[0]
            own = [
                fact.value for key, fact in self.found.items()
                if key.startswith(f"{name}|llama.cpp|") and not key.endswith("16")
            ]  # fmt: skip
            if own:
                fact = _fact(self.probe, statistics.median(own), "1", "other formats of llama.cpp",
                             "taken over from the quantised formats measured")  # fmt: skip
                self.found[f"{name}|llama.cpp"] = replace(fact, grade=Grade.ASSUMED)

    def _attention(self) -> None:
        prompts = attention_of(
            self.probe.samples, "attention_prefill", lambda s: s.size.get("how") == "auto"
        )
        peaks = self.device.peak_flop_per_s
        peak = peaks.get("fp16") or next(iter(peaks.values()))
        if prompts:
            rate = sum(s.flop for s in prompts) / sum(s.median_s for s in prompts)
            self._share("attention_frac", rate / peak, "attention samples, prompts",
                        "work over time of all lengths")  # fmt: skip
        stream = stream_of(steady(self.probe.samples, "attention_decode"))
        if stream:
            self._share("kv_mem_frac", stream.bytes_per_s / self.device.mem_bytes_per_s,
                        "attention samples, decode")  # fmt: skip

    def _experts(self) -> None:
        stream = stream_of(_few_tokens(steady(self.probe.samples, "experts")))
        if stream:
            share = stream.bytes_per_s / self.device.mem_bytes_per_s
            self._share("expert_mem_frac|bf16", share, "experts samples, up to 64 tokens")

    def _time(self, key: str, value_s: float, where: str) -> None:
        self.found[key] = _fact(self.probe, value_s, "s", where)

    def _fixed(self, engine: str) -> None:
        """Fixed times of an engine: of an operator, of a step, and of launching a layer."""
        layer_s, step_s = fixed_times(self.probe.samples, engine, experts=False)
        if not layer_s:
            return
        where = f"layer samples, {engine}"
        self._time(f"step_overhead_s|{engine}", step_s, where)
        device_s = layer_s
        if self.asynchronous and engine in LAUNCHED:
            self._time(f"layer_launch_s|{engine}", layer_s, where)
            device_s = fixed_times(self.probe.samples, "pytorch-graphs", experts=False)[0]
            if not device_s:
                return
        each = device_s / DENSE_OPERATORS
        self._time(f"op_latency_s|{engine}", each, f"{where}, a seventh of a layer")
        self._time(f"attention_latency_s|{engine}", each, f"{where}, a seventh of a layer")
        self._routed(engine, device_s)

    def _routed(self, engine: str, dense_s: float) -> None:
        """Two grouped products and the routing take the place of two of a layer's products."""
        source = "pytorch-graphs" if self.asynchronous else engine
        routed_s, _ = fixed_times(self.probe.samples, source, experts=True)
        rest_s = dense_s * (DENSE_OPERATORS - 2) / DENSE_OPERATORS
        if routed_s > rest_s:
            where = f"layer samples of experts, {source}"
            self._time(f"expert_latency_s|{engine}", (routed_s - rest_s) / 2, where)


def _few_tokens(samples: Iterable[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.number("tokens") <= 64]


def is_id(text: str) -> bool:
    """Whether a text can be the id of a device: letters, digits, ``_``, ``-``, ``.``.

    Examples
    --------
    >>> is_id("my_h100"), is_id("../x"), is_id("")
    (True, False, False)
    """
    allowed = all(ch.isalnum() or ch in "_-." for ch in text)
    return bool(fold(text)) and allowed and not text.startswith(".")
