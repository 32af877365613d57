"""How large the pieces are in which bodies travel.

A piece is an HTTP/2 DATA frame, or what of an HTTP/1 body came at once. The path of a request adds to
two slots; histograms are made and filled when somebody reads them, and only if there was a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.metrics import FRAME_SIZE_BUCKETS

if TYPE_CHECKING:
    from proxy.telemetry.registry import Family, Histogram, Labels

SIZES = FRAME_SIZE_BUCKETS
"""Bytes: the bounds of `FrameSizes.counts`."""

Sizes = tuple["Family[Histogram]", "Labels"]
"""A series that may never be needed."""


class FrameSizes:
    """The pieces of all bodies that went one way. Whoever sees one counts it in `counts` and `sum` himself,
    for a call costs as much as that (`proxy/net/exchange.py`)."""

    __slots__ = ("_histograms", "_wanted", "counts", "sum")

    def __init__(self, wanted: tuple[Sizes, ...]) -> None:
        """`wanted`: where they show."""
        self.counts = [0] * (len(SIZES) + 1)
        self.sum = 0
        self._wanted = wanted
        self._histograms: tuple[Histogram, ...] = ()

    def pour(self) -> None:
        """Fill the series with what came since the last time."""
        if not self.sum:
            return
        if not self._histograms:
            self._histograms = tuple(family.child(labels) for family, labels in self._wanted)
        for histogram in self._histograms:
            histogram.sum += self.sum
            for index, count in enumerate(self.counts):
                histogram.counts[index] += count
        self.counts = [0] * (len(SIZES) + 1)
        self.sum = 0
