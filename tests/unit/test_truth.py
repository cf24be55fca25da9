import math
from pathlib import Path

import pytest

from inferplan.errors import DataError
from inferplan.measure.truth import COLUMNS, read_truth

ROW = dict.fromkeys(COLUMNS, "") | {"case_id": "a", "metric": "req_s", "value": "2.5"}


def table(path: Path, **changes: str) -> Path:
    row = ROW | changes
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    return path


def test_cells_become_numbers_and_blanks_none(tmp_path: Path) -> None:
    changes = {"tp": "8", "isl": "222.3", "request_rate": "inf", "scored": "1"}
    (row,) = read_truth(table(tmp_path / "t.csv", **changes))
    assert (row.tp, row.isl, row.value, row.scored) == (8, 222.3, 2.5, True)
    assert row.request_rate == math.inf
    assert (row.pp, row.osl, row.concurrency_or_batch, row.split) == (None, None, None, "dev")


def test_split_is_read_where_it_is_there(tmp_path: Path) -> None:
    assert read_truth(table(tmp_path / "t.csv", split="held"))[0].split == "held"


def test_conditions_are_read_where_they_are_there(tmp_path: Path) -> None:
    stated = {"requests": "500", "max_num_seqs": "64", "length_ratio": "0.8", "past_tokens": "0"}
    (row,) = read_truth(table(tmp_path / "t.csv", **stated))
    assert (row.requests, row.max_num_seqs, row.length_ratio) == (500.0, 64, 0.8)
    assert (row.past_tokens, row.graph_tokens, row.max_num_batched_tokens) == (0.0, None, None)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"value": "fast"}, r"line 2, column value: 'fast' is not a number"),
        ({"value": "nan"}, r"line 2, column value: 'nan' is not a number"),
        ({"tp": "1.5"}, r"line 2, column tp: '1.5' is not a whole number"),
        ({"scored": "yes"}, r"line 2, column scored: 'yes' is neither 0 nor 1"),
        ({"requests": "0"}, r"column requests: 0.0 is below 1; correct it, or leave"),
        ({"past_tokens": "-1"}, r"column past_tokens: -1.0 is below 0"),
        ({"max_num_seqs": "0"}, r"column max_num_seqs: 0 is below 1"),
        ({"length_ratio": "1.5"}, r"column length_ratio: 1.5 is above 1"),
        ({"case_id": ""}, r"line 2, column case_id: is blank"),
        ({"notes": "one, two"}, r"line 2: has 27 cells, the header 26; quote"),
        ({"notes": '"open'}, r"line 2: unexpected end of data; check the quotes"),
    ],
)
def test_a_malformed_cell_names_its_place_and_the_fix(
    changes: dict[str, str], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=problem):
        read_truth(table(tmp_path / "t.csv", **changes))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1: the column case_id is missing; add it"),
        (b"caseid,metric\n", "the column case_id is missing; rename 'caseid'"),
        (",".join((*COLUMNS, "tp")).encode(), "the column tp is there twice"),
        (b"case_id\n\xff\n", "line 2: is not UTF-8 text"),
    ],
)
def test_a_malformed_file_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=problem):
        read_truth(tmp_path / "t.csv")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read \(No such file"):
        read_truth(tmp_path / "absent.csv")
