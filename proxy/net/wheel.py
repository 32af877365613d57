"""The one timer wheel: deadlines in buckets of ten milliseconds, so that setting and cancelling cost
a dictionary entry and the loop is woken at most once per bucket. Nothing here reads a clock.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = 0.01
"""Seconds; a timer fires up to this much late, never early."""


class Timer:
    """A deadline that can be called off."""

    __slots__ = ("_bucket", "fn")

    def __init__(self, bucket: dict[Timer, None], fn: Callable[[], None]) -> None:
        self._bucket: dict[Timer, None] | None = bucket
        self.fn = fn

    def cancel(self) -> None:
        """Call it off; harmless when it fired or was cancelled already."""
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            bucket.pop(self, None)


class Wheel:
    """Timers by the tick they are due in."""

    __slots__ = ("_buckets", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, dict[Timer, None]] = {}
        self._ticks: list[int] = []

    def add(self, when: float, fn: Callable[[], None]) -> Timer:
        """Run `fn` at `when`, in seconds of the caller's clock."""
        tick = ceil(when / TICK)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            heappush(self._ticks, tick)
        timer = Timer(bucket, fn)
        bucket[timer] = None
        return timer

    def next(self) -> float | None:
        """When the earliest timer is due; None without timers."""
        ticks, buckets = self._ticks, self._buckets
        while ticks:
            if buckets[ticks[0]]:
                return ticks[0] * TICK
            del buckets[heappop(ticks)]
        return None

    def due(self, now: float) -> Iterator[Callable[[], None]]:
        """What is due, in order; a timer cancelled by an earlier one does not come."""
        ticks, buckets = self._ticks, self._buckets
        while ticks and ticks[0] * TICK <= now:
            bucket = buckets[ticks[0]]
            while bucket:
                timer = next(iter(bucket))
                timer.cancel()
                yield timer.fn
            if ticks and not buckets.get(ticks[0]):
                del buckets[heappop(ticks)]

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))
