"""What the shares of single operators say: rows of the fit beside those of whole runs.

Whole runs alone do not tell every factor from every other: a replica that spends too long on
arithmetic and too little on memory may take the right time. Operators that were timed one by one
(``operators.csv``) hold such pairs apart. Only those of :data:`PARAMETERS` count: the others
depend on how an engine fuses kernels, and with them rows that were left out are predicted worse.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from calibration.cases import Floats
from calibration.design import Design
from inferplan.catalog.calibration import AGE_LEVELS, LARGEST_SHARE, LEVELS, key_of
from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import engine
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.estimate.deployment import with_defaults
from inferplan.estimate.machine import calibration_keys, uncalibrated

FILE = Path(__file__).with_name("operators.csv")
"""Shares of operators, fitted to tables of timed operators by ``calibration.operators``."""

WIDTH = 0.3
"""How far a share in serving may be expected from that of the operator alone (logit scale)."""

PARAMETERS = ("mem_frac",)
"""Shares that are the same alone and in a run: the weights have to be read either way."""

WEIGHT = 0.5
"""Rows of a run that an operator's share counts as."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A share that was measured apart.

    Parameters
    ----------
    parameter : str
        Which.
    keys : mapping
        Level -> key of the deployment.
    shift : float
        What its shifts should sum up to.
    """

    parameter: str
    keys: Mapping[str, str]
    shift: float


@cache
def anchors(path: Path = FILE) -> tuple[Anchor, ...]:
    """The anchors in a file of shares."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return tuple(_anchor(row) for row in rows if row["parameter"] in PARAMETERS)


def _anchor(row: Mapping[str, str]) -> Anchor:
    card, software = device(row["device"]), engine(row["engine"])
    cache_format = kv_format(row["kv"] or "fp16")
    plan = with_defaults(card, weight_format(row["weights"] or "bf16"), cache_format, software)
    assumed = uncalibrated(plan)[row["parameter"]].value
    shift = _logit(float(row["value"])) - _logit(assumed)
    return Anchor(row["parameter"], calibration_keys(plan), shift)


def _logit(share: float) -> float:
    kept = min(share, LARGEST_SHARE)
    return math.log(kept / (1.0 - kept))


def anchor_rows(
    found: Sequence[Anchor], columns: Design, scale: float
) -> tuple[sparse.csr_matrix, Floats]:
    """Rows of the linear problem: matrix and offset.

    Parameters
    ----------
    found : sequence of Anchor
        The anchors.
    columns : Design
        Shifts; those that no measured run has are left out.
    scale : float
        The error of a run that weighs as much as one :data:`WIDTH` here.
    """
    place = {name: j for j, name in enumerate(columns.names)}
    at, column = [], []
    for row, anchor in enumerate(found):
        for level in LEVELS[anchor.parameter]:
            name = (anchor.parameter, level, key_of(level, anchor.keys))
            if level not in AGE_LEVELS and name in place:
                at.append(row)
                column.append(place[name])
    unit = scale / WIDTH
    shape = (len(found), len(columns.names))
    matrix = sparse.csr_matrix((np.full(len(at), unit), (at, column)), shape=shape)
    return matrix, -unit * np.array([anchor.shift for anchor in found])


def anchor_groups(found: Sequence[Anchor], levels: Sequence[str]) -> npt.NDArray[np.str_]:
    """What each anchor is left out with: keys of some levels; of none, it always stays."""
    return np.array(["|".join(anchor.keys[level] for level in levels) for anchor in found])
