"""How much of the prompts an earlier request has already computed."""

from __future__ import annotations

from inferplan.workload.requests import Requests


def reusable_share(requests: Requests) -> float:
    """Share of prompt tokens that a prefix cache without limits would hold.

    Walks the prompts in the order of the table through a tree of segments. The prefix that a
    prompt has in common with an earlier one, or with an earlier one and its answer, counts as
    held. An upper limit for an engine: it forgets, works in whole blocks, and computes requests
    that run together more than once.

    Parameters
    ----------
    requests : Requests
        Any requests; without segments nothing is shared.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    The second prompt repeats the 60 tokens of the first and its 20 of answer:

    >>> import numpy as np
    >>> from inferplan.workload.segments import Segments
    >>> segments = Segments([0, 1, 4], [0, 0, -1, 1], [60, 60, 20, 20])
    >>> talk = Requests([0.0, np.inf], [60, 100], [20, 5], follows=[-1, 0], segments=segments)
    >>> reusable_share(talk)
    0.5
    """
    if requests.segments is None:
        return 0.0
    start = requests.segments.start.tolist()
    text, length = requests.segments.text.tolist(), requests.segments.length.tolist()
    longest: dict[tuple[int, int], int] = {}  # of a text, after a prefix
    node_after: dict[tuple[int, int, int], int] = {}  # the prefix it makes with so much of it
    held = 0
    for request, osl in enumerate(requests.osl.tolist()):
        node, common = 0, True
        for place in range(start[request], start[request + 1]):
            branch, tokens = (node, text[place]), length[place]
            known = longest.get(branch, 0) if common else 0
            held += min(known, tokens)
            common = known >= tokens
            longest[branch] = max(longest.get(branch, 0), tokens)
            node = node_after.setdefault((*branch, tokens), len(node_after) + 1)
        longest[node, -1 - request] = osl
    return held / float(requests.isl.sum(dtype=float))
