"""Retries, time-outs, balancing and circuit breaking, from annotations. Pure.

A Service's annotation that cannot be read is left out and logged: a typo in a time-out must not cut
off a service. A route's makes the route one that is not understood, which its status tells.
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from kit.kube.objects import Key
from weft.durations import parse_duration

log = logging.getLogger(__name__)

T = TypeVar("T")
Complain = Callable[[str, ValueError], None]
"""Hears of an annotation and what is wrong with it. May raise; if not, it is left out."""

_RETRY = "retry.linkerd.io/"
_TIMEOUT = "timeout.linkerd.io/"
_ACCRUAL = "balancer.linkerd.io/failure-accrual"
_BALANCER = "balancer.alpha.linkerd.io/"
_NAMED_STATUSES = {"5xx": (500, 599), "gateway-error": (502, 504)}
GRPC_CODES = {
    "cancelled": 1,
    "deadline-exceeded": 4,
    "resource-exhausted": 8,
    "internal": 13,
    "unavailable": 14,
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; None: none."""

    request: float | None = None
    response: float | None = None
    idle: float | None = None

    def __bool__(self) -> bool:
        return (self.request, self.response, self.idle) != (None, None, None)


@dataclass(frozen=True, slots=True)
class Retry:
    """Which responses are tried again, how often, and how long one try may take (seconds)."""

    statuses: tuple[tuple[int, int], ...] = ()
    limit: int = 1
    timeout: float | None = None
    codes: frozenset[int] = frozenset()
    """gRPC status codes, for gRPC routes."""


@dataclass(frozen=True, slots=True)
class SuccessRate:
    """Shut an endpoint below this share of successes over a window (seconds), once it has had so
    many requests."""

    threshold: float = 0.8
    window: float = 10.0
    min_requests: int = 5


@dataclass(frozen=True, slots=True)
class Accrual:
    """After so many failures in a row an endpoint rests; times in seconds."""

    max_failures: int = 7
    min_penalty: float = 1.0
    max_penalty: float = 60.0
    jitter: float = 0.5
    success_rate: SuccessRate | None = None
    honor_retry_after: bool = False


@dataclass(frozen=True, slots=True)
class Penalty:
    """Failures count as answers this slow (seconds)."""

    latency: float = 5.0
    max_retry_after: float = 300.0


@dataclass(frozen=True, slots=True)
class Traffic:
    timeouts: Timeouts = Timeouts()
    retry: Retry | None = None
    accrual: Accrual | None = None
    penalty: Penalty | None = None


NO_TRAFFIC = Traffic()


def traffic_of(owner: Key, annotations: Mapping[str, str]) -> Traffic:
    """What a Service asks for; what cannot be read is left out, with a word in the log."""

    def complain(name: str, error: ValueError) -> None:
        about = {"service": str(owner), "annotation": name, "why": str(error)}
        log.warning("an annotation is not usable", extra=about)

    return traffic(annotations, complain)


def traffic(annotations: Mapping[str, str], complain: Complain) -> Traffic:
    notes = _Notes(annotations, complain)
    return Traffic(
        Timeouts(
            notes.read(f"{_TIMEOUT}request", parse_duration),
            notes.read(f"{_TIMEOUT}response", parse_duration),
            notes.read(f"{_TIMEOUT}idle", parse_duration),
        ),
        _retry(notes),
        _accrual(notes),
        _penalty(notes),
    )


def together(parent: Traffic, route: Traffic) -> Traffic:
    """What holds on a route: its own retries and time-outs where it has any, else its parent's."""
    return replace(
        parent, timeouts=route.timeouts or parent.timeouts, retry=route.retry or parent.retry
    )


class _Notes:
    def __init__(self, annotations: Mapping[str, str], complain: Complain) -> None:
        self._annotations = annotations
        self._complain = complain

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The annotation's value; None when it is absent or unusable."""
        text = self._annotations.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self._complain(name, error)
            return None

    def given(self, name: str, parse: Callable[[str], T], usual: T) -> T:
        value = self.read(name, parse)
        return usual if value is None else value


