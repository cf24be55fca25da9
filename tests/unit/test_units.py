"""Text to SI units and back."""

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.errors import InputError
from inferplan.units import (
    GB,
    GIB,
    parse_budget,
    parse_bytes,
    parse_count,
    parse_day,
    parse_duration,
    positive,
    show_bytes,
    show_count,
    show_duration,
    show_usd,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0), ("50ms", 0.05), ("50 ms", 0.05), (" 2.5MS ", 0.0025), ("3us", 3e-6),
        ("3µs", 3e-6), ("7ns", 7e-9), ("2min", 120.0), ("1.5h", 5400.0), (".5s", 0.5),
        ("1e-3s", 1e-3), ("1E3ms", 1.0), ("+4s", 4.0),
    ],
)  # fmt: skip
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1", ["has no unit", "did you mean 1ms or 1s?"]),
        ("0", ["0 is not above zero; write 500ms or 1s"]),
        ("5M", ["unknown unit 'M'", "write 5ms or 5min"]),
        ("50 msec", ["unknown unit 'msec'; write 50ms"]),
        ("2 hours", ["unknown unit 'hours'; write 2h"]),
        ("5 parsec", ["unknown unit 'parsec'; write 500ms or 1s"]),
        ("nan s", ["not a number with a unit"]),
        ("infs", ["not a number with a unit"]),
        ("1e999s", ["1e999s is not a finite number above zero"]),
        ("-5ms", ["-5ms is not above zero"]),
        ("0s", ["0s is not above zero"]),
        ("", ["not a number with a unit"]),
        ("1,5s", ["not a number with a unit"]),
        ("1.5.2s", ["not a number with a unit"]),
        ("s", ["not a number with a unit"]),
        ("1s 2s", ["not a number with a unit"]),
    ],
)
def test_bad_durations_teach(text, words):
    with pytest.raises(InputError) as error:
        parse_duration(text, "--ttft-p95")
    message = str(error.value)
    assert message.startswith(f"--ttft-p95: {text}")
    assert all(word in message for word in words)
    assert "; " in message


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_is_quoted(text):
    with pytest.raises(InputError, match=f"size: {text!r} is not a number with a unit"):
        parse_bytes(text)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_not_finite_is_called_so(value):
    with pytest.raises(InputError, match=f"--rate: {value} is not a finite number above zero"):
        positive(value, "--rate")


def test_decimal_and_binary_bytes_differ():
    assert parse_bytes("80GB") == 80 * GB == 80e9
    assert parse_bytes("80 GiB") == 80 * GIB == 80 * 2**30
    assert parse_bytes("1kb") == 1000
    assert parse_bytes("1KiB") == 1024
    assert parse_bytes("2TiB") == 2 * 2**40
    with pytest.raises(InputError, match="did you mean 80GB or 80GiB"):
        parse_bytes("80")
    with pytest.raises(InputError, match="unknown unit 'Gi'; write 80GiB"):
        parse_bytes("80 Gi")
    with pytest.raises(InputError, match="unknown unit 'tokens'; write 80"):
        parse_count("80 tokens")


@pytest.mark.parametrize(
    ("text", "count"),
    [("2048", 2048), ("32k", 32_000), ("128K", 128_000), ("1.5k", 1500), ("2M", 2_000_000),
     ("1e3", 1000), ("16.1k", 16_100), ("1.001k", 1001), ("2.3M", 2_300_000)],
)  # fmt: skip
def test_counts(text, count):
    got = parse_count(text)
    assert got == count
    assert isinstance(got, int)


@given(st.integers(1, 10**7))
def test_counts_in_thousands_are_exact(count):
    assert parse_count(f"{count // 1000}.{count % 1000:03d}k") == count


@pytest.mark.parametrize("text", ["1.5", "0", "-3", "0.0001k", "k", "2 G", "nan"])
def test_bad_counts(text):
    with pytest.raises(InputError):
        parse_count(text)


def test_a_count_that_is_not_whole_is_rounded_in_the_advice():
    with pytest.raises(InputError, match="write 3"):
        parse_count("2.6")
    with pytest.raises(InputError, match="write 1"):
        parse_count("0.2")


def test_budgets():
    assert parse_budget("5/h") == 5.0
    assert parse_budget("$120/day") == 5.0
    assert parse_budget("7,300/month") == 10.0
    assert parse_budget("87600/year") == 10.0
    for text in ("5", "5/week", "many/h", "-5/h", "nan/h", ""):
        with pytest.raises(InputError, match="--budget"):
            parse_budget(text)


def test_days():
    assert parse_day("2026-11-22") == date(2026, 11, 22)
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        parse_day("22.11.2026")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0, 0.0])
def test_positive_refuses(value):
    with pytest.raises(InputError, match="--rate"):
        positive(value, "--rate")


def test_zero_may_be_allowed():
    assert positive(0.0, "--think", zero_ok=True) == 0.0
    with pytest.raises(InputError, match="zero or more"):
        positive(-1.0, "--think", zero_ok=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"), (5e-9, "5 ns"), (1.2e-6, "1.20 µs"), (0.00099951, "1.00 ms"),
        (0.0412, "41.2 ms"), (0.99951, "1.00 s"), (75.0, "75.0 s"), (119.9, "120 s"),
        (150.0, "2.5 min"), (7200.0, "2 h"), (math.inf, "inf"), (math.nan, "nan"),
    ],
)  # fmt: skip
def test_show_duration(seconds, text):
    assert show_duration(seconds) == text


@given(st.floats(1e-8, 119.0))
def test_shown_durations_can_be_read_back(seconds):
    assert parse_duration(show_duration(seconds)) == pytest.approx(seconds, rel=0.006)


@given(st.floats(1.0, 1e15))
def test_shown_sizes_can_be_read_back(size):
    text = show_bytes(size).replace(",", "")
    assert parse_bytes(text) == pytest.approx(size, rel=0.006, abs=0.5)


def test_show_the_rest():
    assert show_bytes(0) == "0 B"
    assert show_bytes(999.6) == "1.00 kB"
    assert show_bytes(80 * GIB) == "85.9 GB"
    assert show_bytes(-5e9) == "-5.00 GB"
    assert show_count(999) == "999"
    assert show_count(70.55e9) == "70.5 G"
    assert show_count(1.026e12) == "1.03 T"
    assert show_usd(0) == "$0.00"
    assert show_usd(0.0321) == "$0.0321"
    assert show_usd(1234.5) == "$1,234.50"
