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
    "share * (mixed_step_s - without_past_s) / mean_step_s",
    unit="1",
    source="cached input costs the time in which later prompt tokens attend to it",
)
def cached_time_share(share: Num, mixed_step_s: Num, without_past_s: Num, mean_step_s: Num) -> Num:
    """Share of serving time that goes to input found in the prefix cache.

    Parameters
    ----------
    share : float or array
        Share of steps with a prompt chunk.
    mixed_step_s : float or array
        Time of such a step [s].
    without_past_s : float or array
        Time of the same step if its prompts had nothing cached before them [s].
    mean_step_s : float or array
        Mean time of all steps [s].

    Examples
    --------
    >>> round(cached_time_share(0.25, 0.03, 0.024, 0.015), 3)
    0.1
    """
    return share * (mixed_step_s - without_past_s) / mean_step_s


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


@formula("usd_per_h / (requests_per_s * 3600)", unit="USD", source=DEFINITION)
def usd_per_request(usd_per_h: Num, requests_per_s: Num) -> Num:
    """Cost of a request [USD].

    Parameters
    ----------
    usd_per_h : float or array
        Cost of the fleet [USD/h].
    requests_per_s : float or array
        Requests it serves [1/s].

    Examples
    --------
    >>> round(1000 * usd_per_request(2.69, 1.37436), 4)
    0.5437
    """
    return usd_per_h / (requests_per_s * 3600.0)


@formula(
    "(1 - cached_frac) * input_usd + cached_frac * cached_usd",
    unit="USD/Mtok",
    source=DEFINITION,
)
def input_usd_per_mtok(cached_frac: Num, input_usd: Num, cached_usd: Num) -> Num:
    """Price of a million input tokens of which some are cached [USD].

    Parameters
    ----------
    cached_frac : float or array
        Share of the input tokens found in the cache.
    input_usd, cached_usd : float or array
        Price of a million tokens that are not, and of a million that are [USD].

    Examples
    --------
    >>> input_usd_per_mtok(0.5, 1.0, 0.2)
    0.6
    """
    return (1.0 - cached_frac) * input_usd + cached_frac * cached_usd


@formula(
    "(isl_tokens * input_usd + osl_tokens * output_usd) / (isl_tokens + osl_tokens)",
    unit="USD/Mtok",
    source=DEFINITION,
)
def blended_usd_per_mtok(isl_tokens: Num, osl_tokens: Num, input_usd: Num, output_usd: Num) -> Num:
    """Price of a million tokens, input and output in the mix of a request [USD].

    Parameters
    ----------
    isl_tokens, osl_tokens : float or array
        Input and output tokens of a request.
    input_usd, output_usd : float or array
        Price of a million of each [USD].

    Examples
    --------
    >>> blended_usd_per_mtok(1500, 500, 1.0, 3.0)
    1.5
    """
    both = isl_tokens + osl_tokens
    return (isl_tokens * input_usd + osl_tokens * output_usd) / both
