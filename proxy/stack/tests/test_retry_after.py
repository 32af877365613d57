"""What endpoints ask for: in seconds, as dates of all three forms, in milliseconds, and in no words at all."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec.message import Headers
from proxy.stack.retry_after import asked, pushback, retry_after

NOW = datetime(1994, 11, 6, 8, 48, 37, tzinfo=UTC).timestamp()
"""A minute before the moment that RFC 9110 (5.6.7) writes in three ways."""


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"0", 0.0),
        (b"120", 120.0),
        (b"00120", 120.0),
        (b" 120\t", 120.0),
        (b"9" * 20, 1e20),
        (b"9" * 5_000, float("inf")),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 60.0),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 60.0),
        (b"Sun Nov  6 08:49:37 1994", 60.0),
        (b"Wed Nov 16 08:48:37 1994", 10 * 86_400.0),
        (b"Sun, 06 Nov 1994 08:48:37 GMT", 0.0),
        (b"Sun, 06 Nov 1994 08:48:36 GMT", 0.0),
        (b"Mon, 07 Nov 1983 08:49:37 GMT", 0.0),
        (b"Sat, 31 Dec 1994 23:59:60 GMT", 4_806_683.0),
    ],
)
def test_seconds_and_dates(value: bytes, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"-1",
        b"+1",
        b"1.5",
        b"1e3",
        b"0x10",
        b"1_0",
        b"1 2",
        b"1, 2",
        b"soon",
        b"\xb2",
        "٣".encode(),
        b"nan",
        b"inf",
        b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 UTC",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 06 nov 1994 08:49:37 GMT",
        b"06 Nov 1994 08:49:37 GMT",
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Wed, 30 Feb 1994 08:49:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"Sun, 06 Nov 1994 24:00:00 GMT",
        b"Sun, 06 Nov 1994 08:60:00 GMT",
        b"Sun, 06 Nov 1994 08:49:61 GMT",
        b"Sunday, 06-Nov-1994 08:49:37 GMT",
        b"Sun, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov 06 1994 08:49:37",
        b"Sun Nov 6 08:49:37 1994",
    ],
)
def test_what_is_neither_is_no_hint(value: bytes) -> None:
    assert retry_after(value, NOW) is None


@pytest.mark.parametrize(
    ("digits", "year"), [("94", 1994), ("44", 2044), ("45", 1945), ("00", 2000), ("93", 1993)]
)
def test_a_short_year_is_at_most_fifty_ahead(digits: str, year: int) -> None:
    value = f"Sunday, 06-Nov-{digits} 08:49:37 GMT".encode()
    meant = datetime(year, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()
    assert retry_after(value, NOW) == max(0.0, meant - NOW)


@given(st.integers(0, 10**30))
def test_every_number_is_one(seconds: int) -> None:
    assert retry_after(b"%d" % seconds, NOW) == pytest.approx(float(seconds))


@given(st.integers(0, 10**9))
def test_every_date_is_one(ahead: int) -> None:
    date = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=ahead)
    assert retry_after(format_datetime(date, usegmt=True).encode(), NOW) == ahead


@given(st.binary(max_size=40) | st.text("0123456789 :,-GMTSunNov", max_size=40).map(str.encode))
def test_no_bytes_are_an_error(value: bytes) -> None:
    for seconds in (retry_after(value, NOW), pushback(value)):
        assert seconds is None or seconds >= 0.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"0", 0.0),
        (b"1500", 1.5),
        (b" 5000 ", 5.0),
        (b"-1", None),
        (b"1.5", None),
        (b"soon", None),
        (b"", None),
    ],
)
def test_pushback_is_in_milliseconds(value: bytes, seconds: float | None) -> None:
    assert pushback(value) == seconds


@pytest.mark.parametrize(
    ("status", "grpc", "wait"),
    [
        (429, None, 7.0),
        (503, None, 7.0),
        (503, 14, 7.0),
        (200, None, 0.0),
        (301, None, 0.0),
        (500, None, 0.0),
        (502, None, 0.0),
        (200, 8, 2.0),
        (200, 14, 2.0),
        (200, 0, 0.0),
        (200, 2, 0.0),
        (200, 13, 0.0),
    ],
)
def test_only_too_much_and_not_now_ask(status: int, grpc: int | None, wait: float) -> None:
    said = Headers([("retry-after", "7"), ("grpc-retry-pushback-ms", "2000")])
    assert asked(status, grpc, said, NOW) == wait


@pytest.mark.parametrize(("status", "grpc"), [(429, None), (503, None), (200, 8), (200, 14)])
def test_whoever_says_nothing_asks_for_nothing(status: int, grpc: int | None) -> None:
    assert asked(status, grpc, Headers([]), NOW) == 0.0
    garbage = Headers([("retry-after", "soon"), ("grpc-retry-pushback-ms", "-1")])
    assert asked(status, grpc, garbage, NOW) == 0.0
