"""Replay recorded decisions of vLLM's scheduler, and say where ours differ.

A recording is a JSON document: settings, requests whose prompts are lists of segments, and
one row for every step of the engine loop (docs/parity.md describes it).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.serving.content import block_contents
from inferplan.serving.rules import EngineRules
from inferplan.serving.state import KernelRequests

Rows = npt.NDArray[np.int64]
ENGINES = {"0.32": "vllm 0.32"}
"""Version of the recorded engine -> our rules."""


def rules_of(config: dict[str, Any], version: str) -> EngineRules:
    """Our settings for a recording's."""
    policy = ENGINES[".".join(version.split(".")[:2])]
    same = {name: config[name] for name in EngineRules.__dataclass_fields__ if name in config}
    same |= {"policy": policy, "by_priority": config["policy"] == "priority"}
    return EngineRules(**same)


def requests_of(doc: dict[str, Any], rules: EngineRules) -> KernelRequests:
    """A recording's requests as the kernel's columns."""
    requests = doc["requests"]
    n = len(requests)
    isl = np.array([r["prompt_len"] for r in requests], np.int32)
    osl = np.array([r["max_tokens"] for r in requests], np.int32)
    start = np.zeros(n + 1, np.int64)
    np.cumsum([len(r["segments"]) for r in requests], out=start[1:])
    flat = [segment for r in requests for segment in r["segments"]]
    texts = [-1 - segment[1] if segment[0] == "out" else segment[0] for segment in flat]
    lengths = np.array([segment[-1] for segment in flat], np.int32)
    content, content_start = np.zeros(0, np.int64), np.zeros(n + 1, np.int64)
    if rules.enable_prefix_caching:
        segments = (start, np.array(texts, np.int64), lengths)
        content, content_start = block_contents(isl, osl, segments, rules.block_size)
    _, level = np.unique([r["priority"] for r in requests], return_inverse=True)
    return KernelRequests(
        isl=isl,
        osl=osl,
        arrival_s=np.array([r["arrival_step"] for r in requests], float),
        think_s=np.zeros(n),
        level=level.astype(np.int32),
        follower=np.full(n, -1, np.int32),
        route=np.full(n, -1, np.int32),
        content=content,
        content_start=content_start,
    )
