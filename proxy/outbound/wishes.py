"""What a request asks of its route by `l5d-*` headers, where the route lets requests do so.

l5d-retry-http: 5xx,429     l5d-retry-grpc: unavailable    l5d-retry-limit: 2
l5d-retry-timeout: 300ms    l5d-timeout: 5s                l5d-response-timeout: 1s

A header that cannot be read asks for nothing: the request is not the place to stop at.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from proxy.discovery.policy import Retry, Timeouts
from weft.durations import DurationError, parse_duration
from weft.numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRY_HTTP = "l5d-retry-http"
RETRY_GRPC = "l5d-retry-grpc"
RETRY_LIMIT = "l5d-retry-limit"
RETRY_TIMEOUT = "l5d-retry-timeout"
TIMEOUTS = {
    "l5d-timeout": "request",
    "l5d-request-timeout": "request",
    "l5d-response-timeout": "response",
}
MAX_REQUEST_BYTES = 65_536
MAX_RETRIES = 99_999

_GRPC_CODES = {
    "cancelled": 1,
    "deadline-exceeded": 4,
    "resource-exhausted": 8,
    "internal": 13,
    "unavailable": 14,
}


class Fields(Protocol):
    def get(self, name: str, /) -> bytes | None: ...
    def __delitem__(self, name: str, /) -> None: ...


def take(headers: Fields, timeouts: Timeouts, retry: Retry | None) -> tuple[Timeouts, Retry | None]:
    """The route's terms as the request changes them; its wishes are removed from the headers."""
    for name, field in TIMEOUTS.items():
        seconds = _duration(_pop(headers, name))
        if seconds is not None:
            timeouts = replace(timeouts, **{field: seconds})
    statuses = tuple(_statuses(_pop(headers, RETRY_HTTP)))
    codes = frozenset(_codes(_pop(headers, RETRY_GRPC)))
    limit = _pop(headers, RETRY_LIMIT)
    patience = _duration(_pop(headers, RETRY_TIMEOUT))
    if not statuses and not codes and not limit and patience is None:
        return timeouts, retry
    found = retry or Retry(1, MAX_REQUEST_BYTES)
    if statuses:
        found = replace(found, statuses=statuses)
    if codes:
        found = replace(found, grpc_codes=codes)
    retries = whole_number(limit)
    if retries is not None and retries <= MAX_RETRIES:
        found = replace(found, max_retries=retries)
    if patience is not None:
        found = replace(found, timeout=patience)
    return timeouts, found


def _pop(headers: Fields, name: str) -> str:
    value = headers.get(name)
    if value is None:
        return ""
    del headers[name]
    return value.decode("latin-1").strip().lower()


def _duration(text: str) -> float | None:
    try:
        return parse_duration(text) or None
    except DurationError:
        return None


def _statuses(text: str) -> Iterator[tuple[int, int]]:
    for part in filter(None, (one.strip() for one in text.split(","))):
        low, dash, high = part.partition("-")
        if part == "gateway-error":
            yield 502, 504
        elif len(part) == 3 and part[0] in "2345" and part[1:] == "xx":
            yield int(part[0]) * 100, int(part[0]) * 100 + 99
        else:
            first = _status(low)
            last = _status(high) if dash else first
            if first is not None and last is not None:
                yield first, last


def _status(text: str) -> int | None:
    return whole_number(text) if len(text) == 3 else None


def _codes(text: str) -> Iterator[int]:
    for part in text.split(","):
        code = _GRPC_CODES.get(part.strip())
        if code is not None:
            yield code
