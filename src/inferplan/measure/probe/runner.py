"""What runs a whole model, and how its two phases are timed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from inferplan.catalog.types import ModelSpec


@dataclass(frozen=True, slots=True)
class Case:
    """A model run in one way.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    weights : str
        Weight format, by its name in the catalogue.
    isl, osl : int
        Tokens of a prompt, and decode steps timed.
    batch : int
        Sequences decoded together.
    """

    spec: ModelSpec
    weights: str
    isl: int = 128
    osl: int = 32
    batch: int = 1

    def of(self, spec: ModelSpec) -> Case:
        """The same case of another model."""
        return replace(self, spec=spec)


@dataclass(frozen=True, slots=True)
class Times:
    """What a run measured.

    Parameters
    ----------
    prefill_s : tuple of float
        Time of the prompts of all sequences, one per repeat [s]; empty: not measured.
    step_s : tuple of float
        Times of decode steps [s].
    """

    prefill_s: tuple[float, ...]
    step_s: tuple[float, ...]


class Runner(Protocol):
    """Software that runs a whole model."""

    engine: str

    def formats(self) -> tuple[str, ...]:
        """Weight formats it can be checked in here; none: it is not usable here."""

    def run(self, case: Case) -> Times:
        """Build the model with random weights, run it, forget it.

        Raises ``RuntimeError``, ``MemoryError`` or their like if it cannot.
        """
