"""Errors name the field, the value, what is allowed, and the fix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.catalog.devices import device, devices
from inferplan.catalog.models import model
from inferplan.errors import (
    CannotPredictError,
    DataError,
    InferplanError,
    InputError,
    UnknownNameError,
    fold,
    nearest,
)


def test_one_hierarchy():
    for kind in (InputError, UnknownNameError, DataError, CannotPredictError):
        assert issubclass(kind, InferplanError)
        assert kind.exit_code != 0


def test_input_error_keeps_its_parts():
    error = InputError("--rate", -5, "is not above zero", "give requests per second")
    assert (error.field, error.value) == ("--rate", -5)
    assert (error.problem, error.fix) == ("is not above zero", "give requests per second")
    assert str(error) == "--rate: -5 is not above zero; give requests per second"


def test_data_error_names_file_and_place():
    assert str(DataError("x.csv", "row 3", "has no unit")) == "x.csv: row 3: has no unit"
    assert str(DataError("x.csv", "", "is empty")) == "x.csv: is empty"


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        device("h100sxn")
    assert "h100_sxm" in error.value.nearest
    assert "did you mean h100_sxm" in str(error.value)
    assert "list them with" in str(error.value)
    with pytest.raises(UnknownNameError, match="did you mean"):
        model("lama-3.1-8b")


def test_nothing_near_gives_the_listing_alone():
    error = UnknownNameError("device", "zzzzzz", ["h100_sxm"], "list them with: x")
    assert error.nearest == []
    assert str(error) == "device: 'zzzzzz' is not known; list them with: x"


@given(st.sampled_from(sorted(devices())))
def test_the_nearest_name_to_a_known_one_is_itself(name):
    assert nearest(name.upper().replace("_", "-"), devices())[0] == name


@given(st.text())
def test_folding_is_stable(text):
    assert fold(fold(text)) == fold(text)
    assert len(nearest(text, ["a", "b"])) <= 2
