"""A user's own assumptions about cost: one YAML file, a template for it, and ``--set``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferplan.catalog.economics import ranges
from inferplan.catalog.userfile import read_yaml
from inferplan.errors import DataError, InputError, UnknownNameError

Range = tuple[float, float, float]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "site": ("colo", "facility"),
    "financing": ("cash", "loan"),
}
"""Parameters that are words."""

NUMBERS: Mapping[str, tuple[float, float, str, str]] = {
    "horizon_years": (0.5, 15, "years", "how far the comparison looks"),
    "device_price_usd": (0, 1e7, "USD", "price of one accelerator, in place of the catalogue's"),
    "devices_per_server": (1, 1024, "devices", "accelerators in a server"),
    "on_demand_usd_per_h": (0, 1e5, "USD/h", "rent of one accelerator, hyperscaler"),
    "neocloud_usd_per_h": (0, 1e5, "USD/h", "rent of one accelerator, neocloud"),
    "spot_usd_per_h": (0, 1e5, "USD/h", "rent of one accelerator, spot"),
    "discount_1_year": (0, 0.99, "1", "share saved by a commitment of a year"),
    "discount_3_years": (0, 0.99, "1", "share saved by a commitment of three years"),
}
"""Parameters that come from the catalogue unless given: least, most, unit, meaning."""

SITES: Mapping[str, str] = {
    "colo_usd_per_kw_month": "colo",
    "pue": "facility",
    "facility_usd_per_kw": "facility",
    "facility_years": "facility",
}
"""Parameters that mean something for one kind of site only."""


@dataclass(frozen=True, slots=True)
class CostFile:
    """What a user sets in place of the defaults.

    Parameters
    ----------
    values : mapping
        Parameter -> (low, value, high); all equal where one number was given.
    words : mapping
        One of :data:`CHOICES` -> what was chosen.
    """

    values: Mapping[str, Range] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def site(self) -> str:
        """``colo`` or ``facility``, as said or as the parameters that are set imply."""
        implied = {SITES[name] for name in self.values if name in SITES}
        return self.words.get("site") or (implied.pop() if implied else "colo")


def known() -> tuple[str, ...]:
    """Every parameter that may be set.

    Examples
    --------
    >>> "pue" in known(), "site" in known(), "stale_days" in known()
    (True, True, False)
    """
    return (*CHOICES, *NUMBERS, *(name for name in ranges() if name != "stale_days"))


def cost_file(data: Mapping[str, Any]) -> CostFile:
    """Checked settings from names and values.

    Parameters
    ----------
    data : mapping
        Parameter -> a number, or [low, value, high]; or a word for those of :data:`CHOICES`.

    Raises
    ------
    InputError
        For an unknown parameter, a value that is no number or out of range, or settings that
        contradict each other.

    Examples
    --------
    >>> cost_file({"pue": [1.1, 1.2, 1.4]}).values["pue"], cost_file({"pue": 1.2}).site
    ((1.1, 1.2, 1.4), 'facility')
    """
    words = {name: _word(name, value) for name, value in data.items() if name in CHOICES}
    values = {name: _range(name, value) for name, value in data.items() if name not in CHOICES}
    _one_site(words, values)
    return CostFile(values, words)


def _one_site(words: Mapping[str, str], values: Mapping[str, Range]) -> None:
    by_site: dict[str, str] = {}
    for name in values:
        if name in SITES:
            by_site.setdefault(SITES[name], name)
    if len(by_site) == 2:
        problem = f"does not go with {by_site['facility']}"
        fix = "the rent of a colocation includes power and cooling plant: set one of the two"
        raise InputError(by_site["colo"], f"{values[by_site['colo']][1]:g}", problem, fix)
    site = words.get("site")
    for other, name in by_site.items():
        if site is not None and other != site:
            problem = f"means nothing for site {site}"
            raise InputError(
                name, f"{values[name][1]:g}", problem, f"leave it out, or site: {other}"
            )


def _word(name: str, value: Any) -> str:
    if value not in CHOICES[name]:
        raise InputError(name, repr(value), "is not a choice", f"use {' or '.join(CHOICES[name])}")
    return str(value)


def _bounds(name: str) -> tuple[float, float, str]:
    if name in NUMBERS:
        least, most, unit, _ = NUMBERS[name]
        return least, most, unit
    found = ranges().get(name)
    if found is None or name == "stale_days":
        listing = "inferplan tco --template lists them"
        raise UnknownNameError("parameter", name, known(), listing)
    return found.least, found.most, found.fact.unit


def _range(name: str, value: Any) -> Range:
    least, most, unit = _bounds(name)
    parts = list(value) if isinstance(value, list | tuple) else [value]
    if len(parts) not in (1, 3):
        raise InputError(name, value, "is neither one number nor three", "write [low, value, high]")
    numbers = [_number(name, part, least, most, unit) for part in parts]
    low, middle, high = numbers if len(numbers) == 3 else numbers * 3
    if not low <= middle <= high:
        raise InputError(name, value, "is not in rising order", "write [low, value, high]")
    return low, middle, high


def _number(name: str, value: Any, least: float, most: float, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        problem = f"is not a number of {unit}" if unit != "1" else "is not a number"
        fix = "write digits alone, without currency, separators or unit, e.g. 4500"
        raise InputError(name, repr(value), problem, fix)
    above_zero = least == 0 and name == "device_price_usd"
    if not math.isfinite(value) or not least <= value <= most or (above_zero and value == 0):
        kind = f"is not {least:g} to {most:g}" + (f" {unit}" if unit != "1" else "")
        raise InputError(name, f"{value:g}", kind, _hint(name, value, least))
    return float(value)


def _hint(name: str, value: float, least: float) -> str:
    if name == "pue":
        return "PUE is the power of the site over that of its computers, never below 1"
    if name.endswith("_years"):
        return "give the years of use, e.g. 4"
    if name.endswith(("_frac", "_position")) or name.startswith("discount"):
        return f"it is a share: write {value / 100:g} for {value:g} %" if value > 1 else "e.g. 0.1"
    return "give a value above zero" if value <= least else "check the unit"


def read_cost_file(path: str | Path) -> CostFile:
    r"""Settings from a YAML file of ``parameter: value`` lines.

    Parameters
    ----------
    path : str or Path
        The file; ``inferplan tco --template`` writes one to start from.

    Raises
    ------
    DataError
        If the file is malformed; names the parameter, the value and the fix.
    InputError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "my.yaml")
    ...     _ = file.write_text("usd_per_kwh: 0.2\nfinancing: loan\n")
    ...     read_cost_file(file).words
    {'financing': 'loan'}
    """
    data = read_yaml(path)
    if data is None:
        return CostFile()
    if not isinstance(data, Mapping):
        raise DataError(path, "", "is not a list of settings; write `parameter: value` lines")
    try:
        return cost_file({str(key): value for key, value in data.items()})
    except InputError as error:
        place = error.field if error.field != "parameter" else ""
        raise DataError(path, place, f"{error.value} {error.problem}; {error.fix}") from error


def setting(text: str) -> tuple[str, Any]:
    """Parameter and value of a ``--set`` option.

    Raises
    ------
    InputError
        If it is not NAME=VALUE or the value is no number.

    Examples
    --------
    >>> setting("pue=1.2"), setting("pue=1.1:1.2:1.4"), setting("site=colo")
    (('pue', 1.2), ('pue', [1.1, 1.2, 1.4]), ('site', 'colo'))
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        raise InputError("--set", repr(text), "is not NAME=VALUE", "e.g. --set pue=1.2")
    if name in CHOICES:
        return name, value
    try:
        parts: list[Any] = [float(part) for part in value.split(":")]
    except ValueError:
        parts = [value]  # told apart, with its unit, when it is checked
    return name, parts[0] if len(parts) == 1 else parts


