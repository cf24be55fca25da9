"""Generated parts of unknowns.md: which measurements would narrow intervals most.

Needs no prediction: what is measured, what intervals that gives, and who rents what out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markdown_table import table

from inferplan.catalog import offers
from inferplan.catalog.devices import devices
from inferplan.catalog.efficiency import engine
from inferplan.catalog.evidence import Confidence
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.table import rows
from inferplan.catalog.types import Device
from inferplan.errors import CannotPredictError
from inferplan.estimate.confidence import confidence
from inferplan.estimate.deployment import Deployment, default_engine
from inferplan.measure.breakdown import class_of, engine_of
from inferplan.measure.measured import measured_rows

BEST = "device and engine"
"""The best evidence there is."""

WEIGHTS = ("bf16", "fp16", "int8", "q8_0", "q4_k_m", "int4")
"""Formats in the order in which one is taken that the device can run."""

LOADED = ("throughput", "tpot", "ttft")
"""Kinds that one sweep of concurrencies measures."""

ALONE = ("decode", "prefill")
"""Kinds that one run of a single stream measures."""

LATELY = "2025"
"""Engines of older results only are not asked for any more."""

LISTED = 12
"""Lines of a table."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A measurement that nobody made.

    Parameters
    ----------
    device, engine : str
        What to measure with what.
    rests_on : str
        What predictions of it rest on now.
    now, then : mapping
        Kind -> the upper end of the interval over its lower one, before and after.
    providers : int
        Who rents the device out.
    used : int
        Sources that lately measured the engine on devices of this class.
    year : str
        When the device came out.
    """

    device: str
    engine: str
    rests_on: str
    now: Mapping[str, float]
    then: Mapping[str, float]
    providers: int
    used: int
    year: str

    @property
    def gain(self) -> float:
        """Logarithm by which the intervals of all kinds narrow."""
        return sum(math.log(self.now[kind] / self.then[kind]) for kind in self.now)


def rented() -> Iterator[str]:
    """Under load, on devices for rent: the gain times providers and users of the engine."""
    found = [wish for wish in _best(wishes(LOADED, "open")) if wish.providers]
    found.sort(key=lambda w: (-w.providers * w.used * w.gain, w.device))
    yield from _table(found, LOADED, ("providers", lambda wish: f"{wish.providers}"))


def owned() -> Iterator[str]:
    """One stream, on devices that nobody rents out: the gain, the newest first."""
    found = [wish for wish in _best(wishes(ALONE, "alone")) if not wish.providers]
    found.sort(key=lambda w: (-round(w.gain, 2), -int(w.year[:4] or 0), w.device))
    yield from _table(found, ALONE, ("year", lambda wish: wish.year))


def _best(found: Iterable[Wish]) -> list[Wish]:
    """For each device, the engine to measure it with."""
    out: dict[str, Wish] = {}
    for wish in found:
        before = out.get(wish.device)
        if wish.gain > 0 and (before is None or wish.used * wish.gain > before.used * before.gain):
            out[wish.device] = wish
    return list(out.values())


def _table(
    found: Sequence[Wish], kinds: Sequence[str], extra: tuple[str, Callable[[Wish], str]]
) -> Iterator[str]:
    title, shown = extra
    body = [
        (f"`{w.device}`", w.engine, shown(w), w.rests_on,
         *(f"x{w.now[kind]:.2f} -> x{w.then[kind]:.2f}" for kind in kinds))
        for w in found[:LISTED]
    ]  # fmt: skip
    head = ("device", "engine", f">{title}", "rests on now", *(f">{kind}" for kind in kinds))
    yield from table(head, body)


def wishes(kinds: Sequence[str], load: str) -> list[Wish]:
    """Every device with every engine measured on its class, where that pair was not measured."""
    renting, used, years = _providers(), _used(), _years()
    out: list[Wish] = []
    for card in devices().values():
        for name, sources in (used[card.profile] or {default_engine(card).id: 1}).items():
            sure = {kind: _sure(card, name, kind, load) for kind in kinds}
            first = sure[kinds[0]]
            if first is None or first.evidence == BEST:
                continue
            now = {kind: _width(found) for kind, found in sure.items() if found}
            after = {kind: _sure(card, name, kind, load, BEST) for kind in kinds}
            then = {kind: _width(found) for kind, found in after.items() if found}
            out.append(
                Wish(
                    card.id, name, first.words, now, then, renting[card.id], sources, years[card.id]
                )
            )
    return out


def _width(sure: Confidence) -> float:
    return sure.high / sure.low


def _sure(
    card: Device, name: str, kind: str, load: str, evidence: str | None = None
) -> Confidence | None:
    """The interval of a figure of 1; as it is, or as if it rested on other evidence."""
    for weights in WEIGHTS:
        plan = Deployment(card, weight_format(weights), kv_format("fp16"), engine(name))
        try:
            return confidence(plan, kind, 1.0, load, evidence=evidence)
        except CannotPredictError:
            continue
    return None


def _providers() -> Mapping[str, int]:
    found: dict[str, set[str]] = defaultdict(set)
    for offer in offers.offers():
        found[offer.device_id].add(offer.provider)
    return defaultdict(int, {card: len(names) for card, names in found.items()})


def _used() -> Mapping[str, dict[str, int]]:
    """Class of device -> engine -> sources with results of both since :data:`LATELY`."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in measured_rows():
        if row.date >= LATELY:
            publisher = row.source.partition(" ")[0]  # the rounds of one benchmark are one
            found[class_of(row)][engine_of(row)].add(publisher)
    return defaultdict(dict, {
        profile: {name: len(sources) for name, sources in sorted(part.items())}
        for profile, part in found.items()
    })  # fmt: skip


def _years() -> Mapping[str, str]:
    return {row["device"]: row["year"] for row in rows("device_index.csv")}
