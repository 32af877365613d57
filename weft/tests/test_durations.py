from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.durations import (
    LONGEST,
    DurationError,
    format_duration,
    parse_duration,
    parse_go_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("300ms", 0.3), ("10s", 10), ("2m", 120), ("1h", 3600), ("5d", 432_000)],
)
def test_one_number_and_one_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "-1s", "1.5s", "1h30m", "ms", "10 s", "10S"])
def test_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(DurationError, match="ms, s, m, h or d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1h30m", 5400),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("100us", 0.0001),
        ("24h0m0s", 86_400),
    ],
)
def test_the_chained_spelling(text: str, seconds: float) -> None:
    assert parse_go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "-1s", "1d", "1h 30m", "h"])
def test_the_chained_spelling_has_limits_too(text: str) -> None:
    with pytest.raises(DurationError):
        parse_go_duration(text)


@pytest.mark.parametrize("parse", [parse_duration, parse_go_duration])
@pytest.mark.parametrize("text", ["9" * 11 + "h", "9" * 400 + "h", "9" * 5_000 + "h"])
def test_nothing_is_longer_than_ten_thousand_years(
    parse: Callable[[str], float], text: str
) -> None:
    with pytest.raises(DurationError, match="longer than 10000 years"):
        parse(text)
    assert parse("87660000h") == LONGEST


@given(st.integers(0, 10**9))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    text = format_duration(milliseconds / 1000)
    assert round(parse_go_duration(text) * 1000) == milliseconds


def test_formats_are_short() -> None:
    assert [format_duration(x) for x in (0, 0.25, 1.5, 90, 86_400, 3661)] == [
        "0s",
        "250ms",
        "1.5s",
        "1m30s",
        "24h",
        "1h1m1s",
    ]
