"""Cost per token at the throughput that is really served."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num

DEFINITION = "definition"


@formula("usd_per_h / (tokens_per_s * 3600 / 1e6)", unit="USD/Mtok", source=DEFINITION)
def usd_per_mtok(usd_per_h: Num, tokens_per_s: Num) -> Num:
    """Cost of a million tokens [USD].

    Parameters
    ----------
    usd_per_h : float or array
        Cost of the fleet [USD/h].
    tokens_per_s : float or array
        Tokens it serves [tokens/s].

    Examples
    --------
    >>> round(usd_per_mtok(2.50, 50), 2)
    13.89
    """
    return usd_per_h / (tokens_per_s * 3600.0 / 1e6)


@formula(
    "share * (mixed_step_s - decode_step_s) / mean_step_s",
    unit="1",
    source="prompts cost the time by which they lengthen steps; the rest is decoding",
)
def input_time_share(share: Num, mixed_step_s: Num, decode_step_s: Num, mean_step_s: Num) -> Num:
    """Share of serving time that goes to input tokens.

    Parameters
    ----------
    share : float or array
        Share of steps with a prompt chunk.
    mixed_step_s, decode_step_s, mean_step_s : float or array
        Step times with and without a chunk, and their mean [s].

    Examples
    --------
    >>> round(input_time_share(0.25, 0.03, 0.01, 0.015), 3)
    0.333
    """
    return share * (mixed_step_s - decode_step_s) / mean_step_s


@formula(
    "usd_per_h * time_share / (tokens_per_s * 3600 / 1e6)",
    unit="USD/Mtok",
    source="the fleet's cost is split by the time that each kind of token takes",
)
def usd_per_mtok_of(usd_per_h: Num, time_share: Num, tokens_per_s: Num) -> Num:
    """Cost of a million tokens of one kind, input or output [USD].

    Parameters
    ----------
    usd_per_h : float or array
        Cost of the fleet [USD/h].
    time_share : float or array
        Share of serving time spent on this kind of token.
    tokens_per_s : float or array
        Tokens of this kind served [tokens/s].

    Examples
    --------
    >>> round(usd_per_mtok_of(3.6, 0.5, 500.0), 6)
    1.0
    """
    return usd_per_h * time_share / (tokens_per_s * 3600.0 / 1e6)


@formula("1 - share", unit="1", source=DEFINITION)
def one_minus(share: Num) -> Num:
    """The rest of a whole.

    Examples
    --------
    >>> one_minus(0.25)
    0.75
    """
    return 1.0 - share
