"""The measured results that ship: complete, cited, sorted, with names the catalogue knows."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

import inferplan
from inferplan.catalog.efficiency import engine
from inferplan.errors import UnknownNameError
from inferplan.measure import measured
from inferplan.measure.measured import caveats, measured_rows, sources
from inferplan.measure.outcome import metric_kind
from inferplan.measure.plans import model_of, plan_of

DATA = Path(inferplan.__file__).parent / "catalog" / "data" / "measured"
GRADES = {"", "A", "A-", "B+", "B", "B-", "B to C", "C"}
OTHER_ENGINES = {"ggml", "qserve"}


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


CASES, RESULTS = table("cases.csv"), table("results.csv")


@pytest.mark.parametrize(
    ("name", "columns", "key"),
    [
        ("sources.csv", measured.SOURCE_COLUMNS, ("id",)),
        ("cases.csv", measured.CASE_COLUMNS, ("case_id",)),
        ("results.csv", measured.RESULT_COLUMNS, ("case_id", "metric")),
        ("caveats.csv", ("code", "meaning"), ("code",)),
    ],
)
def test_a_table_is_sorted_by_a_key_that_is_there_once(name, columns, key):
    rows = table(name)
    assert tuple(rows[0]) == columns
    keys = [tuple(row[column] for column in key) for row in rows]
    assert keys == sorted(set(keys))


def test_every_result_has_a_case_and_every_case_a_result_and_a_source():
    assert {row["case_id"] for row in RESULTS} == {row["case_id"] for row in CASES}
    assert {row["source"] for row in CASES} == set(sources())


def test_every_result_is_cited():
    for row in measured_rows():
        assert row.source
        assert row.source_url_or_repo_path
        assert row.date
        assert row.value is not None
        assert row.value > 0


def test_sources_are_described_in_few_words():
    assert len({source.name for source in sources().values()}) == len(sources())
    for source in sources().values():
        assert source.who
        assert 0 < len(source.caveat) <= 100
        assert source.trust in GRADES
        assert source.first <= source.last


def test_cases_hold_codes_and_no_sentences():
    codes = {code for row in CASES for code in row["caveats"].split()}
    assert codes == set(caveats())
    longest = {column: max(len(row[column]) for row in CASES) for column in CASES[0]}
    assert all(
        size <= 60 for column, size in longest.items() if column not in ("locator", "caveats")
    )


def test_the_catalogue_knows_every_name():
    seen = {(row.hardware, row.model, row.weights, row.kv_cache): row for row in measured_rows()}
    for row in seen.values():
        assert model_of(row)
        assert plan_of(replace(row, n_accel=1, tp=1, pp=1, dp=1))


def test_engines_are_known_but_a_few():
    unknown = set()
    for name in {row.engine for row in measured_rows()}:
        try:
            engine(name)
        except UnknownNameError:
            unknown.add(name)
    assert unknown <= OTHER_ENGINES


def test_metrics_have_a_kind_or_are_power():
    for metric in {row.metric for row in measured_rows()}:
        assert metric_kind(metric) or metric.startswith("power")


def test_it_stays_small():
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 1_500_000


def test_a_malformed_number_names_its_line():
    case = CASES[0]
    result = {
        "case_id": case["case_id"],
        "metric": "req_s",
        "value": "fast",
        "unit": "",
        "scored": "1",
    }
    with pytest.raises(Exception, match=r"results.csv: line 2, column value: 'fast'"):
        measured.joined(sources(), [case], [result])
