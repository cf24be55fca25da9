"""What each full block of a request holds, as one number for all tokens up to its end.

A prompt is a list of segments: the first L tokens of a text. Two blocks hold the same tokens, in
the same context, if the same runs of the same texts lead up to their ends; the chain of
runs is hashed into 62 bits.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from inferplan.serving.kernel.layout import I32, I64

PRIME_1: Final = 2147483647
PRIME_2: Final = 2147483629
FACTOR_1: Final = 1103515245
FACTOR_2: Final = 1664525


class Contents(NamedTuple):
    """Segments of n prompts, and room for the hashes.

    Parameters
    ----------
    osl : int32 [n]
        Output tokens; they count as a text of their own, -1 - i.
    seg_start, seg_text, seg_len : int64 [n + 1], int64 [m], int32 [m]
        Segments.
    content_start, content : int64 [n + 1], int64 [blocks]
        Where each request's hashes go.
    """

    osl: I32
    seg_start: I64
    seg_text: I64
    seg_len: I32
    content_start: I64
    content: I64


def hash_blocks(c: Contents, size: int) -> int:
    """Fill ``content`` for blocks of *size* tokens."""
    for i in range(c.osl.shape[0]):
        first, second, filled, block = 1, 1, 0, c.content_start[i]
        for segment in range(c.seg_start[i], c.seg_start[i + 1] + 1):
            own = segment == c.seg_start[i + 1]
            text = -1 - i if own else int(c.seg_text[segment])
            length = int(c.osl[i]) if own else int(c.seg_len[segment])
            offset = 0
            while offset < length and block < c.content_start[i + 1]:
                run = min(length - offset, size - filled)
                first = (
                    (first * FACTOR_1 + text % PRIME_1) % PRIME_1 * FACTOR_1 + offset
                ) % PRIME_1
                second = (
                    (second * FACTOR_2 + text % PRIME_2) % PRIME_2 * FACTOR_2 + offset
                ) % PRIME_2
                first = (first * FACTOR_1 + run) % PRIME_1
                second = (second * FACTOR_2 + run) % PRIME_2
                offset += run
                filled += run
                if filled == size:
                    c.content[block] = first * PRIME_2 + second
                    block += 1
                    filled = 0
    return 0


class Numbering(NamedTuple):
    """Contents to be numbered, and an open hash table.

    Parameters
    ----------
    content : int64 [blocks]
        Hashes that are not negative; then dense numbers.
    seen, number : int64 [2^k], int32 [2^k]
        Slots, more than there are blocks: a hash and one, or 0 where free; and its number.
    """

    content: I64
    seen: I64
    number: I32


def number_blocks(t: Numbering, known: int) -> int:
    """Replace equal hashes by equal numbers, from *known* on in order of appearance."""
    last = t.seen.shape[0] - 1
    for block in range(t.content.shape[0]):
        mark = t.content[block] + 1
        slot = (mark ^ (mark >> 31)) & last
        while t.seen[slot] != mark and t.seen[slot] != 0:
            slot = (slot + 1) & last
        if t.seen[slot] == 0:
            t.seen[slot] = mark
            t.number[slot] = known
            known += 1
        t.content[block] = t.number[slot]
    return known