def _retry(notes: _Notes) -> Retry | None:
    statuses = notes.read(f"{_RETRY}http", statuses_of)
    codes = notes.read(f"{_RETRY}grpc", codes_of)
    limit = notes.given(f"{_RETRY}limit", _whole, 1)
    timeout = notes.read(f"{_RETRY}timeout", parse_duration)
    if statuses is None and codes is None:
        return None
    return Retry(statuses or (), limit, timeout, codes or frozenset())


def _accrual(notes: _Notes) -> Accrual | None:
    kind = notes.read(_ACCRUAL, _accrual_kind)
    if kind is None:
        return None
    usual = Accrual()
    given = f"{_ACCRUAL}-consecutive-"
    made = Accrual(
        notes.given(f"{given}max-failures", _whole, usual.max_failures),
        notes.given(f"{given}min-penalty", parse_duration, usual.min_penalty),
        notes.given(f"{given}max-penalty", parse_duration, usual.max_penalty),
        notes.given(f"{given}jitter-ratio", _ratio, usual.jitter),
        _success_rate(notes) if kind == "unified" else None,
        notes.given(f"{_BALANCER}failure-accrual-honor-retry-after", _flag, False),
    )
    if made.min_penalty <= made.max_penalty:
        return made
    # The proxy refuses a policy whose penalties are the wrong way round, and with it all traffic.
    return replace(made, min_penalty=usual.min_penalty, max_penalty=usual.max_penalty)


def _success_rate(notes: _Notes) -> SuccessRate:
    usual = SuccessRate()
    given = f"{_BALANCER}failure-accrual-"
    return SuccessRate(
        notes.given(f"{given}success-rate-threshold", _share, usual.threshold),
        notes.given(f"{given}window", _window, usual.window),
        notes.given(f"{given}min-requests", _requests, usual.min_requests),
    )


def _penalty(notes: _Notes) -> Penalty | None:
    if not notes.given(f"{_BALANCER}penalize-failures", _flag, False):
        return None
    usual = Penalty()
    return Penalty(
        notes.given(f"{_BALANCER}load-biaser-penalty", parse_duration, usual.latency),
        notes.given(
            f"{_BALANCER}load-biaser-max-retry-after", parse_duration, usual.max_retry_after
        ),
    )


def codes_of(text: str) -> frozenset[int]:
    """`unavailable,internal` as status codes. Raises ValueError."""
    names = [part.strip() for part in text.split(",")]
    for name in names:
        if name not in GRPC_CODES:
            raise ValueError(f"{name!r} is not one of {', '.join(GRPC_CODES)}")
    return frozenset(GRPC_CODES[name] for name in names)


def statuses_of(text: str) -> tuple[tuple[int, int], ...]:
    """`500,502-504,5xx,gateway-error` as ranges. Raises ValueError."""
    return tuple(_status_range(part.strip()) for part in text.split(","))


def _status_range(text: str) -> tuple[int, int]:
    if text in _NAMED_STATUSES:
        return _NAMED_STATUSES[text]
    first, dash, last = text.partition("-")
    start, end = _whole(first), _whole(last if dash else first)
    if not 100 <= start <= end <= 599:
        raise ValueError(
            f"{text!r} is not a status: allowed are 100 to 599, ranges, 5xx and gateway-error"
        )
    return start, end


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 0xFFFF:
        raise ValueError(f"{text!r} is not a whole number from 0 to 65535")
    return int(text)


def _ratio(text: str) -> float:
    return _number(text, 100.0)


def _share(text: str) -> float:
    return _number(text, 1.0)


def _number(text: str, most: float) -> float:
    number = float(text)
    if not (math.isfinite(number) and 0.0 <= number <= most):
        raise ValueError(f"{text!r} is not a number from 0 to {most:g}")
    return number


def _window(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < 0.01:
        raise ValueError(f"{text!r} is shorter than 10ms")
    return seconds


def _requests(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 1_000_000:
        raise ValueError(f"{text!r} is not a whole number from 0 to 1000000")
    return int(text)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is not true or false")
    return text == "true"


def _accrual_kind(text: str) -> str:
    if text not in ("consecutive", "unified"):
        raise ValueError(f"{text!r} is not a failure accrual: allowed are consecutive and unified")
    return text
