"""Trace readers: every format, every kind of bad row, detection, order, packing."""

import gzip
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from inferplan.errors import InputError, UnknownNameError
from inferplan.workload.sharing import reusable_share
from inferplan.workload.trace_csv import calendar_seconds
from inferplan.workload.trace_types import TraceOptions
from inferplan.workload.traces import KINDS, read_lengths, read_trace

TRACES = Path(__file__).parents[1] / "data" / "traces"
SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared")) / "traces"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="third-party traces are not here")
SKIP = TraceOptions(skip_bad=True)


def written(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_azure():
    trace = read_trace(TRACES / "azure.csv")
    assert (trace.kind, trace.rows, trace.skipped, trace.was_sorted) == ("azure", 3, (), True)
    assert trace.requests.arrival_s.tolist() == pytest.approx([0, 4.314579, 13.31941], abs=1e-6)
    assert trace.requests.isl.tolist() == [374, 396, 879]
    assert trace.requests.osl.tolist() == [44, 109, 55]
    assert str(trace).startswith("3 requests from ")


def test_sorting_is_a_decision():
    path = TRACES / "azure_unsorted.csv"
    with pytest.raises(InputError, match=r"is not sorted \(line 3 is earlier .*--sort-trace"):
        read_trace(path)
    trace = read_trace(path, options=TraceOptions(sort=True))
    assert trace.requests.isl.tolist() == [100, 200, 300]
    assert trace.requests.arrival_s.tolist() == pytest.approx([0, 1.00993, 2.5], abs=1e-6)
    assert not trace.was_sorted
    assert str(trace).endswith("; sorted by arrival")


def test_bad_azure_rows_are_named():
    path = TRACES / "azure_bad.csv"
    with pytest.raises(InputError) as caught:
        read_trace(path)
    told = str(caught.value)
    assert "has 7 rows of 9 that cannot be used (line 3: TIMESTAMP is not a time, line 4: " in told
    assert "and 4 more" in told
    assert "--skip-bad-rows (skip_bad=True)" in told


def test_bad_azure_rows_are_counted_when_skipped():
    trace = read_trace(TRACES / "azure_bad.csv", options=SKIP)
    assert trace.requests.isl.tolist() == [374, 20]
    assert (trace.rows, trace.skipped_rows) == (9, 7)
    assert sorted(line for part in trace.skipped for line in part.lines) == [3, 4, 5, 7, 8, 9, 10]
    assert "left out 1 x GeneratedTokens is below 1 (line 9)" in str(trace)


def test_mooncake():
    requests = read_trace(TRACES / "mooncake.jsonl").requests
    assert requests.arrival_s.tolist() == [0, 3, 3]
    assert requests.segments is not None
    assert requests.segments.text.tolist() == [0, 1, 0, 1, 2, 0]
    assert requests.segments.length.tolist() == [512, 188, 512, 512, 76, 512]
    assert reusable_share(requests) == (512 + 188 + 512) / 2312


def test_bad_mooncake_rows():
    with pytest.raises(InputError, match="line 2: is not a JSON object, line 3: is not a JSON obj"):
        read_trace(TRACES / "mooncake_bad.jsonl")
    trace = read_trace(TRACES / "mooncake_bad.jsonl", options=SKIP)
    reasons = {part.reason: part.lines for part in trace.skipped}
    assert reasons == {
        "is not a JSON object": (2, 3),
        "hash_ids is not a list of whole numbers": (5, 6, 8),
        "hash_ids does not name one block for every 512 tokens": (4,),
        "timestamp is not a number": (7,),
    }
    assert trace.requests.segments is not None
    assert trace.requests.segments.text.tolist() == [0, 1, 9]


def test_failed_burstgpt_requests_are_not_dropped_unseen():
    with pytest.raises(InputError, match=r"line 4: Response tokens are 0 \(a failed request\)"):
        read_trace(TRACES / "burstgpt.csv")
    trace = read_trace(TRACES / "burstgpt.csv", options=SKIP)
    assert trace.requests.arrival_s.tolist() == [0, 40, 115]
    assert trace.skipped[0].lines == (4,)


def test_burstgpt_with_sessions_starts_at_zero():
    requests = read_trace(TRACES / "burstgpt_sessions.csv").requests
    assert requests.arrival_s.tolist() == [0, 51.5]


@pytest.mark.parametrize("name", ["plain.csv", "plain.jsonl"])
def test_plain(name):
    trace = read_trace(TRACES / name)
    requests = trace.requests
    assert trace.kind == "plain"
    assert requests.arrival_s.tolist() == [0, 0.5, 1, 2]
    assert requests.priority.tolist() == [0, 1, 0, -2]
    assert requests.segments is not None
    assert requests.segments.length.tolist() == [40, 60, 40, 160, 50, 300]
    assert requests.route[0] == requests.route[1]
    assert len(set(requests.segments.text.tolist())) == 5


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("0,10,1,0,a,11", "prefix_tokens is above isl"),
        ("0,10,1,0,a,", "prefix and prefix_tokens do not go together"),
        ("0,10,1,0,,5", "prefix and prefix_tokens do not go together"),
        ("0,10,1,0,a,2.5", "prefix_tokens is not a whole number"),
        ("0,10,1,0,a,x", "prefix_tokens is not a whole number"),
        ("0,10,1,0.5,,", "priority is not a whole number"),
        ("0,10,1,x,,", "priority is not a whole number"),
        ("-1,10,1,0,,", "arrival_s is below zero"),
        ("inf,10,1,0,,", "arrival_s is not finite"),
        (",10,1,0,,", "arrival_s is not a number"),
        ("0,10,1,0,,,9", "has not the 6 fields of the header"),
        ("0,10.5,1,0,a,5", "isl is not whole"),
        ("0,1e400,1,0,a,5", "isl is beyond"),
    ],
)
def test_bad_plain_rows(tmp_path, row, said):
    head = "arrival_s,isl,osl,priority,prefix,prefix_tokens"
    path = written(tmp_path, f"{head}\n{row}\n0,10,1,0,a,5\n")
    with pytest.raises(InputError, match=f"line 2: {said}"):
        read_trace(path)
    assert read_trace(path, options=SKIP).requests.n == 1


