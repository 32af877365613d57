"""Metric families and their series, made for a hot path that only adds to slots.

Prometheus forgets nothing it was ever shown, so a label whose values never end (paths, ports,
client names) would grow the process and the server without bound. Each family therefore has a
budget of series. Beyond it everything goes into one series whose only label is `overflow="true"`,
and `proxy_metrics_label_overflow_total` counts how often.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from weft.metrics import LABEL_OVERFLOW_TOTAL, Kind, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Labels = tuple[tuple[str, str], ...]
"""Names with values, in the order they are shown."""

OVERFLOW: Labels = (("overflow", "true"),)

SERIES_BUDGET = 2_000
"""Series per family: a few hundred peers with a handful of status codes each."""


class Counter:
    """`counter.value += 1` is the whole interface."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def mark(self) -> float:
        return self.value


class Gauge:
    """`gauge.value` is what is shown."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def mark(self) -> float:
        return self.value


class Histogram:
    """Counts per bucket, not cumulative; the exposition adds them up."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """`value` in the metric's unit: milliseconds for `_ms`, seconds for `_seconds`."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    def mark(self) -> float:
        return self.count


class Series(Protocol):
    """What the registry asks of a child: something that changes whenever the child does."""

    def mark(self) -> float: ...


S = TypeVar("S", bound=Series)


class Family(Generic[S]):
    """One metric with its series."""

    __slots__ = ("_children", "_make", "_overflow", "_quiet", "budget", "metric")

    def __init__(
        self,
        metric: Metric,
        make: Callable[[], S],
        budget: int,
        overflow: Callable[[], None] | None,
    ) -> None:
        """`overflow` is called when the budget is reached; None means no budget."""
        self.metric = metric
        self.budget = budget
        self._make = make
        self._overflow = overflow
        self._children: dict[Labels, S] = {}
        self._quiet: dict[Labels, tuple[float, float]] = {}

    def child(self, labels: Labels = ()) -> S:
        """The series of these labels, made on first use; beyond the budget, the overflow series."""
        series = self._children.get(labels)
        if series is not None:
            return series
        if len(self._children) >= self.budget and self._overflow is not None:
            return self.overflow()
        series = self._children[labels] = self._make()
        return series

    def overflow(self) -> S:
        """The series of everything that is one too many to have its own; each call is counted."""
        if self._overflow is not None:
            self._overflow()
        series = self._children.get(OVERFLOW)
        if series is None:
            series = self._children[OVERFLOW] = self._make()
        return series

    def series(self) -> Iterator[tuple[Labels, S]]:
        """Labels and series in the order of their making."""
        yield from self._children.items()

    def forget_idle(self, now: float, retain: float) -> None:
        """Drop series that have not changed for `retain` seconds and that nobody holds.

        Whoever counts holds the series, so a series only this family refers to can not change
        unseen: its next use makes it anew, from zero, which Prometheus takes for a restart. A gauge
        goes only at zero: at any other value it states a fact.
        """
        is_gauge = self.metric.kind is Kind.GAUGE
        for labels in list(self._children):
            mark = self._children[labels].mark()
            if is_gauge and mark:
                continue
            since, seen = self._quiet.get(labels, (now, mark))
            if seen != mark:
                since = now
            self._quiet[labels] = (since, mark)
            # Two: the dictionary's and the argument's own.
            if now - since >= retain and sys.getrefcount(self._children[labels]) <= 2:
                del self._children[labels], self._quiet[labels]

    def __len__(self) -> int:
        return len(self._children)


AnyFamily = Family[Counter] | Family[Gauge] | Family[Histogram]


class Registry:
    """Every family of the process, in the order of first use."""

    def __init__(self, *, budget: int = SERIES_BUDGET, retain_idle: float = 600.0) -> None:
        """`retain_idle`: seconds a series that nobody holds stays after its last change."""
        self._budget = budget
        self._retain_idle = retain_idle
        self._families: dict[str, AnyFamily] = {}
        self._collectors: list[Callable[[], None]] = []
        self._overflows = self.counter(LABEL_OVERFLOW_TOTAL)

    def counter(self, metric: Metric) -> Family[Counter]:
        return self._family(metric, Kind.COUNTER, Counter)

    def gauge(self, metric: Metric) -> Family[Gauge]:
        return self._family(metric, Kind.GAUGE, Gauge)

    def histogram(self, metric: Metric) -> Family[Histogram]:
        bounds = metric.buckets
        return self._family(metric, Kind.HISTOGRAM, lambda: Histogram(bounds))

    def before_scrape(self, collect: Callable[[], None]) -> None:
        """Run `collect` before each exposition, for values that are read and not counted."""
        self._collectors.append(collect)

    def families(self, now: float | None = None) -> list[AnyFamily]:
        """What to show now; `now` (monotonic seconds) also lets idle series go."""
        for collect in self._collectors:
            collect()
        if now is not None:
            for family in self._families.values():
                family.forget_idle(now, self._retain_idle)
        return list(self._families.values())

    def _family(self, metric: Metric, kind: Kind, make: Callable[[], S]) -> Family[S]:
        assert metric.kind is kind, f"{metric.name} is a {metric.kind.value}"
        known = self._families.get(metric.name)
        if known is None:
            is_the_counter_itself = metric is LABEL_OVERFLOW_TOTAL
            overflow = None if is_the_counter_itself else lambda: self._overflowed(metric)
            made: Family[S] = Family(metric, make, self._budget, overflow)
            self._families[metric.name] = made  # type: ignore[assignment]
            return made
        return known  # type: ignore[return-value]

    def _overflowed(self, metric: Metric) -> None:
        self._overflows.child((("family", metric.name),)).value += 1
