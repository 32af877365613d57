"""One pod's series: what successive scrapes say becomes increases.

A proxy counts from when it started; we count from when we looked. The difference is decided here,
once per series and scrape:

- A value higher than the last one grew by the difference; a lower one was counted anew from 0.
- When the process has another start time, every series was counted anew, higher or not.
- A series first seen on a process already known began at 0 since the last scrape. On a process not
  known yet, it did so only if the process started after the collector did; otherwise its value is
  history we did not watch, and only what comes after counts.
- A series that is gone is forgotten: proxies drop series at rest, and begin again at 0.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from web.stats.collector.exposition import ExpositionError, parse_series
from web.stats.collector.families import GAUGES, START_TIME, Kept, keep
from web.stats.collector.history import Counter

Sample = tuple[str, float]  # a series as spelled, its value

_SAME_START = 1.0
"""Seconds by which two readings of one process' start time may differ: kernels round to ticks."""


class TooManySeries(ExpositionError):
    """A scrape with more series than are remembered for one pod."""


@dataclass(slots=True)
class Cell:
    """A remembered series; several of the proxy's may be added up in it."""

    kept: Kept
    labels: Mapping[str, str]
    counter: Counter = field(default_factory=Counter)
    gauge: float = 0.0
    seen: float = 0.0  # when a scrape last had it


@dataclass(slots=True)
class _Spelled:
    """One of the proxy's series, as spelled: where it is added up, and its last value."""

    cell: Cell
    last: float
    round: int


@dataclass
class Target:
    """A pod's proxy. `labels` say whose it is; `since` is when the collector began, in epoch seconds."""

    labels: Mapping[str, str]
    since: float
    max_series: int = 20_000
    scraped: float | None = field(default=None, init=False)  # clock of the last good scrape
    cells: dict[Kept, Cell] = field(default_factory=dict, init=False)
    _spelled: dict[str, _Spelled] = field(default_factory=dict, init=False)
    _start: float | None = field(default=None, init=False)
    _round: int = field(default=0, init=False)

    def apply(self, samples: Iterable[Sample], at: float) -> None:
        """A whole scrape, taken at the clock's `at`. Raises ExpositionError, and then nothing changed."""
        values, births = self._checked(samples)
        start = values.pop(START_TIME, None)
        restarted = (
            self._start is not None and start is not None and abs(start - self._start) > _SAME_START
        )
        known = self.scraped is not None
        fresh = known or (start is not None and start >= self.since)
        self._round += 1
        for cell in self.cells.values():
            cell.gauge = 0.0
        for spelling, value in values.items():
            spelled = self._spelled.get(spelling)
            if spelled is None:
                spelled = _Spelled(self._cell(births[spelling]), 0.0 if fresh else value, 0)
                self._spelled[spelling] = spelled
            elif restarted:
                spelled.last = 0.0
            self._take(spelled, value, at)
        self._drop_missing()
        self._start, self.scraped = start, at

    def forget(self, before: float) -> None:
        """Drops what only matters for windows that begin earlier."""
        for kept, cell in list(self.cells.items()):
            cell.counter.forget(before)
            if cell.seen < before:
                del self.cells[kept]

    def _checked(self, samples: Iterable[Sample]) -> tuple[dict[str, float], dict[str, Kept]]:
        """Values by spelling, and what is to be remembered of spellings not met before."""
        values: dict[str, float] = {}
        births: dict[str, Kept] = {}
        for spelling, value in samples:
            if math.isfinite(value):
                values[spelling] = value
            if spelling not in self._spelled and spelling != START_TIME:
                births[spelling] = keep(parse_series(spelling))
            if len(values) > self.max_series:
                raise TooManySeries(f"more than {self.max_series} series")
        return values, births

    def _take(self, spelled: _Spelled, value: float, at: float) -> None:
        cell = spelled.cell
        spelled.round = self._round
        cell.seen = at
        if cell.kept.family in GAUGES:
            cell.gauge += value
        elif value != spelled.last:
            grown = value - spelled.last
            cell.counter.add(grown if grown > 0 else value, at)
            spelled.last = value

    def _cell(self, kept: Kept) -> Cell:
        cell = self.cells.get(kept)
        if cell is None:
            cell = self.cells[kept] = Cell(kept, dict(kept.labels))
        return cell

    def _drop_missing(self) -> None:
        missing = [text for text, one in self._spelled.items() if one.round != self._round]
        for text in missing:
            del self._spelled[text]
