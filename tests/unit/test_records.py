from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.errors import DataError, InputError
from inferplan.files import replacing
from inferplan.metrics.summary import latency_arrays
from inferplan.serving import records
from inferplan.serving.digits import csv_rows
from inferplan.serving.fleet import make_fleet
from inferplan.serving.kernel.loop import advance
from inferplan.serving.records_read import read_records
from inferplan.serving.run import Run, run
from inferplan.workload.requests import Requests

N = 30


@pytest.fixture(scope="module")
def served() -> Run:
    spec, _ = find_model("llama-3-8b")
    fleet = make_fleet(spec, build_plan(spec, find_device("a100_sxm_80")), 640)
    osl = np.arange(N, dtype=np.int32) % 7 + 1  # some of a single token
    requests = Requests(np.arange(N) / 10, np.full(N, 300, np.int32), osl)
    return run(fleet, requests, bind=lambda state: partial(advance, state))  # no need to compile


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 1000 bytes."""
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_columns_are_those_documented_and_agree_with_the_metrics(served: Run) -> None:
    table = records.columns(served)
    assert list(table) == list(records.COLUMNS)
    assert {len(values) for values in table.values()} == {N}
    for name, (unit, meaning) in records.COLUMNS.items():
        assert meaning
        assert (unit == "s") == name.endswith("_s") == (table[name].dtype.kind == "f")
    expected = latency_arrays(
        served.arrival_s, served.first_token_s, served.finish_s, served.outputs.astype(int)
    )
    for metric, values in expected.items():
        np.testing.assert_array_equal(table[f"{metric}_s"], values)
    assert np.isnan(table["tpot_s"]).sum() == (served.outputs == 1).sum() > 0
    assert (table["queue_s"] >= 0).all()


@pytest.mark.parametrize("name", ["requests.csv", "requests.parquet"])
def test_what_is_written_is_read_back(served: Run, tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    records.write_records(served, tmp_path / name)
    found = read_records(tmp_path / name)
    expected = records.columns(served)
    assert list(found) == list(expected)
    for column, values in expected.items():
        assert found[column].dtype.kind == values.dtype.kind
        np.testing.assert_allclose(found[column], values, rtol=0, atol=5.1e-10, equal_nan=True)
    assert names(tmp_path) == [name]


def test_parquet_says_what_its_columns_are(served: Run, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    records.write_records(served, tmp_path / "r.parquet")
    schema = parquet.read_schema(tmp_path / "r.parquet")
    assert schema.field("ttft_s").metadata[b"unit"] == b"s"
    assert parquet.read_table(tmp_path / "r.parquet")["tpot_s"].null_count > 0


def test_chunks_join_without_a_seam(tmp_path: Path) -> None:
    n = 2 * records.CHUNK + 3
    path = tmp_path / "r.csv"
    records.write_columns({"request": np.arange(n), "e2e_s": np.arange(n) / 8}, path)
    lines = path.read_text().splitlines()
    assert lines[0] == "request,e2e_s"
    assert lines[1:] == [f"{i},{i / 8:.9f}" for i in range(n)]


@pytest.mark.parametrize("name", ["requests.csv", "requests.parquet"])
def test_records_written_in_parts_are_the_same(
    served: Run, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    records.write_records(served, tmp_path / f"whole-{name}")
    monkeypatch.setattr(records, "CHUNK", 7)
    monkeypatch.setattr(records, "GROUP", 11)
    records.write_records(served, tmp_path / name)
    found, expected = read_records(tmp_path / name), read_records(tmp_path / f"whole-{name}")
    for column, values in expected.items():
        np.testing.assert_array_equal(found[column], values)


def test_parquet_of_floats_only(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    records.write_columns({"arrival_s": np.array([0.5, np.nan])}, tmp_path / "r.parquet")
    found = read_records(tmp_path / "r.parquet", needed=["arrival_s"])
    np.testing.assert_array_equal(found["arrival_s"], [0.5, np.nan])


def test_numbers_are_written_as_python_would() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(0, 10.0**power, 200) for power in range(-12, 9)])
    values = np.round(values, 9)  # no ties between two last digits
    text = csv_rows({"i": np.round(values).astype(np.int64), "x": values}).decode().splitlines()
    for line, value in zip(text, values, strict=True):
        whole, number = line.split(",")
        assert int(whole) == round(value)
        assert float(number) == pytest.approx(value, abs=5e-10, rel=1e-15)
        assert len(number.partition(".")[2]) == 9


def test_blanks_and_huge_values() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0])
    assert csv_rows({"x": odd}) == b"\n\n\n0.000000000\n"
    with pytest.raises(InputError, match=r"^x: 100000000000.0 is too large"):
        csv_rows({"x": np.array([1e11])})


def test_an_empty_timeline_is_a_header(served: Run, tmp_path: Path) -> None:
    records.write_timeline(served, tmp_path / "t.csv")
    head, *rows = (tmp_path / "t.csv").read_text().splitlines()
    assert head.split(",") == list(records.TIMELINE_COLUMNS)
    assert len(rows) == len(served.timeline)
    records.write_columns({"time_s": np.zeros(0)}, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "time_s\n"


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("name", ["requests.csv", "requests.parquet"])
def test_a_full_disk_is_one_error_and_leaves_nothing(
    served: Run, tmp_path: Path, name: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match=rf"^--out: .*{name} cannot be written"):
        records.write_records(served, tmp_path / name, "--out")
    assert names(tmp_path) == []


def test_a_failure_on_the_way_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as stream:
        stream.write(b"%d" % (1 // 0))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]
    path.chmod(0o640)
    with replacing(path) as stream:
        stream.write(b"new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_missing_folder_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^path: .* cannot be written \(No such file"):
        records.write_columns({"x": np.zeros(1)}, tmp_path / "absent" / "r.csv")


def test_without_pyarrow_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(records, "import_module", absent)
    with pytest.raises(InputError, match=r"needs pyarrow; pip install 'inferplan\[parquet\]'"):
        records.write_columns({"x": np.zeros(1)}, tmp_path / "r.parquet")
    assert names(tmp_path) == []


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_blanks_order_and_other_columns_are_read(tmp_path: Path) -> None:
    text = '\ufeffnote,tpot_s,ttft_s,queue_s,outputs\n"a, b",,0.5,,3\n\nc,0.1,,,4\n'
    found = read_records(write(tmp_path / "r.csv", text), ["outputs"])
    assert {name: values.tolist() for name, values in found.items() if name != "queue_s"} == {
        "outputs": [3, 4],
        "ttft_s": [0.5, pytest.approx(np.nan, nan_ok=True)],
        "tpot_s": [pytest.approx(np.nan, nan_ok=True), 0.1],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arrival_s,finish_s,outputs\n1,2,3\n", "header: the column first_token_s is missing"),
        ("arrival_s,first_token_s,finish_s,outputs\n", "holds no record"),
        ("arrival_s,first_token_s,finish_s,outputs\n1,2,3,4\n1,x,3,4\n", "line 3: is not a row"),
        ("arrival_s,first_token_s,finish_s,outputs\n1,2,3,4\n1,2\n", "line 3: is not a row"),
        ("arrival_s,first_token_s,finish_s,outputs\n1,2,3,4.5\n", "outputs: 4.5 in row 1 is no"),
        ("arrival_s,first_token_s,finish_s,outputs\n1,2,3,\n", "outputs: a blank in row 1 is no"),
    ],
)
def test_bad_files_are_one_error_that_names_the_place(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_records(write(tmp_path / "r.csv", text))


def test_files_of_another_kind_are_one_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_records(tmp_path / "absent.csv")
    (tmp_path / "r.csv").write_bytes(b"outputs\n\xff\xfe\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_records(tmp_path / "r.csv", ["outputs"])
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="Parquet"):
        read_records(write(tmp_path / "r.parquet", "outputs\n1\n"))
