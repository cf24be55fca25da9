"""Read recorded decisions of vLLM's scheduler; docs/parity.md describes the files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.errors import DataError, InputError
from inferplan.serving.decisions import Ints, Lists, Steps
from inferplan.serving.recording_columns import (
    MOST,
    RECORD,
    BadField,
    column,
    get,
    per_request_of,
    short,
    steps_of,
)
from inferplan.serving.rules import EngineRules

ENGINES = {"0.32": "vllm 0.32"}
"""Version of the recorded engine -> the rules that are its own."""

CONFIG: dict[str, tuple[type, ...]] = {
    "block_size": (int,),
    "num_gpu_blocks": (int,),
    "max_num_seqs": (int,),
    "max_num_batched_tokens": (int,),
    "max_model_len": (int,),
    "max_num_active_seqs": (int, type(None)),
    "long_prefill_token_threshold": (int,),
    "long_prefill_token_threshold_adaptive": (bool,),
    "watermark": (float, int),
    "enable_prefix_caching": (bool,),
    "enable_chunked_prefill": (bool,),
    "scheduler_reserve_full_isl": (bool,),
    "async_scheduling": (bool,),
    "policy": (str,),
}
"""The settings of a recording and their types."""

WORDS = {
    (int,): f"a whole number from 0 to {MOST - 1}",
    (int, type(None)): f"null or a whole number from 0 to {MOST - 1}",
    (float, int): "a number of at least 0",
    (bool,): "true or false",
    (str,): "a text",
}
BY_PRIORITY = {"fcfs": False, "priority": True}
"""vLLM's setting ``policy``."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What an engine was asked and what it decided.

    Parameters
    ----------
    path : Path
        The file.
    version : str
        Of vLLM.
    rules : EngineRules
        Its settings.
    arrival_step, isl, osl, priority : int64 [n]
        Its requests.
    segments : (int64 [n + 1], int64 [m], int32 [m])
        Their prompts, as for :func:`inferplan.serving.content.block_contents`.
    steps : Steps
        Its decisions.
    per_request : (int64 [n, 5], Lists) or None
        What became of each request, and its cached tokens at each admission.
    """

    path: Path
    version: str
    rules: EngineRules
    arrival_step: Ints
    isl: Ints
    osl: Ints
    priority: Ints
    segments: tuple[Ints, Ints, npt.NDArray[np.int32]]
    steps: Steps
    per_request: tuple[Ints, Lists] | None


def read_recording(path: Path) -> Recording:
    """Read and check a recording.

    Raises
    ------
    DataError
        If it is not one, or is of an engine whose rules are not known; it names the field and
        the fix.
    """
    try:
        return _recording(path, _document(path))
    except BadField as bad:
        raise DataError(path, bad.place, bad.problem) from None


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadField("", f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise BadField("", f"is not JSON ({error}); {RECORD}") from None
    if not isinstance(document, dict):
        raise BadField("", f"is not a recording, which is a JSON object; {RECORD}")
    if not document.keys() & {"vllm", "config", "requests", "steps"}:
        found = f"of {short(document['schema'])} " if "schema" in document else ""
        raise BadField("", f"is JSON {found}but not a recording; {RECORD}")
    return document


def _recording(path: Path, document: dict[str, Any]) -> Recording:
    version = get(document, "vllm", str)
    rules = _rules(get(document, "config", dict), _policy(version))
    requests = get(document, "requests", list)
    if not 0 < len(requests) < MOST:
        raise BadField("requests", f"has {len(requests)} entries; a recording has at least one")
    isl = column(requests, "prompt_len", 1)
    recording = Recording(
        path=path,
        version=version,
        rules=rules,
        arrival_step=column(requests, "arrival_step", 0),
        isl=isl,
        osl=column(requests, "max_tokens", 1),
        priority=column(requests, "priority", -MOST),
        segments=_segments(requests, isl),
        steps=steps_of(document),
        per_request=per_request_of(document, len(requests)),
    )
    _check_order(column(requests, "id", 0), recording.arrival_step)
    _check_room(recording)
    return recording


def _policy(version: str) -> str:
    policy = ENGINES.get(".".join(version.split(".")[:2]))
    if policy is None:
        known = ", ".join(ENGINES)
        problem = f"the rules of version {short(version)} are not known"
        raise BadField("vllm", f"{problem}; record with vLLM {known}")
    return policy


def _rules(config: dict[str, Any], policy: str) -> EngineRules:
    """Our settings for a recording's."""
    for name in config.keys() - CONFIG.keys():
        raise BadField(f"config.{name}", "is a setting that the format does not have; leave it out")
    for name, kinds in CONFIG.items():
        value = get(config, name, object, "config.")
        if type(value) not in kinds or not (type(value) is str or 0 <= (value or 0) < MOST):
            raise BadField(f"config.{name}", f"{short(value)} is not {WORDS[kinds]}")
    queue = config["policy"]
    if queue not in BY_PRIORITY:
        raise BadField("config.policy", f"{short(queue)} is not {' or '.join(BY_PRIORITY)}")
    settings = config | {"policy": policy}
    try:
        return EngineRules(by_priority=BY_PRIORITY[queue], **settings)
    except InputError as error:
        problem = f"{error.value} {error.problem}; {error.fix}"
        raise BadField(f"config.{error.field}", problem) from None


