"""Devices that a user keeps beside the catalogue: probes and YAML files under names."""

from __future__ import annotations

from pathlib import Path

from inferplan.catalog.devices import devices, index
from inferplan.catalog.types import Device
from inferplan.errors import InputError, fold
from inferplan.files import data_folder, write_atomic

SUFFIXES = (".json", ".yaml", ".yml")
"""What files of devices are called: of probes, and written by hand."""


def device_from_file(path: str | Path, field: str = "device", name: str = "") -> Device:
    """The device that a probe measured, or that a YAML file describes.

    Parameters
    ----------
    path : str or Path
        The file; its suffix says which.
    field : str
        The option it came from, named in errors.
    name : str
        Id of a probed device; empty: from the name of the machine.

    Raises
    ------
    InputError, DataError
        For another suffix, or a file that cannot be used.
    CannotPredictError
        If too little of a probe counts as measured.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        from inferplan.api.probe import fitted

        return fitted(path, name, field).device
    if suffix in SUFFIXES:
        from inferplan.catalog.schema import load_device_file

        return load_device_file(Path(path))
    fix = "give the .json of inferplan probe, or a .yaml of your own"
    raise InputError(field, repr(str(path)), "is no file of a device", fix)


def own_folder() -> Path:
    """Where they are kept; it need not exist."""
    return data_folder() / "devices"


def own_files() -> dict[str, Path]:
    """Name -> file of every device that is kept."""
    try:
        found = sorted(path for path in own_folder().iterdir() if path.suffix in SUFFIXES)
    except (OSError, RuntimeError):  # no such folder; a user without a home
        return {}
    return {path.stem: path for path in found}


def own_device(name: str) -> Device | None:
    """The kept device of that name, blind to case and punctuation; None if there is none.

    Raises
    ------
    InferplanError
        If its file cannot be used any more.
    """
    for stem, path in own_files().items():
        if fold(stem) == fold(name):
            return device_from_file(path, name=stem)
    return None


def own_devices() -> tuple[Device, ...]:
    """Every kept device."""
    return tuple(device_from_file(path, name=stem) for stem, path in own_files().items())


def keep_device(path: str | Path, name: str | None = None) -> tuple[Device, Path]:
    """Keep a device under a name, so that it can be used like one of the catalogue.

    Parameters
    ----------
    path : str or Path
        A probe or a YAML file.
    name : str or None
        Its name; None: from the machine's name, or the ``id`` in the YAML file.

    Returns
    -------
    (device, file)
        The device, and where it is kept.

    Raises
    ------
    InferplanError
        If the file cannot be used, the name is taken or no name, or the folder cannot be written.
    """
    from inferplan.measure.probe.as_device import is_id

    if name is not None and not is_id(name):
        fix = "use letters, digits, _ and -"
        raise InputError("--name", repr(name), "cannot be the name of a device", fix)
    found = device_from_file(path, "FILE", name or "")
    if name is not None and found.id != name:
        raise InputError("--name", repr(name), f"differs from id {found.id} in the file",
                         "change the id there, or leave --name out")  # fmt: skip
    if found.id in devices() or found.id in index():
        raise InputError("--name", repr(found.id), "is a device of the catalogue",
                         "choose another with --name")  # fmt: skip
    folder = own_folder()
    target = folder / f"{found.id}{Path(path).suffix.lower()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("FILE", target, f"cannot be kept ({error.strerror})",
                         "make the folder writable") from error  # fmt: skip
    for other in SUFFIXES:  # one file per name
        if target.with_suffix(other) != target:
            target.with_suffix(other).unlink(missing_ok=True)
    write_atomic(target, Path(path).read_text(encoding="utf-8-sig"), "FILE")
    return found, target
