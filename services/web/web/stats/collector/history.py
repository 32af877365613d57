"""Numbers over time, small: what a counter grew by at each scrape.

A target's scrapes are at the same moments for all of its series, so the moments are held once, in a
`Timeline`, and a counter holds only amounts, in the smallest whole numbers that take them. A counter
at rest holds nothing. Restarts are worked in before: amounts are increases, and what a counter grew
by in any window is a sum.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal, cast

_LARGEST = {"H": 0xFFFF, "I": 0xFFFF_FFFF}
"""Of the type codes of arrays that hold whole numbers."""


class Timeline:
    """The moments of a target's scrapes: seconds of one clock, rising. Each has a number that stays."""

    __slots__ = ("_dropped", "_moments")

    def __init__(self) -> None:
        self._moments = array("d")
        self._dropped = 0

    def add(self, at: float) -> int:
        """The number of a moment; the last one again when it is not later than that."""
        if not self._moments or at > self._moments[-1]:
            self._moments.append(at)
        return self._dropped + len(self._moments)

    def number(self, at: float) -> int:
        """The number of the last moment up to and including `at`; 0 is before all of them."""
        return self._dropped + bisect_right(self._moments, at)

    def forget(self, before: float) -> int:
        """Drops what only matters for windows that begin earlier. How many there ever were of those."""
        kept = bisect_right(self._moments, before) - 1
        if kept > 0:
            del self._moments[:kept]
            self._dropped += kept
        return self._dropped


class Counter:
    """What a number grew by at the moments of a timeline."""

    __slots__ = ("_amounts", "_before")

    def __init__(self) -> None:
        self._before = 0  # number of the moment before the first amount
        self._amounts = _whole("H")

    def add(self, amount: float, number: int) -> None:
        """Grows by `amount` at a moment; repeated for the same moment, amounts add up."""
        amounts = self._amounts
        if not amounts:
            self._before = number - 1
        missing = number - self._before - len(amounts)
        if missing > 0:
            amounts.extend(array(amounts.typecode, bytes(amounts.itemsize * missing)))
        self._put(len(amounts) - 1, amounts[-1] + amount)

    def increase(self, since: int, until: int) -> float:
        """What it grew by after the moment numbered `since`, up to and including `until`."""
        before = self._before
        first, last = since - before, until - before
        if last <= 0:
            return 0.0
        return float(sum(self._amounts[max(first, 0) : last]))

    def forget(self, dropped: int) -> None:
        """Drops the amounts of moments numbered up to `dropped`, which are no longer asked for."""
        gone = dropped - self._before
        if gone > 0:
            del self._amounts[:gone]
            self._before = dropped

    def __len__(self) -> int:
        return len(self._amounts)

    def __repr__(self) -> str:
        return f"<Counter {self._before}+{list(self._amounts)}>"

    def _put(self, index: int, amount: float) -> None:
        code = self._amounts.typecode
        if code != "d" and not _fits(amount, code):
            self._amounts = (
                _whole("I", map(int, self._amounts))
                if _fits(amount, "I")
                else array("d", self._amounts)
            )
        self._amounts[index] = amount if self._amounts.typecode == "d" else int(amount)


def _whole(code: Literal["H", "I"], amounts: Iterable[int] = ()) -> "array[float]":
    """An array of whole numbers, which are numbers."""
    return cast("array[float]", array(code, amounts))


def _fits(amount: float, code: str) -> bool:
    return 0 <= amount <= _LARGEST[code] and amount == int(amount)


class Histogram:
    """Counters of the buckets of one distribution, those that nothing fell into left out.

    Increases come in cumulative, as proxies tell them, and are held bucket by bucket: a busy
    series moves a few buckets, but every cumulative count above them.
    """

    __slots__ = ("_buckets", "_pending", "bounds")

    def __init__(self) -> None:
        self.bounds: tuple[float, ...] = ()
        """Upper bounds, rising."""
        self._buckets: list[Counter | None] = []
        self._pending: dict[float, float] = {}

    def grow(self, bound: float, amount: float) -> None:
        """So many more are at or below `bound`; takes effect at the next `settle`."""
        self._pending[bound] = self._pending.get(bound, 0.0) + amount

    def know(self, bound: float) -> None:
        """A bound that there is, whether anything falls below it or not."""
        if bound not in self.bounds:
            held = dict(zip(self.bounds, self._buckets, strict=True))
            self.bounds = tuple(sorted((*self.bounds, bound)))
            self._buckets = [held.get(one) for one in self.bounds]

    def settle(self, number: int) -> None:
        """What has grown did so at this moment. A count torn between two updates never falls."""
        if not self._pending:
            return
        highest = 0.0
        for index, bound in enumerate(self.bounds):
            count = max(highest, self._pending.get(bound, 0.0))
            if count > highest:
                bucket = self._buckets[index]
                if bucket is None:
                    bucket = self._buckets[index] = Counter()
                bucket.add(count - highest, number)
                highest = count
        self._pending = {}

    def increase(self, since: int, until: int) -> list[float]:
        """Cumulative increases, one for each of `bounds`."""
        found, total = [], 0.0
        for bucket in self._buckets:
            if bucket is not None:
                total += bucket.increase(since, until)
            found.append(total)
        return found

    def forget(self, dropped: int) -> None:
        """As `Counter.forget`."""
        for index, bucket in enumerate(self._buckets):
            if bucket is not None:
                bucket.forget(dropped)
                if not len(bucket):
                    self._buckets[index] = None
