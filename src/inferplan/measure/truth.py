"""Measured end-to-end results: one row is one metric of one case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inferplan.measure.table import Line, read_lines

COLUMNS = (
    "case_id", "source", "source_url_or_repo_path", "date", "hardware", "n_accel",
    "tp", "pp", "dp", "model", "weights", "kv_cache", "engine", "engine_version",
    "scenario", "isl", "osl", "len_kind", "concurrency_or_batch", "request_rate",
    "metric", "value", "unit", "notes", "family", "scored",
)  # fmt: skip
"""Columns a truth table must have."""

OPTIONAL = (
    "split", "past_tokens", "graph_tokens", "requests", "max_num_seqs", "max_num_batched_tokens",
    "length_ratio",
)  # fmt: skip
"""Columns it may have as well."""


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One published measurement with its conditions, as the table states them.

    Parameters
    ----------
    case_id : str
        Rows with the same id share all conditions.
    source, source_url_or_repo_path, date : str
        Who measured it, where it is written, when.
    hardware : str
        Canonical device.
    n_accel : int or None
        Accelerators in the whole system; ``value`` is for all of them.
    tp, pp, dp : int or None
        Tensor and pipeline parallel width of a replica, and number of replicas.
        None: not stated, here and below.
    model, weights, kv_cache : str
        Model, weight format and KV cache format.
    engine, engine_version : str
        Serving software.
    scenario : str
        ``offline``, ``closed_loop``, ``poisson``, ``static_batch``, ``single_stream``.
    isl, osl : float or None
        Input and output length, or their means [tokens].
    len_kind : str
        ``fixed``, ``mean`` or ``dataset``.
    concurrency_or_batch : int or None
        Requests in flight; in ``offline``, all requests queued at t = 0.
    request_rate : float or None
        Arrivals [requests/s]; may be infinite.
    metric, unit : str
        What was measured, e.g. ``ttft_p50_ms``, and its unit.
    value : float or None
        The measurement, in *unit*.
    notes, family : str
        Caveats; model family.
    scored : bool
        False for rows kept for reference only.
    split : str
        Name of the part of the data the row belongs to.
    past_tokens, graph_tokens : float or None
        Tokens cached per sequence before a prefill; context a static graph always works on.
    requests : float or None
        Requests of the whole run.
    max_num_seqs, max_num_batched_tokens : int or None
        Engine knobs.
    length_ratio : float or None
        Lengths are drawn evenly from this share of ``isl`` and ``osl`` up to them.
    """

    case_id: str
    source: str
    source_url_or_repo_path: str
    date: str
    hardware: str
    n_accel: int | None
    tp: int | None
    pp: int | None
    dp: int | None
    model: str
    weights: str
    kv_cache: str
    engine: str
    engine_version: str
    scenario: str
    isl: float | None
    osl: float | None
    len_kind: str
    concurrency_or_batch: int | None
    request_rate: float | None
    metric: str
    value: float | None
    unit: str
    notes: str
    family: str
    scored: bool
    split: str = "dev"
    past_tokens: float | None = None
    graph_tokens: float | None = None
    requests: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    length_ratio: float | None = None


def read_truth(path: str | Path) -> list[TruthRow]:
    r"""Read a table of measurements.

    Parameters
    ----------
    path : str or Path
        CSV file with at least the :data:`COLUMNS`; the :data:`OPTIONAL` ones are read too.

    Returns
    -------
    list of TruthRow
        In the file's order.

    Raises
    ------
    DataError
        If the file cannot be read, or a column or a number is missing or malformed;
        it names the line, the column and the fix.

    Examples
    --------
    >>> import tempfile
    >>> row = dict.fromkeys(COLUMNS, "") | {"case_id": "a", "metric": "req_s", "value": "2.5"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "t.csv")
    ...     _ = path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    ...     read_truth(path)[0].value
    2.5
    """
    return [truth_row(line) for line in read_lines(path, COLUMNS)]


def truth_row(line: Line) -> TruthRow:
    """A row of a truth table from its cells.

    Parameters
    ----------
    line : Line
        Column -> text.

    Raises
    ------
    DataError
        If a number is malformed or a cell that every row needs is blank.

    Examples
    --------
    >>> truth_row(Line("t.csv", 2, {"case_id": "a", "metric": "req_s", "requests": "500"})).requests
    500.0
    """
    whole, real, text = line.whole_or_none, line.number_or_none, line.text
    return TruthRow(
        case_id=line.required("case_id"),
        source=text("source"),
        source_url_or_repo_path=text("source_url_or_repo_path"),
        date=text("date"),
        hardware=text("hardware"),
        n_accel=whole("n_accel"),
        tp=whole("tp"),
        pp=whole("pp"),
        dp=whole("dp"),
        model=text("model"),
        weights=text("weights"),
        kv_cache=text("kv_cache"),
        engine=text("engine"),
        engine_version=text("engine_version"),
        scenario=text("scenario"),
        isl=real("isl"),
        osl=real("osl"),
        len_kind=text("len_kind"),
        concurrency_or_batch=whole("concurrency_or_batch"),
        request_rate=real("request_rate"),
        metric=line.required("metric"),
        value=real("value"),
        unit=text("unit"),
        notes=text("notes"),
        family=text("family"),
        scored=line.flag("scored"),
        split=text("split", "dev"),
        past_tokens=real("past_tokens", low=0),
        graph_tokens=real("graph_tokens", low=0),
        requests=real("requests", low=1),
        max_num_seqs=whole("max_num_seqs", low=1),
        max_num_batched_tokens=whole("max_num_batched_tokens", low=1),
        length_ratio=real("length_ratio", low=0, high=1),
    )
