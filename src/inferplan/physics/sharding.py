"""Arithmetic of splitting work over devices."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num


@formula("tokens / dp", unit="tokens", source="even split over attention data-parallel ranks")
def per_rank(tokens: Num, dp: Num) -> Num:
    """Tokens (or sequences) of one attention data-parallel rank.

    Examples
    --------
    >>> per_rank(64.0, 8)
    8.0
    """
    return tokens / dp


@formula("tp * dp", unit="devices", source="experts are spread over all ranks of the group")
def group_size(tp: Num, dp: Num) -> Num:
    """Devices that routed experts are spread over.

    Examples
    --------
    >>> group_size(1, 8)
    8
    """
    return tp * dp


@formula("(decode_seqs + prefill_seqs) / dp", unit="tokens", source="one logits row per sequence")
def rows_sampled(decode_seqs: Num, prefill_seqs: Num, dp: Num) -> Num:
    """Rows that go through the output head on one rank.

    Examples
    --------
    >>> rows_sampled(31.0, 1.0, 1)
    32.0
    """
    return (decode_seqs + prefill_seqs) / dp


@formula("whole / shards", unit="", source="even split")
def split(whole: Num, shards: Num) -> Num:
    """One device's part of something that is split evenly.

    Examples
    --------
    >>> split(8.0, 4)
    2.0
    """
    return whole / shards
