"""How long responses took from the end of their request, which is most often the end of its head.

Tallies count from a request's head. Where a body took its time, or a response ended first, what
they say of the wait is put right here; no other request comes by.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from proxy.telemetry.tally import BOUNDS, buckets_of

if TYPE_CHECKING:
    from proxy.telemetry.registry import Histogram


class Waits:
    """Corrections of histograms that are filled from tallies."""

    __slots__ = ("_histograms",)

    def __init__(self, histograms: tuple[Histogram, ...]) -> None:
        self._histograms = tuple((one, *buckets_of(one.bounds)) for one in histograms)

    def correct(self, counted: float, waited: float) -> None:
        """Milliseconds that a tally counted for a response, and those from its request's end.

        Until the tally is poured a bucket may hold less than nothing; nobody reads before.
        """
        before, after = bisect_left(BOUNDS, counted), bisect_left(BOUNDS, waited)
        for histogram, buckets, unit in self._histograms:
            histogram.counts[buckets[before]] -= 1
            histogram.counts[buckets[after]] += 1
            histogram.sum += (waited - counted) * unit
