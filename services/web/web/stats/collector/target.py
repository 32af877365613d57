"""One pod's series: what successive scrapes say becomes increases.

A proxy counts from when it started; we count from when we looked. The difference is decided here,
once per series and scrape:

- A value higher than the last one grew by the difference; a lower one was counted anew from 0.
- When the process has another start time, every series was counted anew, higher or not.
- A series first seen on a process already known began at 0 since the last scrape. On a process not
  known yet, it did so only if the process started after the collector did; otherwise its value is
  history we did not watch, and only what comes after counts.
- A series that is gone is forgotten: proxies drop series at rest, and begin again at 0.

A proxy's series are hundreds, and there are thousands of proxies, so of a series only a hash of how it
is spelled is held between two scrapes, its last value, and where it is added up: three columns in
the order in which the proxy tells them, which seldom changes.
"""

import math
import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from web.stats.collector.exposition import ExpositionError, parse_series
from web.stats.collector.families import GAUGES, START_TIME, Kept, keep
from web.stats.collector.history import Counter, Histogram, Timeline
from web.stats.collector.labelsets import LabelSet, label_set

Sample = tuple[str, float]  # a series as spelled, its value

_SAME_START = 1.0
"""Seconds by which two readings of one process' start time may differ: kernels round to ticks."""
_NO_BOUND = math.nan


class TooManySeries(ExpositionError):
    """A scrape with more series than are remembered for one pod."""


@dataclass(slots=True, eq=False)
class Cell:
    """A remembered series, or all buckets of one; several of the proxy's may be added up in it."""

    family: str
    labels: LabelSet
    counter: Counter = field(default_factory=Counter)
    buckets: Histogram | None = None
    gauge: float = 0.0
    seen: float = 0.0  # when a scrape last had it


Window = tuple[int, int]
"""Moments by their numbers: after the first, up to and including the second."""
CellKey = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class _Columns:
    """The proxy's series in its order."""

    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    last: "array[float]" = field(default_factory=lambda: array("d"))
    bounds: "array[float]" = field(default_factory=lambda: array("d"))
    cells: list[Cell] = field(default_factory=list)

    def add(self, spelled: int, last: float, bound: float, cell: Cell) -> None:
        self.hashes.append(spelled)
        self.last.append(last)
        self.bounds.append(bound)
        self.cells.append(cell)


@dataclass(slots=True)
class Target:
    """A pod's proxy. `labels` say whose it is; `since` is when the collector began, in epoch seconds."""

    labels: Mapping[str, str]
    since: float
    max_series: int = 20_000
    timeline: Timeline = field(default_factory=Timeline)
    """When scrapes were; best the same for all targets."""
    scraped: float | None = field(default=None, init=False)  # clock of the last good scrape
    cells: dict[CellKey, Cell] = field(default_factory=dict, init=False)
    families: dict[str, list[Cell]] = field(default_factory=dict, init=False)
    """The same cells, by family."""
    _columns: _Columns = field(default_factory=_Columns, init=False)
    _start: float | None = field(default=None, init=False)

    @property
    def series(self) -> int:
        """How many of the proxy's series are followed."""
        return len(self._columns.cells)

    def apply(self, samples: Iterable[Sample], at: float) -> None:
        """A whole scrape, taken at the clock's `at`. Raises ExpositionError, and then nothing changed."""
        start, spellings, values = self._read(samples)
        hashes = array("q", map(hash, spellings))
        if hashes != self._columns.hashes:
            if len(set(hashes)) < len(hashes):
                once = dict(zip(hashes, zip(spellings, values, strict=True), strict=True))
                hashes = array("q", once)
                spellings, values = [one for one, _ in once.values()], [v for _, v in once.values()]
            self._arrange(hashes, spellings, values, start)
        restarted = (
            self._start is not None and start is not None and abs(start - self._start) > _SAME_START
        )
        self._take(values, at, restarted)
        self._start, self.scraped = start, at

    def window(self, since: float, until: float) -> Window:
        """The scrapes after `since`, up to and including `until`."""
        return self.timeline.number(since), self.timeline.number(until)

    def forget(self, before: float) -> None:
        """Drops what only matters for windows that begin earlier."""
        dropped = self.timeline.forget(before)
        for key, cell in list(self.cells.items()):
            if cell.seen < before:
                del self.cells[key]
                self.families[cell.family].remove(cell)
                continue
            cell.counter.forget(dropped)
            if cell.buckets is not None:
                cell.buckets.forget(dropped)
        if self.scraped is not None and self.scraped < before:
            # Nothing is known any more. Whatever it says next was counted while nobody looked.
            self._columns, self._start = _Columns(), None
            self.scraped, self.since = None, math.inf

    def _read(self, samples: Iterable[Sample]) -> tuple[float | None, list[str], list[float]]:
        """The start time, and every other series with a number. Raises TooManySeries."""
        start, spellings, values = None, [], []
        for spelling, value in samples:
            if not math.isfinite(value):
                continue
            if spelling == START_TIME:
                start = value
                continue
            spellings.append(spelling)
            values.append(value)
        if len(values) > self.max_series:
            raise TooManySeries(f"more than {self.max_series} series")
        return start, spellings, values

    def _arrange(
        self,
        hashes: Iterable[int],
        spellings: Iterable[str],
        values: Iterable[float],
        start: float | None,
    ) -> None:
        """Columns in the order of this scrape: what was known is kept, what is new begins, the rest is
        forgotten. Raises ExpositionError, and then nothing changed."""
        old = self._columns
        known = {spelled: index for index, spelled in enumerate(old.hashes)}
        births = {
            spelled: keep(parse_series(spelling))
            for spelled, spelling in zip(hashes, spellings, strict=True)
            if spelled not in known
        }
        fresh = self.scraped is not None or (start is not None and start >= self.since)
        arranged = _Columns()
        for spelled, value in zip(hashes, values, strict=True):
            index = known.get(spelled)
            if index is not None:
                arranged.add(spelled, old.last[index], old.bounds[index], old.cells[index])
            else:
                kept = births[spelled]
                bound = _NO_BOUND if kept.bound is None else kept.bound
                arranged.add(spelled, 0.0 if fresh else value, bound, self._cell(kept))
        self._columns = arranged

    def _take(self, values: list[float], at: float, restarted: bool) -> None:
        number = self.timeline.add(at)
        columns = self._columns
        last, bounds = columns.last, columns.bounds
        moved: set[int] = set()
        histograms = []
        for cell in self.cells.values():
            cell.gauge = 0.0
        for index, (cell, value) in enumerate(zip(columns.cells, values, strict=True)):
            if cell.seen != at:
                cell.seen = at
            if cell.family in GAUGES:
                cell.gauge += value
                continue
            before = 0.0 if restarted else last[index]
            if value == before:
                if restarted:
                    last[index] = value
                continue
            grown = value - before if value > before else value
            last[index] = value
            if cell.buckets is None:
                cell.counter.add(grown, number)
            else:
                cell.buckets.grow(bounds[index], grown)
                if id(cell) not in moved:
                    moved.add(id(cell))
                    histograms.append(cell.buckets)
        for one in histograms:
            one.settle(number)

    def _cell(self, kept: Kept) -> Cell:
        shared = label_set(kept.labels)
        key = (kept.family, shared.key)
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(kept.family, shared)
            self.families.setdefault(sys.intern(kept.family), []).append(cell)
        if kept.bound is not None:
            if cell.buckets is None:
                cell.buckets = Histogram()
            cell.buckets.know(kept.bound)
        return cell
