"""Number the contents of the blocks of a workload, so that equal ones have equal numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inferplan.serving.compiled import hash_blocks, number_blocks
from inferplan.serving.kernel.contents import Contents, Numbering


def block_contents(
    isl: npt.NDArray[np.int32],
    osl: npt.NDArray[np.int32],
    segments: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]],
    block_size: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Content numbers of each request's full blocks.

    Parameters
    ----------
    isl, osl : int arrays [n]
        Prompt and output tokens.
    segments : (start [n + 1], text [m], length [m])
        Request i's prompt is segments ``start[i]`` to ``start[i + 1]``: the first *length*
        tokens of a *text*. A text -1 - j stands for what request j generates.
    block_size : int
        Tokens of a block.

    Returns
    -------
    (content [blocks], start [n + 1])
        Dense numbers from 0; those of request i lie at ``start[i]`` to ``start[i + 1]``.

    Examples
    --------
    Two prompts share the first 16 of their 32 tokens:

    >>> start, text = np.array([0, 2, 4]), np.array([7, 1, 7, 2])
    >>> lengths, one = np.full(4, 16, np.int32), np.ones(2, np.int32)
    >>> content, where = block_contents(32 * one, one, (start, text, lengths), 16)
    >>> [content[a:b].tolist() for a, b in zip(where, where[1:])]
    [[0, 1], [0, 2]]
    """
    start = np.zeros(len(isl) + 1, np.int64)
    np.cumsum((isl.astype(np.int64) + osl) // block_size, out=start[1:])
    hashes = np.zeros(int(start[-1]), np.int64)
    hash_blocks(Contents(osl, *segments, start, hashes), block_size)
    slots = 1 << (5 * len(hashes) // 4).bit_length()
    number_blocks(Numbering(hashes, np.zeros(slots, np.int64), np.zeros(slots, np.int32)))
    return hashes, start


def own_contents(
    isl: npt.NDArray[np.int32], osl: npt.NDArray[np.int32], block_size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Content numbers of blocks that no two requests share; as :func:`block_contents`."""
    start = np.zeros(len(isl) + 1, np.int64)
    np.cumsum((isl.astype(np.int64) + osl) // block_size, out=start[1:])
    return np.arange(start[-1]), start
