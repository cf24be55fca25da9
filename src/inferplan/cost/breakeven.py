"""Self-hosting against an API: stairs of whole replicas against a straight line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferplan.units import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Stairs:
    """Monthly cost of self-hosting by volume: flat until a replica more is needed.

    Parameters
    ----------
    step_mtok : float
        Volume that one more replica carries [Mtok/month].
    usd : ndarray of float64, shape (n,)
        Monthly cost of a fleet that carries 1, 2, ..., n steps; never falls [USD/month].

    Examples
    --------
    >>> stairs = Stairs(100.0, np.array([50.0, 90.0, 130.0]))
    >>> [stairs.cost(volume) for volume in (0.0, 100.0, 101.0, 300.0)]
    [50.0, 50.0, 90.0, 130.0]
    """

    step_mtok: float
    usd: Floats

    @property
    def most_mtok(self) -> float:
        """Largest volume that the stairs reach [Mtok/month]."""
        return self.step_mtok * len(self.usd)

    def steps(self, mtok: float) -> int:
        """Steps needed for a volume, from 1 on."""
        return max(1, int(np.ceil(mtok / self.step_mtok - 1e-9)))

    def cost(self, mtok: float) -> float:
        """Cost of a volume [USD/month]; infinite beyond the last step."""
        n = self.steps(mtok)
        return float(self.usd[n - 1]) if n <= len(self.usd) else float("inf")


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where self-hosting is cheaper than an API.

    Parameters
    ----------
    first_mtok : float or None
        Smallest volume at which both cost the same [Mtok/month]; None: never.
    always_mtok : float or None
        Volume beyond which no step makes the API cheaper again [Mtok/month]; None: there is
        none on these stairs.
    """

    first_mtok: float | None
    always_mtok: float | None


def crossing(stairs: Stairs, api_usd_per_mtok: float) -> Crossing:
    """Where a straight line through zero crosses the stairs.

    On a step the API's cost rises and that of self-hosting does not, so the two meet there at
    ``usd / api_usd_per_mtok``, if that volume is on the step.

    Parameters
    ----------
    stairs : Stairs
        Self-hosting.
    api_usd_per_mtok : float
        Price of the API for the same mix of tokens, above zero [USD/Mtok].

    Examples
    --------
    >>> crossing(Stairs(100.0, np.array([50.0, 90.0, 130.0])), 0.6)
    Crossing(first_mtok=83.33333333333334, always_mtok=216.66666666666669)
    >>> crossing(Stairs(100.0, np.array([50.0, 90.0, 130.0])), 0.3).first_mtok is None
    True
    """
    end = stairs.step_mtok * np.arange(1, len(stairs.usd) + 1)
    begin = end - stairs.step_mtok
    equal = stairs.usd / api_usd_per_mtok
    met = equal <= end
    if not met.any():
        return Crossing(None, None)
    first = int(met.argmax())
    api_wins = np.flatnonzero(equal > begin)
    if not len(api_wins):  # a fleet that costs nothing
        return Crossing(0.0, 0.0)
    last = int(api_wins[-1])
    settled = last < len(end) - 1 or bool(met[-1])
    always = float(min(end[last], equal[last])) if settled else None
    return Crossing(float(max(begin[first], equal[first])), always)