def _segments(requests: list[Any], isl: Ints) -> tuple[Ints, Ints, npt.NDArray[np.int32]]:
    """The prompts; the output of request j is the text -1 - j."""
    texts: list[int] = []
    lengths: list[int] = []
    start = np.zeros(len(requests) + 1, np.int64)
    for i, request in enumerate(requests):
        place = f"requests[{i}].segments"
        total = 0
        for segment in get(request, "segments", list, f"requests[{i}]."):
            text, length = _segment(segment, place, len(requests))
            texts.append(text)
            lengths.append(length)
            total += length
        start[i + 1] = len(texts)
        if total != isl[i]:
            raise BadField(place, f"have {total} tokens, and prompt_len is {isl[i]}; {RECORD}")
    return start, np.array(texts, np.int64), np.array(lengths, np.int32)


def _segment(segment: Any, place: str, requests: int) -> tuple[int, int]:
    """Text and length of a part of a prompt."""
    output = isinstance(segment, list) and segment[:1] == ["out"]
    numbers, most = (segment[1:], requests) if output else (segment, 1 << 62)
    if isinstance(numbers, list) and [*map(type, numbers)] == [int, int]:
        text, length = numbers
        if 0 <= text < most and 0 < length < MOST:
            return (-1 - text if output else text), length
    shape = '[text, tokens] or ["out", request, tokens]'
    raise BadField(place, f"{short(segment)} is not {shape}; {RECORD}")


def _check_order(ids: Ints, arrival_step: Ints) -> None:
    wrong = np.flatnonzero(ids != np.arange(len(ids)))
    if len(wrong):
        i = wrong[0]
        raise BadField(f"requests[{i}].id", f"is {ids[i]}, not {i}; number them in order")
    early = 1 + np.flatnonzero(np.diff(arrival_step) < 0)
    if len(early):
        place = f"requests[{early[0]}].arrival_step"
        raise BadField(place, "is before that of the request above; list them in order of arrival")


def _check_room(recording: Recording) -> None:
    """Every request can be served at some time."""
    rules = recording.rules
    held = np.minimum(recording.isl + recording.osl, rules.max_model_len)
    never = np.flatnonzero((held > rules.pool_tokens) | (recording.isl >= rules.max_model_len))
    if len(never):
        room = f"max_model_len {rules.max_model_len} and a pool of {rules.pool_tokens} tokens"
        raise BadField(f"requests[{never[0]}]", f"can never be served with {room}; leave it out")
