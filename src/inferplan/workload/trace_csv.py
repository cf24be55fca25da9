"""Traces in CSV: Azure, BurstGPT, our own plain columns, and tables of lengths only."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import Bools, Floats
from inferplan.workload.segments import prefix_segments
from inferplan.workload.trace_text import Table, csv_table, numbers
from inferplan.workload.trace_types import FIELD, Rows

AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
BURSTGPT = ("Timestamp", "Request tokens", "Response tokens")
PLAIN = ("arrival_s", "isl", "osl")
PLAIN_MORE = ("priority", "prefix", "prefix_tokens")
LENGTHS = (
    ("num_prefill_tokens", "num_decode_tokens"),
    ("input_length", "output_length"),
    PLAIN[1:],
    AZURE[1:],
    BURSTGPT[1:],
)
"""Pairs of columns, prompt then output, that :func:`read_length_rows` looks for."""


def read_azure(lines: list[str]) -> Rows:
    """Azure LLM inference traces of 2023 and 2024: a calendar time and two token counts.

    Time is counted from the first request, in whole microseconds.

    Parameters
    ----------
    lines : list of str
        Header ``TIMESTAMP,ContextTokens,GeneratedTokens`` and rows.

    References
    ----------
    Azure/AzurePublicDataset, ``data/AzureLLMInferenceTrace_*``, CC-BY 4.0; Patel et al.,
    Splitwise, ISCA 2024.

    Examples
    --------
    >>> rows = read_azure([",".join(AZURE), "2023-11-16 18:15:46.6805900,374,44"])
    >>> rows.isl.tolist(), rows.from_first
    ([374.0], True)
    """
    table = csv_table(lines)
    times = calendar_seconds(table.texts(AZURE[0]))
    return Rows(
        line=table.line,
        arrival_s=times,
        isl=table.numbers(AZURE[1]),
        osl=table.numbers(AZURE[2]),
        bad=_ragged(table) | {"TIMESTAMP is not a time": np.isnan(times)},
        names=AZURE,
        from_first=True,
    )


def read_burstgpt(lines: list[str]) -> Rows:
    """BurstGPT traces, with or without the columns Session ID and Elapsed time.

    A request that failed has 0 response tokens; it counts as a bad row, so it is never
    dropped unseen. Time [s] is counted from the first request.

    Parameters
    ----------
    lines : list of str
        Header ``Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type``, or the
        longer one, and rows.

    References
    ----------
    HPMLL/BurstGPT, ``data/BurstGPT_*.csv`` and README, CC-BY 4.0; Wang et al., arXiv 2401.17644.

    Examples
    --------
    >>> head = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"
    >>> rows = read_burstgpt([head, "5,ChatGPT,472,0,472,Conversation log"])
    >>> {reason: mask.tolist() for reason, mask in rows.bad.items() if mask.any()}
    {'Response tokens are 0 (a failed request)': [True]}
    """
    table = csv_table(lines)
    osl = table.numbers(BURSTGPT[2])
    return Rows(
        line=table.line,
        arrival_s=table.numbers(BURSTGPT[0]),
        isl=table.numbers(BURSTGPT[1]),
        osl=osl,
        bad=_ragged(table) | {"Response tokens are 0 (a failed request)": osl == 0},
        names=BURSTGPT,
        from_first=True,
    )


def read_plain_csv(lines: list[str]) -> Rows:
    """Our own columns: ``arrival_s,isl,osl`` and, if wanted, priority and a shared prefix.

    Prompts whose ``prefix`` is the same begin with the same ``prefix_tokens`` tokens; both are
    left empty where nothing is shared. Times are kept as they are.

    Parameters
    ----------
    lines : list of str
        Header and rows; other columns are not read.

    Examples
    --------
    >>> rows = read_plain_csv(["arrival_s,isl,osl", "0,100,10", "0.5,200,20"])
    >>> rows.arrival_s.tolist()
    [0.0, 0.5]
    """
    table = csv_table(lines)
    rows = Rows(
        line=table.line,
        arrival_s=table.numbers("arrival_s"),
        isl=table.numbers("isl"),
        osl=table.numbers("osl"),
        priority=table.numbers("priority") if "priority" in table.columns else None,
        bad=_ragged(table),
    )
    if "prefix" not in table.columns:
        return rows
    tokens = [text.strip() or "0" for text in table.texts("prefix_tokens")]
    return with_prefixes(rows, list(table.texts("prefix")), numbers(tokens))


def with_prefixes(rows: Rows, names: list[str], tokens: Floats) -> Rows:
    """The same rows with prompts that begin with a named text.

    Parameters
    ----------
    rows : Rows
        Of n requests.
    names : list of str
        The text that each prompt begins with, empty for none; n of them.
    tokens : ndarray of float64, shape (n,)
        Its length [tokens], 0 for none.

    Examples
    --------
    >>> plain = read_plain_csv(["arrival_s,isl,osl", "0,100,10", "0.5,200,20"])
    >>> with_prefixes(plain, ["a", "a"], np.array([40.0, 40.0])).segments.text.tolist()
    [0, 1, 0, 2]
    """
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    text = np.array([known[name] for name in names], dtype=np.int64)
    named = np.array([bool(name.strip()) for name in names])
    whole = (tokens >= 0) & (tokens == np.rint(tokens))
    bad = rows.bad | {
        "prefix_tokens is not a whole number": ~whole,
        "prefix_tokens is above isl": tokens > rows.isl,
        "prefix and prefix_tokens do not go together": named != (tokens > 0),
    }
    isl = np.where((rows.isl >= 1) & (rows.isl < 2**31), rows.isl, 1).astype(np.int64)
    held = np.where(whole & named & (tokens <= isl), tokens, 0).astype(np.int64)
    segments = prefix_segments(isl.astype(np.int32), text, held, len(known))
    return replace(rows, segments=segments, bad=bad)


def read_length_rows(lines: list[str]) -> Rows:
    """Prompt and output lengths of any CSV that has a known pair of columns; no times.

    Raises
    ------
    InputError
        If no known pair is among the columns.

    References
    ----------
    microsoft/vidur ``data/processed_traces`` (``num_prefill_tokens,num_decode_tokens``).

    Examples
    --------
    >>> read_length_rows(["input_length,output_length", "146,1691"]).osl.tolist()
    [1691.0]
    """
    table = csv_table(lines)
    for isl, osl in LENGTHS:
        if isl in table.columns and osl in table.columns:
            return Rows(
                line=table.line,
                isl=table.numbers(isl),
                osl=table.numbers(osl),
                bad=_ragged(table),
                names=("", isl, osl),
            )
    known = "; ".join(",".join(pair) for pair in LENGTHS)
    found = ",".join(table.columns)
    raise InputError(FIELD, found, "are no known length columns", f"name a pair as one of: {known}")


def calendar_seconds(texts: tuple[str, ...]) -> Floats:
    """Calendar times as seconds since 1970 (UTC), NaN where a text is none.

    Parameters
    ----------
    texts : tuple of str
        ISO 8601 with any number of decimals; a time without a zone is UTC.

    Returns
    -------
    ndarray of float64, shape (n,)
        Seconds, exact to a microsecond.

    Examples
    --------
    >>> calendar_seconds(("1970-01-01 00:01:00.5000000", "1970-01-01 00:00:01+00:00")).tolist()
    [60.5, 1.0]
    """
    plain = [text.strip().removesuffix("+00:00").removesuffix("Z") for text in texts]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy only warns of a zone it ignores
            micros = np.array(plain, dtype="datetime64[us]")
    except (ValueError, UserWarning):
        micros = np.array([_micros(text) for text in plain], dtype="datetime64[us]")
    count = micros.astype(np.int64)
    return np.where(np.isnat(micros) | (count < 0), np.nan, count / 1e6)


def _micros(text: str) -> np.datetime64:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return np.datetime64("NaT")
    moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return np.datetime64(moment, "us")


def _ragged(table: Table) -> dict[str, Bools]:
    return {f"has not the {len(table.columns)} fields of the header": table.ragged}
