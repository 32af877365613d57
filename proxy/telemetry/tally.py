"""Count once, show many times.

One request shows in half a dozen families: per endpoint, per backend, per route, each with a count
and a histogram. The path of a request adds to one `Tally` only; its series are filled from it
when somebody reads them.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

from weft.metrics import LATENCY_MS_BUCKETS

if TYPE_CHECKING:
    from proxy.telemetry.registry import Counter, Histogram, Registry

BOUNDS: tuple[float, ...] = tuple(sorted({*LATENCY_MS_BUCKETS, 25.0, 250.0}))
"""Milliseconds: the bounds of every histogram of requests are among them."""


class Tally:
    """How often something ended like this, and after how long."""

    __slots__ = ("_counters", "_histograms", "counts", "success", "sum")

    def __init__(
        self, success: bool, counters: tuple[Counter, ...], histograms: tuple[Histogram, ...]
    ) -> None:
        """The bounds of the histograms are in milliseconds if they reach 10,000, else in seconds."""
        self.success = success
        """What `classification` says of it."""
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0
        self._counters = counters
        self._histograms = tuple((one, *buckets_of(one.bounds)) for one in histograms)

    def observe(self, milliseconds: float) -> None:
        self.counts[bisect_left(BOUNDS, milliseconds)] += 1
        self.sum += milliseconds

    def pour(self) -> None:
        """Fill the series with what came since the last time."""
        counts, total = self.counts, sum(self.counts)
        if not total:
            return
        for counter in self._counters:
            counter.value += total
        for histogram, buckets, unit in self._histograms:
            histogram.sum += self.sum * unit
            for index, count in enumerate(counts):
                if count:
                    histogram.counts[buckets[index]] += count
        self.counts = [0] * len(counts)
        self.sum = 0.0


def buckets_of(bounds: tuple[float, ...]) -> tuple[tuple[int, ...], float]:
    """Into which of a histogram's buckets each of ours goes, and its unit in milliseconds."""
    unit = 1.0 if bounds[-1] >= 10_000 else 0.001
    scaled = (bound if unit == 1.0 else bound / 1000.0 for bound in BOUNDS)
    return (*(bisect_left(bounds, bound) for bound in scaled), len(bounds)), unit


class Pouring(Protocol):
    """Somebody who keeps tallies."""

    def pour(self) -> None: ...


class Ledger:
    """Everybody who keeps tallies, so that readers see them all.

    Whoever is held by nobody else has nothing more to say after a last pouring and is let go.
    """

    __slots__ = ("_enough", "_keepers")

    def __init__(self, registry: Registry) -> None:
        self._keepers: list[Pouring] = []
        self._enough = 256
        registry.before_scrape(self.pour)

    def enter(self, keeper: Pouring) -> None:
        if len(self._keepers) >= self._enough:
            # Nobody reads, and endpoints come and go: see who is still there.
            self.pour()
        self._keepers.append(keeper)

    def pour(self) -> None:
        staying = []
        while self._keepers:
            keeper = self._keepers.pop()
            keeper.pour()
            # Two: our variable and the argument's own.
            if sys.getrefcount(keeper) > 2:
                staying.append(keeper)
        self._keepers = staying[::-1]
        self._enough = max(256, 2 * len(staying))
