"""Reads the recorded decisions of vLLM's scheduler (see shared/parity/README.md)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.reference.reference_simulator import Request, Rules

Recording = dict[str, Any]


def read(path: Path) -> Recording:
    document: Recording = json.loads(path.read_text())
    return document


def rows(document: Recording) -> Iterator[Recording]:
    """The steps with the short forms written out."""
    scheduled: list[tuple[int, int]] = []
    for values in document["steps"]:
        row = dict(zip(document["fields"], values, strict=True))
        if row["scheduled"] is not None:  # None: the same as in the row before
            scheduled = [(e, 1) if isinstance(e, int) else (e[0], e[1]) for e in row["scheduled"]]
        yield row | {"scheduled": scheduled, "admitted": [tuple(a) for a in row["admitted"]]}


def rules(document: Recording) -> Rules:
    config = dict(document["config"])
    asynchronous = config.pop("async_scheduling")
    return Rules(
        num_blocks=config.pop("num_gpu_blocks"),
        priority=config.pop("policy") == "priority",
        asynchronous=asynchronous,
        depth=2 if asynchronous else 1,
        **config,
    )


def requests(document: Recording) -> list[Request]:
    """Those of a recording; equal blocks with equal texts before them have the same number."""
    size = document["config"]["block_size"]
    caching = document["config"]["enable_prefix_caching"]
    numbers: dict[Any, int] = {}
    found = []
    for r in document["requests"]:
        output = [("out", r["id"], r["max_tokens"])]
        tokens = [token for part in [*r["segments"], *output] for token in _tokens(*part)]
        blocks, before = [], -1
        for start in range(0, len(tokens) - size + 1 if caching else 0, size):
            before = numbers.setdefault((before, *tokens[start : start + size]), len(numbers))
            blocks.append(before)
        found.append(
            Request(
                r["id"], float(r["arrival_step"]), r["prompt_len"], r["max_tokens"],
                priority=r["priority"], blocks=tuple(blocks),
            )
        )  # fmt: skip
    return found


def _tokens(*part: Any) -> list[Any]:
    """Of ``segment, length`` or ``"out", request, length``."""
    return [(*part[:-1], place) for place in range(part[-1])]


def per_request(request: Request) -> list[Any]:
    """The record of a request as the files have it."""
    return [
        int(request.first_scheduled_s),
        int(request.tokens_s[0]),
        int(request.finish_s),
        len(request.tokens_s),
        request.preemptions,
        request.cached,
    ]
