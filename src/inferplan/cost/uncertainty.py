"""What is not known exactly: ranges, draws from them, and which of them matters most."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inferplan.units import Floats, Num

Z90 = 1.645
"""Standard deviations from the middle of a normal distribution to the end of its 90 % interval."""

Model = Callable[[Mapping[str, Num]], Num]
"""From values of all parameters, floats or arrays of draws, to a figure."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A value and the range it is thought to lie in.

    Parameters
    ----------
    low, value, high : float
        Ends of the range, and the value that is used where one is needed.
    shape : str
        ``triangular``: between the ends, most likely the value. ``lognormal``: the ends hold
        nine draws in ten.

    Examples
    --------
    >>> Spread.fixed(2.0).certain, Spread(1.0, 2.0, 4.0).certain
    (True, False)
    """

    low: float
    value: float
    high: float
    shape: Literal["triangular", "lognormal"] = "triangular"

    @classmethod
    def fixed(cls, value: float) -> Spread:
        """A value that is known."""
        return cls(value, value, value)

    @property
    def certain(self) -> bool:
        """Whether there is no range."""
        return self.low == self.high

    def draw(self, n: int, rng: np.random.Generator) -> Floats:
        """*n* values, shape (n,)."""
        if self.certain:
            return np.full(n, self.value)
        if self.shape == "lognormal":
            middle = 0.5 * math.log(self.low * self.high)
            sigma = math.log(self.high / self.low) / (2 * Z90)
            return rng.lognormal(middle, sigma, n)
        return rng.triangular(self.low, self.value, self.high, n)


def draws(spreads: Mapping[str, Spread], n: int, seed: int) -> dict[str, Floats]:
    """Draws of every parameter; one parameter's do not depend on which others there are.

    Parameters
    ----------
    spreads : mapping
        Name -> range.
    n : int
        How many.
    seed : int
        The same seed draws the same.

    Examples
    --------
    >>> one = draws({"a": Spread(0, 1, 2)}, 5, seed=1)["a"]
    >>> two = draws({"b": Spread(0, 1, 2), "a": Spread(0, 1, 2)}, 5, seed=1)["a"]
    >>> bool((one == two).all())
    True
    """
    return {
        name: spread.draw(n, np.random.default_rng([seed, zlib.crc32(name.encode())]))
        for name, spread in spreads.items()
    }


def central(spreads: Mapping[str, Spread]) -> dict[str, Num]:
    """The value of every parameter."""
    return {name: spread.value for name, spread in spreads.items()}


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure becomes at the ends of one parameter's range, all others at their value.

    Parameters
    ----------
    name : str
        The parameter.
    low, high : float
        Ends of its range.
    at_low, at_high : float
        The figure there.
    """

    name: str
    low: float
    high: float
    at_low: float
    at_high: float

    @property
    def swing(self) -> float:
        """Distance between the two."""
        return abs(self.at_high - self.at_low)


def tornado(model: Model, spreads: Mapping[str, Spread]) -> list[Bar]:
    """How far each parameter moves a figure, the one that matters most first.

    Parameters
    ----------
    model : callable
        Values -> figure.
    spreads : mapping
        Name -> range; parameters without one, or without an effect, are left out.

    Examples
    --------
    >>> bars = tornado(lambda x: x["a"] + 10 * x["b"], {"a": Spread(0, 1, 3), "b": Spread(0, 1, 2)})
    >>> [(bar.name, bar.swing) for bar in bars]
    [('b', 20.0), ('a', 3.0)]
    """
    base = central(spreads)
    bars = [
        Bar(
            name, s.low, s.high,
            float(model({**base, name: s.low})), float(model({**base, name: s.high})),
        )
        for name, s in spreads.items()
        if not s.certain
    ]  # fmt: skip
    return sorted((bar for bar in bars if bar.swing > 0), key=lambda bar: -bar.swing)


def flips_at(
    model: Model, spreads: Mapping[str, Spread], name: str, steps: int = 50
) -> float | None:
    """Value of a parameter, within its range, at which a figure changes its sign.

    Parameters
    ----------
    model : callable
        Values -> figure, of which only the sign matters.
    spreads : mapping
        Name -> range.
    name : str
        The parameter that is varied; the others keep their value.
    steps : int
        Halvings.

    Returns
    -------
    float or None
        The value nearest to the parameter's own; None if the sign is the same at both ends.

    Examples
    --------
    >>> round(flips_at(lambda x: x["a"] - 3.0, {"a": Spread(0.0, 1.0, 4.0)}, "a"), 9)
    3.0
    """
    base = central(spreads)
    here = spreads[name].value

    def sign(value: float) -> bool:
        return float(model({**base, name: value})) > 0

    for end in sorted((spreads[name].low, spreads[name].high), key=lambda end: abs(end - here)):
        if sign(end) == sign(here):
            continue
        near, far = here, end
        for _ in range(steps):
            middle = 0.5 * (near + far)
            near, far = (middle, far) if sign(middle) == sign(here) else (near, middle)
        return far
    return None


@dataclass(frozen=True, slots=True)
class Band:
    """The middle of many draws, and the ends that hold nine in ten."""

    p5: float
    p50: float
    p95: float

    @classmethod
    def of(cls, values: Floats) -> Band:
        """Quantiles of draws.

        Examples
        --------
        >>> Band.of(np.arange(101.0))
        Band(p5=5.0, p50=50.0, p95=95.0)
        """
        found = np.quantile(values, [0.05, 0.5, 0.95], method="nearest")
        return cls(*(float(value) for value in found))

    def to_dict(self) -> dict[str, float]:
        """Plain data."""
        return {"p5": self.p5, "p50": self.p50, "p95": self.p95}
