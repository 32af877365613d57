"""What targets were found to speak: remembered for a while, for so many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

LASTS = 600.0
"""Seconds after which a target is looked at anew: another application may have its port by then."""
CAPACITY = 10_000


class Verdicts:
    """By where connections go, mostly an address and a port. `now` is monotonic seconds."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[float, bool]] = {}

    def speaks_http(self, target: Hashable, now: float) -> bool | None:
        """False for a target that speaks first itself; None if nothing is known of it."""
        found = self._known.get(target)
        if found is None:
            return None
        until, http = found
        if now < until:
            return http
        del self._known[target]
        return None

    def remember(self, target: Hashable, now: float, *, http: bool) -> None:
        self._known.pop(target, None)
        if len(self._known) >= CAPACITY:
            del self._known[next(iter(self._known))]
        self._known[target] = (now + LASTS, http)

    def forget(self, target: Hashable) -> None:
        """What was true of it may not be any more."""
        self._known.pop(target, None)

    def __len__(self) -> int:
        return len(self._known)
