"""Traces in JSONL: Mooncake's, with its prefix blocks, and our own plain keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from inferplan.workload.columns import Bools, Int64
from inferplan.workload.segments import Segments
from inferplan.workload.trace_csv import with_prefixes
from inferplan.workload.trace_text import json_numbers
from inferplan.workload.trace_types import Rows

MOONCAKE = ("timestamp", "input_length", "output_length", "hash_ids")
BLOCK_TOKENS = 512
"""Tokens that one hash of a Mooncake trace stands for."""


def read_mooncake(lines: list[str]) -> Rows:
    """Mooncake traces: milliseconds, lengths, and the hashes of the prompt's 512-token blocks.

    A hash names a block together with everything before it, so equal hashes mean equal
    prefixes. Each block becomes one segment, the last one shorter. Times are kept as they are.

    Parameters
    ----------
    lines : list of str
        One JSON object a line with timestamp, input_length, output_length and hash_ids.

    References
    ----------
    kvcache-ai/Mooncake, ``FAST25-release/traces``, Apache-2.0; Qin et al., Mooncake, FAST 2025.

    Examples
    --------
    >>> line = '{"timestamp": 27, "input_length": 700, "output_length": 5, "hash_ids": [46, 47]}'
    >>> rows = read_mooncake([line])
    >>> rows.segments.text.tolist(), rows.segments.length.tolist()
    ([46, 47], [512, 188])
    """
    rows, objects = _rows(lines, (MOONCAKE[0], MOONCAKE[1], MOONCAKE[2]), unit_s=1e-3)
    isl = np.where((rows.isl >= 1) & (rows.isl < 2**31), np.rint(rows.isl), 1).astype(np.int64)
    hashes: list[Any] = [one.get("hash_ids") for one in objects]
    whole = _whole_lists(hashes)
    blocks = np.array([len(h) if ok else 0 for h, ok in zip(hashes, whole, strict=True)])
    match = blocks == -(-isl // BLOCK_TOKENS)
    bad = rows.bad | {
        "hash_ids is not a list of whole numbers": ~whole,
        f"hash_ids does not name one block for every {BLOCK_TOKENS} tokens": ~match,
    }
    used = [h if ok else [0] for h, ok in zip(hashes, whole & match, strict=True)]
    segments = block_segments(used, np.where(whole & match, isl, 1))
    return replace(rows, segments=segments, bad=bad)


def block_segments(hashes: Sequence[Sequence[int]], isl: Int64) -> Segments:
    """Segments of prompts given as hashes of blocks of :data:`BLOCK_TOKENS` tokens.

    Parameters
    ----------
    hashes : sequence of sequence of int
        For each of n prompts, one hash >= 0 a block.
    isl : ndarray of int64, shape (n,)
        Prompt lengths [tokens].

    Examples
    --------
    >>> block_segments([[3], [3, 4]], np.array([512, 513])).length.tolist()
    [512, 512, 1]
    """
    counts = np.fromiter(map(len, hashes), dtype=np.int64, count=len(hashes))
    start = np.concatenate(([0], np.cumsum(counts)))
    text = np.fromiter(chain.from_iterable(hashes), dtype=np.int64, count=start[-1])
    length = np.full(start[-1], BLOCK_TOKENS, dtype=np.int64)
    length[start[1:] - 1] = isl - BLOCK_TOKENS * (counts - 1)
    return Segments(start, text, np.asarray(length, dtype=np.int32))


def read_plain_jsonl(lines: list[str]) -> Rows:
    """Our own keys, as the columns of :func:`~inferplan.workload.trace_csv.read_plain_csv`.

    Examples
    --------
    >>> rows = read_plain_jsonl(['{"arrival_s": 0.5, "isl": 100, "osl": 10}'])
    >>> rows.arrival_s.tolist(), rows.isl.tolist()
    ([0.5], [100.0])
    """
    rows, objects = _rows(lines, ("arrival_s", "isl", "osl"))
    if any("priority" in one for one in objects):
        rows = replace(rows, priority=json_numbers(one.get("priority", 0) for one in objects))
    if not any("prefix" in one for one in objects):
        return rows
    names = ["" if one.get("prefix") is None else str(one["prefix"]) for one in objects]
    tokens = json_numbers(one.get("prefix_tokens") or 0 for one in objects)
    return with_prefixes(rows, names, tokens)


def _rows(
    lines: list[str], names: tuple[str, str, str], unit_s: float = 1.0
) -> tuple[Rows, list[dict[str, Any]]]:
    """Rows with the three columns *names*, and the object of each line that is not blank."""
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    objects = [_object(line) for _, line in numbered]
    broken = np.array([one is None for one in objects])
    found = [one or {} for one in objects]
    arrival, isl, osl = (json_numbers(one.get(name) for one in found) for name in names)
    line = np.array([number for number, _ in numbered], dtype=np.int64)
    bad = {"is not a JSON object": broken}
    return Rows(line, isl, osl, arrival * unit_s, bad=bad, names=names), found


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole_lists(values: list[Any]) -> Bools:
    """Which values are lists of whole numbers from 0 to the largest int64."""
    return np.array([_is_whole_list(value) for value in values])


def _is_whole_list(value: Any) -> bool:
    if not isinstance(value, list) or not value or set(map(type, value)) != {int}:
        return False
    return bool(min(value) >= 0 and max(value) < 2**63)
