"""A steady load: lengths, and how requests arrive."""

from __future__ import annotations

from dataclasses import dataclass

from inferplan.errors import InputError
from inferplan.units import counted, positive


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of a mean length, arriving in one of three ways.

    Parameters
    ----------
    isl_tokens, osl_tokens : float
        Mean input and output tokens per request.
    rate_per_s : float or None
        Open loop: Poisson arrivals [1/s].
    concurrency : float or None
        Closed loop: requests always in flight.
    users : float or None
        Closed loop with think time: people who each wait *think_s* between requests.
    think_s : float
        Mean think time of a user [s].
    prefix_hit_frac : float
        Share of input tokens found in the prefix cache, in [0, 1).

    Raises
    ------
    InputError
        If not exactly one of rate, concurrency and users is given, or a value is out of range.

    Examples
    --------
    >>> Load(1500, 300, rate_per_s=10).output_tokens_per_s
    3000.0
    """

    isl_tokens: float
    osl_tokens: float
    rate_per_s: float | None = None
    concurrency: float | None = None
    users: float | None = None
    think_s: float = 0.0
    prefix_hit_frac: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges and that exactly one kind of arrival is given."""
        positive(self.isl_tokens, "--isl")
        positive(self.osl_tokens, "--osl")
        positive(self.think_s, "--think", zero_ok=True)
        given = {
            "--rate": self.rate_per_s,
            "--concurrency": self.concurrency,
            "--users": self.users,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            what = " and ".join(named) or "none of them"
            raise InputError(
                "load", what, "given", "give exactly one of --rate, --concurrency, --users"
            )
        positive(given[named[0]] or 0.0, named[0])
        if not 0 <= self.prefix_hit_frac < 1:
            raise InputError(
                "--prefix-hit", self.prefix_hit_frac, "is not in [0, 1)", "0.3 means 30 % cached"
            )

    @property
    def kind(self) -> str:
        """``rate``, ``concurrency`` or ``users``."""
        if self.rate_per_s is not None:
            return "rate"
        return "concurrency" if self.concurrency is not None else "users"

    @property
    def closed(self) -> bool:
        """Whether a fixed number of requests circulates."""
        return self.kind == "concurrency"

    @property
    def demand(self) -> float:
        """The given rate [1/s], concurrency or number of users."""
        return float(self.rate_per_s or self.concurrency or self.users or 0.0)

    @property
    def prefill_tokens(self) -> float:
        """Input tokens per request that must be computed (prefix-cache hits left out)."""
        return self.isl_tokens * (1.0 - self.prefix_hit_frac)

    @property
    def output_tokens_per_s(self) -> float | None:
        """Output tokens per second offered; None unless the rate is given."""
        return None if self.rate_per_s is None else float(self.rate_per_s * self.osl_tokens)

    def __str__(self) -> str:
        """Readable form."""
        arrivals = {
            "rate": f"{self.demand:g} requests/s (Poisson)",
            "concurrency": f"{counted(self.demand, 'request')} in flight",
            "users": f"{counted(self.demand, 'user')} thinking {self.think_s:g} s",
        }[self.kind]
        hit = f", {self.prefix_hit_frac:.0%} prefix hits" if self.prefix_hit_frac else ""
        return f"{arrivals}, {self.isl_tokens:g} tokens in, {self.osl_tokens:g} out{hit}"