def test_limit_and_rate():
    options = TraceOptions(limit=2, rate_factor=2.0)
    requests = read_trace(TRACES / "plain.csv", options=options).requests
    assert requests.arrival_s.tolist() == [0, 0.25]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"limit": 0}, "--limit: 0 is below 1"),
        ({"rate_factor": 0.0}, "rate factor"),
        ({"start_s": -1.0}, "start"),
        ({"span_s": 0.0}, "span"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_options_have_ranges(values, said):
    with pytest.raises(InputError, match=said):
        TraceOptions(**values)


def test_gzip_byte_order_mark_and_line_ends(tmp_path):
    text = "\ufeffarrival_s,isl,osl\r\n\r\n0,10,1\r\n"
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert read_trace(tmp_path / "t.csv.gz").requests.isl.tolist() == [10]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe\x00", "is not text"),
        (b"\x1f\x8bjunk", "cannot be read"),
        (gzip.compress(b"arrival_s,isl,osl\n0,1,1", mtime=0)[:-9], "cannot be read"),
        (b"arrival_s,isl,osl\n", "trace: arrival_s,isl,osl is a header without rows"),
        (b"arrival_s,isl,isl,osl\n0,1,2,3\n", "trace: column 'isl' stands twice in the header"),
        (b"arrival_s,isl,osl\n0," + b"1" * 200_000 + b",1\n", "trace: line 2 is not CSV"),
        (b"arrival_s,isl,osl\n0,0,0\n", "has 1 row of 1 that cannot be used"),
        (b"when,what\n0,1\n", "begins with 'when,what', which is no known trace format; known are"),
        (b'{"a": 1}\n', "is no known trace format"),
        (b"{broken\n", "is no known trace format"),
        (b'{"chat_id": 1, "timestamp": 0, "input_length": 5, "output_length": 5, "hash_ids": []}',
         "is no known trace format"),
        (b"isl,osl\n1,1\n", "holds lengths but no times"),
    ],
)  # fmt: skip
def test_unusable_files(tmp_path, data, said):
    path = tmp_path / "trace"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_trace(path)


def test_unknown_formats_list_the_known(tmp_path):
    path = written(tmp_path, "x" * 99)
    with pytest.raises(InputError) as caught:
        read_trace(path)
    assert all(f"{kind}: " in str(caught.value) for kind in KINDS)
    assert "xxx...'" in str(caught.value)
    with pytest.raises(UnknownNameError, match="did you mean azure"):
        read_trace(path, "azur")
    with pytest.raises(InputError, match="does not exist"):
        read_trace(tmp_path / "nowhere")


def test_a_named_format_needs_its_columns(tmp_path):
    path = written(tmp_path, "arrival_s,isl\n0,1\n")
    with pytest.raises(InputError, match="column 'osl' is missing; its columns are arrival_s,isl"):
        read_trace(path, "plain")
    with pytest.raises(InputError, match="column 'Response tokens' is missing"):
        read_trace(path, "burstgpt")


