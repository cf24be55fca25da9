"""A user's own devices and prices, checked and turned into catalogue entries.

Imported only when such a file is read: pydantic and YAML are not start-up costs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from inferplan.catalog.devices import PEAK, device, device_class, devices, fill
from inferplan.catalog.formats import architectures
from inferplan.catalog.offers import parse_date
from inferplan.catalog.schema_fields import DeviceFile, OfferFile
from inferplan.catalog.types import COMPUTE_FORMATS, Device, Link, Offer
from inferplan.catalog.userfile import blame, check_keys, read_csv, read_yaml, validated
from inferplan.errors import DataError, InputError, UnknownNameError
from inferplan.provenance import Fact, Grade

_PEAKS = (*COMPUTE_FORMATS, "bf16", "fp16_accumulate")


def _facts(path: object, file: DeviceFile) -> dict[str, Fact]:
    grade = Grade.SPEC if file.source else Grade.ASSUMED
    source = file.source or str(path)

    def stated(value: float, unit: str, key: str) -> Fact:
        return Fact(value, unit, source, key, file.date or "", grade)

    check_keys(path, "peak_tflops", file.peak_tflops, _PEAKS)
    peaks = {"fp16" if name == "bf16" else name: peak for name, peak in file.peak_tflops.items()}
    values = [
        ("mem_bytes", file.memory, "B", "memory"),
        ("mem_bytes_per_s", file.memory_bandwidth, "B/s", "memory_bandwidth"),
        ("pcie_bytes_per_s", file.pcie_bandwidth, "B/s", "pcie_bandwidth"),
        ("tdp_w", file.tdp_w, "W", "tdp_w"),
        ("price_usd", file.price_usd, "USD", "price_usd"),
        *((PEAK + name, peak * 1e12, "FLOP/s", "peak_tflops") for name, peak in peaks.items()),
    ]
    if file.link:
        values.append(("link.bytes_per_s", file.link.bandwidth, "B/s", "link.bandwidth"))
        values.append(("link.domain_size", float(file.link.domain_size), "", "link.domain_size"))
    return {
        name: stated(value, unit, key) for name, value, unit, key in values if value is not None
    }


def _base(path: object, file: DeviceFile) -> Device:
    if file.based_on:
        try:
            return device(file.based_on)
        except UnknownNameError as error:
            raise blame(path, "based_on", error) from error
    needed = {
        "class": file.device_class,
        "architecture": file.architecture,
        "memory": file.memory,
        "memory_bandwidth": file.memory_bandwidth,
        "peak_tflops": file.peak_tflops,
    }
    for key, value in needed.items():
        if not value:
            fix = "give it, or name a similar device of the catalogue with based_on"
            raise DataError(path, key, f"is missing; {fix}")
    return Device(file.id, file.id, "", "edge", "", "", 0, 0.0, 0.0, {}, {}, Link("pcie", 0.0, 1))


def _profile(path: object, architecture: str, kind: str) -> str:
    same = [d for d in devices().values() if d.architecture == architecture]
    for known in [d for d in same if d.device_class == kind] or same:
        return known.profile
    raise DataError(path, "profile", "is missing; give one such as nvidia_datacenter")


def _named(path: object, file: DeviceFile, base: Device) -> Device:
    architecture = file.architecture or base.architecture
    if architecture not in architectures():
        unknown = UnknownNameError("", architecture, architectures(), "or use based_on")
        raise blame(path, "architecture", unknown)
    kind = device_class(file.device_class or base.device_class)
    profiles = sorted({known.profile for known in devices().values()})
    profile = file.profile or base.profile or _profile(path, architecture, kind)
    if profile not in profiles:
        listing = "one of: " + ", ".join(profiles)
        raise blame(path, "profile", UnknownNameError("", profile, profiles, listing))
    return replace(
        base,
        id=file.id,
        name=file.name or (f"{file.id} (like {base.name})" if file.based_on else file.id),
        vendor=file.vendor or base.vendor,
        device_class=kind,
        architecture=architecture,
        profile=profile,
        year=file.year or base.year,
        price_scope=file.price_scope or base.price_scope,
        mem_options_bytes=() if file.memory else base.mem_options_bytes,
        aliases=tuple(file.aliases),
    )


def load_device_file(path: str | Path) -> Device:
    r"""A device described in a user's YAML file.

    Keys are those of :class:`DeviceFile`, in data-sheet units; ``based_on`` inherits
    whatever is left out. Values are graded ``spec`` if the file names a ``source``,
    else ``assumed``.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Device
        All numbers in SI base units.

    Raises
    ------
    DataError
        If the file is malformed; names the key, the value and the fix.
    InputError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> text = "id: my_h100\nbased_on: h100_sxm\nmemory: 94GB\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "my.yaml")
    ...     _ = file.write_text(text)
    ...     load_device_file(file).mem_bytes
    94000000000.0
    """
    file = validated(path, "", DeviceFile, read_yaml(path), "device")
    base = _base(path, file)
    inherited = dict(base.facts)
    if base.link.kind == "pcie" or file.link:
        inherited.pop("link.bytes_per_s", None)
    facts = inherited | _facts(path, file)
    return fill(_named(path, file, base), facts, file.link.kind if file.link else base.link.kind)


def load_prices_file(path: str | Path, own_devices: Collection[str] = ()) -> tuple[Offer, ...]:
    r"""Rental prices from a user's CSV or YAML file, with the columns of ``offers.csv``.

    Only ``provider``, ``device`` and ``usd_per_h`` are required.

    Parameters
    ----------
    path : str or Path
        ``*.yaml``/``*.yml`` (a list of mappings), anything else is read as CSV.
    own_devices : collection of str
        Ids of the user's own devices, accepted beside the catalogue's.

    Returns
    -------
    tuple of Offer
        Prices of whole instances [USD/h].

    Raises
    ------
    DataError
        If a row is malformed; names the row, the value and the fix.
    InputError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "my.csv")
    ...     _ = file.write_text("provider,device,usd_per_h\nlab,RTX 4090,0.2\n")
    ...     [(o.device_id, o.usd_per_h) for o in load_prices_file(file)]
    [('rtx4090', 0.2)]
    """
    yaml = Path(path).suffix.lower() in (".yaml", ".yml")
    data = read_yaml(path) if yaml else read_csv(path)
    if not isinstance(data, list) or not data:
        raise DataError(path, "", "holds no rows; give a list with provider, device and usd_per_h")
    return tuple(_offer(path, f"row {i}", row, own_devices) for i, row in enumerate(data, start=1))


def _offer(path: object, place: str, data: Any, own_devices: Collection[str]) -> Offer:
    row = validated(path, place, OfferFile, data, "price")
    try:
        device_id = row.device if row.device in own_devices else device(row.device).id
    except InputError as error:
        raise blame(path, f"{place}, device", error) from error
    return Offer(
        provider=row.provider,
        instance=row.instance,
        region=row.region,
        device_id=device_id,
        count=row.count,
        usd_per_h=row.usd_per_h,
        kind=row.kind,
        as_of=row.as_of,
        dated=parse_date(row.as_of) is not None,
        source=(row.source or str(path)) + (f" ({row.note})" if row.note else ""),
    )
