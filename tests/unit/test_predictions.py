import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.errors import DataError, InputError
from inferplan.measure.predictions import Prediction, read_predictions, write_predictions

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1)
FIGURES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
PREDICTIONS = st.builds(Prediction, NAMES, NAMES, FIGURES, FIGURES, FIGURES, NAMES)


@given(st.lists(PREDICTIONS, max_size=5))
def test_what_is_written_is_read_back(predictions: list[Prediction]) -> None:
    with TemporaryDirectory() as folder:
        write_predictions(f"{folder}/p.csv", predictions)
        assert read_predictions(f"{folder}/p.csv") == predictions


def test_a_figure_that_is_not_finite_becomes_a_refusal(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.csv", [Prediction("a", "req_s", math.nan, 0.0, math.inf)])
    assert read_predictions(tmp_path / "p.csv") == [Prediction("a", "req_s", None, 0.0, None)]


def test_a_missing_folder_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose a file in a folder that exists"):
        write_predictions(tmp_path / "absent" / "p.csv", [])


def test_a_malformed_figure_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("case_id,metric,predicted,lo90,hi90,reason\na,req_s,2,low,3,\n")
    with pytest.raises(DataError, match=r"p\.csv: line 2, column lo90: 'low' is not a number"):
        read_predictions(path)
