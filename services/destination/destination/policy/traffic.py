"""Retries, time-outs and circuit breaking, from a Service's annotations. Pure.

An annotation that cannot be read is left out and logged: a typo in a time-out must not cut off a
service.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from destination.model import Service
from weft.durations import parse_duration

log = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY = "retry.linkerd.io/"
_TIMEOUT = "timeout.linkerd.io/"
_ACCRUAL = "balancer.linkerd.io/failure-accrual"
_NAMED_STATUSES = {"5xx": (500, 599), "gateway-error": (502, 504)}


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

    statuses: tuple[tuple[int, int], ...]
    limit: int = 1
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Accrual:
    """After so many failures in a row an endpoint rests; times in seconds."""

    max_failures: int = 7
    min_penalty: float = 1.0
    max_penalty: float = 60.0
    jitter: float = 0.5


@dataclass(frozen=True, slots=True)
class Traffic:
    timeouts: Timeouts
    retry: Retry | None = None
    accrual: Accrual | None = None


def traffic(service: Service) -> Traffic:
    notes = _Notes(service)
    return Traffic(
        Timeouts(
            notes.read(f"{_TIMEOUT}request", parse_duration),
            notes.read(f"{_TIMEOUT}response", parse_duration),
            notes.read(f"{_TIMEOUT}idle", parse_duration),
        ),
        _retry(notes),
        _accrual(notes),
    )


class _Notes:
    def __init__(self, service: Service) -> None:
        self._service = service

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """The annotation's value; None when it is absent or, with a word in the log, unusable."""
        text = self._service.annotations.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            about = {"service": str(self._service.key), "annotation": name, "why": str(error)}
            log.warning("an annotation is not usable", extra=about)
            return None


def _retry(notes: _Notes) -> Retry | None:
    statuses = notes.read(f"{_RETRY}http", statuses_of)
    if statuses is None:
        return None
    limit = notes.read(f"{_RETRY}limit", _whole)
    return Retry(
        statuses, 1 if limit is None else limit, notes.read(f"{_RETRY}timeout", parse_duration)
    )


def _accrual(notes: _Notes) -> Accrual | None:
    if notes.read(_ACCRUAL, _accrual_kind) is None:
        return None
    usual = Accrual()
    given = f"{_ACCRUAL}-consecutive-"
    failures = notes.read(f"{given}max-failures", _whole)
    least = notes.read(f"{given}min-penalty", parse_duration)
    most = notes.read(f"{given}max-penalty", parse_duration)
    jitter = notes.read(f"{given}jitter-ratio", _ratio)
    made = Accrual(
        usual.max_failures if failures is None else failures,
        usual.min_penalty if least is None else least,
        usual.max_penalty if most is None else most,
        usual.jitter if jitter is None else jitter,
    )
    # The proxy refuses a policy whose penalties are the wrong way round, and with it all traffic.
    return made if made.min_penalty <= made.max_penalty else usual


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
    ratio = float(text)
    if not 0.0 <= ratio <= 100.0:
        raise ValueError(f"{text!r} is not a ratio from 0 to 100")
    return ratio


def _accrual_kind(text: str) -> str:
    if text != "consecutive":
        raise ValueError(f"{text!r} is not a failure accrual: allowed is consecutive")
    return text