def template() -> str:
    """A commented YAML file with every parameter, its default, range, unit and source.

    Examples
    --------
    >>> import yaml
    >>> yaml.safe_load(template()) is None  # all are comments until somebody edits them
    True
    """
    return "\n".join(_template_lines()) + "\n"


def _template_lines() -> Iterator[str]:
    yield "# Assumptions of inferplan tco, cost and breakeven. Take a # away to set one."
    yield "# A number is taken as certain; [low, value, high] is a range for the Monte Carlo."
    yield ""
    for name, words in CHOICES.items():
        yield f"# {name}: {words[0]}    # {' or '.join(words)}"
    yield "# (colo: rent by kW, without pue; facility: pue and a room of your own, without rent)"
    yield ""
    yield "# From the catalogue unless given:"
    for name, (_, _, unit, meaning) in NUMBERS.items():
        yield f"# {name}:    # [{unit}] {meaning}"
    for name, found in ranges().items():
        if name == "stale_days":
            continue
        fact = found.fact
        yield ""
        yield f"# {fact.note or name} [{fact.unit}]"
        yield f"# {fact.grade.value}; {fact.source}; {fact.locator or fact.date}"
        three = f"[{found.low:g}, {fact.value:g}, {found.high:g}]"
        yield f"# {name}: {three if found.low != found.high else f'{fact.value:g}'}"
