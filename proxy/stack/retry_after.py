"""How long an endpoint asks to be left alone, in its own words.

`Retry-After` stands in answers of 429 and 503, in seconds or as a date in any of HTTP's three forms (RFC 9110,
10.2.3 and 5.6.7). gRPC has `grpc-retry-pushback-ms`, in headers or trailers; a negative one asks not to be tried
again, which says nothing of the endpoint (gRFC A6). Linkerd's proxy hears both, and the latter only beside the
codes that say "too much" or "not now".

What is neither is no hint: these words come from applications, and none of them is an error.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.stack.classify import HeadersLike

RETRY_AFTER = "retry-after"
PUSHBACK = "grpc-retry-pushback-ms"

TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE = 429, 503
RESOURCE_EXHAUSTED, UNAVAILABLE = 8, 14

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY, _LONG_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)", "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH, _TIME = (
    f"(?P<month>{'|'.join(_MONTHS)})",
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)",
)
_DATES = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})",
    )
)
_CENTURY = 100
_FAR = 50
"""A year of two digits that seems further ahead than this many years is past."""
_LEAP_SECOND = 60


def asked(status: int, grpc: int | None, said: HeadersLike, now: float) -> float:
    """Seconds for which an answer asks to be left alone; 0 when it does not. They may be many, and infinite.

    `said` is its headers or trailers, `now` seconds since the epoch.
    """
    if status in (TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE):
        value = said.get(RETRY_AFTER)
        return 0.0 if value is None else retry_after(value, now) or 0.0
    if grpc in (RESOURCE_EXHAUSTED, UNAVAILABLE):
        value = said.get(PUSHBACK)
        return 0.0 if value is None else pushback(value) or 0.0
    return 0.0


def retry_after(value: bytes, now: float) -> float | None:
    """The seconds from `now` (since the epoch) that a `Retry-After` means, 0 for a date that is past; None for
    what is neither a number of seconds nor a date."""
    value = value.strip(b" \t")
    if value.isdigit():
        # As a float: digits without end are a number, too, and int() refuses thousands of them.
        return float(value)
    date = _date(value, now)
    return None if date is None else max(0.0, date - now)


def pushback(value: bytes) -> float | None:
    """The seconds that a `grpc-retry-pushback-ms` means; None for a negative one and for what is no number."""
    value = value.strip(b" \t")
    return float(value) / 1000.0 if value.isdigit() else None


def _date(value: bytes, now: float) -> float | None:
    text = value.decode("latin-1")
    for form in _DATES:
        found = form.fullmatch(text)
        if found is not None:
            break
    else:
        return None
    year, second = int(found["year"]), int(found["second"])
    if form is _DATES[1]:
        year = _whole_year(year, now)
    if second > _LEAP_SECOND:
        return None
    try:
        minute = datetime(
            year,
            _MONTHS.index(found["month"]) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            tzinfo=UTC,
        )
    except ValueError:  # such as February 30
        return None
    return minute.timestamp() + second


def _whole_year(digits: int, now: float) -> int:
    """The last year that ends so and is not far ahead."""
    last = datetime.fromtimestamp(now, UTC).year + _FAR
    return last - (last - digits) % _CENTURY
