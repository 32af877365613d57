"""When to ask for the next certificate: at 70 % of what is left, within bounds."""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds between two requests."""

    minimum: float
    maximum: float


def next_in(bounds: Bounds, now: float, expires_at: float | None) -> float:
    """Seconds to wait before the next request.

    `expires_at` is the end of the certificate in force, None without one. After a failed request
    the same rule counts against the same certificate, so attempts come closer together as its end
    does.
    """
    if expires_at is None:
        return bounds.minimum
    return min(bounds.maximum, max(bounds.minimum, SHARE * (expires_at - now)))
