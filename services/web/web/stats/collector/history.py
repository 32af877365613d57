"""One number over time.

A counter is kept as the sum of its increases, so restarts of the process it came from are already
worked in, and what it grew by in any window is one subtraction. Only changes are stored: a series
at rest costs nothing.
"""

from array import array
from bisect import bisect_right


class Counter:
    """A number that only grows, at the moments it grew. Moments are seconds of one clock, rising."""

    __slots__ = ("_moments", "_totals")

    def __init__(self) -> None:
        self._moments = array("d")
        self._totals = array("d")

    def add(self, amount: float, at: float) -> None:
        """Grows by `amount`; repeated for the same moment, amounts add up."""
        total = (self._totals[-1] if self._totals else 0.0) + amount
        if self._moments and self._moments[-1] >= at:
            self._totals[-1] = total
        else:
            self._moments.append(at)
            self._totals.append(total)

    def increase(self, since: float, until: float) -> float:
        """What it grew by after `since`, up to and including `until`."""
        return self._total(until) - self._total(since)

    def forget(self, before: float) -> None:
        """Drops what only matters for windows that begin earlier."""
        kept = bisect_right(self._moments, before) - 1
        if kept > 0:
            del self._moments[:kept]
            del self._totals[:kept]

    def __len__(self) -> int:
        return len(self._moments)

    def __repr__(self) -> str:
        return f"<Counter {dict(zip(self._moments, self._totals, strict=True))}>"

    def _total(self, at: float) -> float:
        index = bisect_right(self._moments, at)
        return self._totals[index - 1] if index else 0.0