def test_no_usable_row_is_an_error_even_when_skipping(tmp_path):
    path = written(tmp_path, "arrival_s,isl,osl\n0,0,0\n")
    with pytest.raises(InputError, match="has no usable row: 1 x isl is below 1"):
        read_trace(path, options=SKIP)


def test_csv_that_is_none(tmp_path):
    path = written(tmp_path, "arrival_s,isl,osl\n0," + "1" * 140_000 + ",1\n")
    with pytest.raises(InputError, match="line 2 is not CSV"):
        read_trace(path)


def test_deep_or_huge_json_is_a_bad_row(tmp_path):
    good = '{"arrival_s": 0, "isl": 5, "osl": 5}\n'
    deep, huge = "[" * 200_000 + "\n", good.replace("5", "9" * 400) + "\n"
    trace = read_trace(written(tmp_path, good + deep + huge), options=SKIP)
    assert (trace.requests.n, trace.skipped_rows) == (1, 2)


def test_calendar_times():
    seconds = calendar_seconds(
        (
            "1970-01-02",
            "1970-01-01T01:00:00+01:00",
            "1970-01-01 00:00:00.25Z",
            "x",
            "",
            "1969-12-31",
        )
    )
    assert seconds[:3].tolist() == [86400, 0, 0.25]
    assert np.isnan(seconds[3:]).all()


def test_lengths():
    found = read_lengths(TRACES / "lengths.csv")
    assert (found.pairs.isl.tolist(), found.pairs.osl.tolist()) == ([3772, 2015], [54, 156])
    assert read_lengths(TRACES / "azure.csv").pairs.isl.tolist() == [374, 396, 879]
    with pytest.raises(InputError, match=r"has 2 rows of 4 .*line 3: output_length is not a num"):
        read_lengths(TRACES / "lengths_bad.csv")
    kept = read_lengths(TRACES / "lengths_bad.csv", skip_bad=True)
    assert kept.pairs.osl.tolist() == [1691, 398]
    assert [part.lines for part in kept.skipped] == [(4,), (3,)]
    with pytest.raises(InputError, match="are no known length columns"):
        read_lengths(TRACES / "mooncake.jsonl")


def test_servegen_folder():
    options = TraceOptions(span_s=1800.0)
    trace = read_trace(TRACES / "servegen", options=options)
    requests = trace.requests
    assert (trace.kind, requests.n) == ("servegen", 60 + 150 + 30)
    assert (np.diff(requests.arrival_s) >= 0).all()
    assert requests.arrival_s[-1] <= 1800
    assert set(requests.isl.tolist()) == {40, 100, 300}
    assert set(requests.osl.tolist()) == {7, 1000, 2000}
    second = requests.isl[(requests.arrival_s > 600) & (requests.arrival_s < 1200)]
    assert not len(second)  # client 0 sleeps


def test_servegen_archive_is_the_same(tmp_path):
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as archive:
        archive.add(TRACES / "servegen", "data")
    packed = read_trace(tmp_path / "set.tar.gz").requests
    assert (packed.arrival_s == read_trace(TRACES / "servegen").requests.arrival_s).all()


def test_servegen_stretches_agree_and_seeds_differ():
    whole = read_trace(TRACES / "servegen", options=TraceOptions(span_s=1800.0)).requests
    part = read_trace(TRACES / "servegen", options=TraceOptions(start_s=1300.0, span_s=400.0))
    inside = (whole.arrival_s >= 1300) & (whole.arrival_s < 1700)
    assert np.allclose(part.requests.arrival_s, whole.arrival_s[inside] - 1300)
    assert (part.requests.isl == whole.isl[inside]).all()
    other = read_trace(TRACES / "servegen", options=TraceOptions(span_s=1800.0, seed=1)).requests
    assert other.n == whole.n
    assert not np.allclose(other.arrival_s, whole.arrival_s)


def test_servegen_uses_the_enclosing_hours_rate_and_limit():
    late = TraceOptions(start_s=21600.0, span_s=600.0, rate_factor=2.0, limit=20)
    trace = read_trace(TRACES / "servegen", options=late)
    assert (trace.rows, trace.requests.n) == (24, 20)
    assert set(trace.requests.isl.tolist()) == {41}


