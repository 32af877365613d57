"""When a request, one attempt at it, or a quiet stream has taken too long.

Times are monotonic seconds. `Deadlines` says when to look again and what has run out by then; one
timer per request is enough, set to `next_at`.
"""

from __future__ import annotations

from enum import Enum

_NEVER = float("inf")


class Expired(Enum):
    """Which limit ran out."""

    REQUEST = "request"
    RESPONSE = "response"
    IDLE = "idle"
    PATIENCE = "patience"
    """The attempt did not begin to answer in the time after which another is worth more."""


class Deadlines:
    """The limits of one request; None means no limit of that kind."""

    __slots__ = ("_idle", "_idle_at", "_patience_at", "_request_at", "_response", "_response_at")

    def __init__(
        self, now: float, *, request: float | None, response: float | None, idle: float | None
    ) -> None:
        """`request` counts from now, attempts and all; `response` from `attempt`."""
        self._request_at = _after(now, request)
        self._response = response
        self._response_at = _NEVER
        self._patience_at = _NEVER
        self._idle = idle
        self._idle_at = _after(now, idle)

    def attempt(self, now: float, patience: float | None = None) -> None:
        """An attempt was sent whole: its response is due, its head within `patience` seconds."""
        self._response_at = _after(now, self._response)
        self._patience_at = _after(now, patience)

    def answered(self) -> None:
        """The response has begun and is the requester's."""
        self._patience_at = _NEVER

    def between(self) -> None:
        """The attempt has failed and the next was not sent yet."""
        self._response_at = self._patience_at = _NEVER

    def moved(self, now: float) -> None:
        """Something moved in either direction."""
        self._idle_at = _after(now, self._idle)

    @property
    def next_at(self) -> float:
        """When the first limit runs out; infinity if none ever does."""
        return min(self._request_at, self._response_at, self._idle_at, self._patience_at)

    def expired(self, now: float) -> Expired | None:
        """The limit that ran out; the whole request's before its attempt's."""
        if now >= self._request_at:
            return Expired.REQUEST
        if now >= self._response_at:
            return Expired.RESPONSE
        if now >= self._idle_at:
            return Expired.IDLE
        if now >= self._patience_at:
            return Expired.PATIENCE
        return None


def _after(now: float, seconds: float | None) -> float:
    return _NEVER if seconds is None else now + seconds