def changed(folder: Path, **files: str | None) -> Path:
    for source in (TRACES / "servegen").rglob("chunk-*"):
        (folder / source.name).write_text(source.read_text())
    for name, text in files.items():
        path = folder / name.replace("__", ".").replace("_", "-")
        path.unlink() if text is None else path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"chunk_7_trace__csv": "0,0.05,1\n"}, "chunk-7 line 1 is not start,rate,cv"),
        ({"chunk_7_trace__csv": "0,0.05,1,Pareto,1,1\n"}, "chunk-7 line 1 is not start,rate"),
        ({"chunk_7_trace__csv": "0,nan,1,Gamma,1,1\n"}, "chunk-7 line 1 is not start,rate"),
        ({"chunk_7_dataset__json": None}, "chunk-7 has no dataset.json beside it"),
        ({"chunk_7_dataset__json": "[]"}, "histograms by start time"),
        ({"chunk_7_dataset__json": "{}"}, "has no input_tokens where it has requests"),
        ({"chunk_7_dataset__json": '{"0": {"input_tokens": "{}"}}'}, "is not a histogram"),
        ({"chunk_7_dataset__json": '{"0": {"input_tokens": "{0: 1}"}}'}, "is not a histogram"),
        ({"chunk_7_dataset__json": '{"0": {"input_tokens": "{a: 1}"}}'}, "is not a histogram"),
    ],
)
def test_bad_servegen_files(tmp_path, files, said):
    with pytest.raises(InputError, match=said):
        read_trace(changed(tmp_path, **files))


def test_servegen_clients_without_lengths_can_be_left_out(tmp_path):
    trace = read_trace(changed(tmp_path, chunk_7_dataset__json=None), options=SKIP)
    assert trace.requests.n == 60 + 150
    assert "chunk-7 has no dataset.json" in str(trace)


def test_servegen_parts(tmp_path):
    changed(tmp_path).joinpath("other").mkdir()
    changed(tmp_path / "other")
    with pytest.raises(InputError, match=r"has 2 parts; choose one with --trace-part .*other"):
        read_trace(tmp_path)
    assert read_trace(tmp_path, options=TraceOptions(part="other")).requests.n == 240
    with pytest.raises(InputError, match="has no single part 'third'"):
        read_trace(tmp_path, options=TraceOptions(part="third"))


def test_servegen_quiet_stretches_and_strangers(tmp_path):
    with pytest.raises(InputError, match="has no request from 5000 s to 5600 s"):
        read_trace(TRACES / "servegen", options=TraceOptions(start_s=5000.0, span_s=600.0))
    with pytest.raises(InputError, match="holds no ServeGen files"):
        read_trace(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_trace(TRACES / "plain.csv", "servegen")


@needs_shared
@pytest.mark.parametrize(
    ("name", "rows", "isl", "osl", "most_s"),
    [
        ("AzureLLMInferenceTrace_conv_2023.csv", 19_366, 1154.7, 211.1, 0.15),
        ("AzureLLMInferenceTrace_code_2023.csv", 8_819, 2047.8, 27.9, 0.15),
        ("mooncake_conversation_trace.jsonl", 12_031, 12_035.1, 342.6, 0.6),
    ],
)
def test_published_traces(name, rows, isl, osl, most_s):
    read_trace(SHARED / name)
    start = time.process_time()
    requests = read_trace(SHARED / name).requests
    assert time.process_time() - start < 4 * most_s  # a shared machine may be four times slower
    assert requests.n == rows
    assert requests.mean_isl == pytest.approx(isl, abs=0.1)
    assert requests.mean_osl == pytest.approx(osl, abs=0.1)


@needs_shared
def test_published_sharing_and_servegen():
    conversation = read_trace(SHARED / "mooncake_conversation_trace.jsonl").requests
    assert reusable_share(conversation) == pytest.approx(0.374, abs=0.001)
    packed = SHARED / "servegen_reason_deepseek-r1_and_mm-image.tar.gz"
    day = read_trace(packed, options=TraceOptions(part="deepseek-r1", span_s=86400.0)).requests
    assert day.n / 86400 == pytest.approx(16.0, abs=0.05)
    assert day.mean_isl == pytest.approx(1268, rel=0.01)
    assert day.mean_osl == pytest.approx(1527, rel=0.01)
    with pytest.raises(InputError, match="multimodal ones are not read"):
        read_trace(packed, options=TraceOptions(part="mm-image"))
    found = read_lengths(SHARED / "sharegpt_vicuna_lengths.csv", skip_bad=True)
    assert len(found.pairs) + sum(len(part.lines) for part in found.skipped) == 81_494
