"""Prometheus while it answers, the embedded collector while it does not.

Numbers must not stop because Prometheus does: whoever asks gets them from the collector, which has
watched all along, and is told so. Whether Prometheus is back is found out beside the questions, so
that none of them waits for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from web.stats.backend import (
    Backend,
    BackendError,
    History,
    Measured,
    MeasuredLinks,
    Provenance,
    Tallied,
)
from web.stats.links import LinkSelection
from web.stats.selection import Selection
from web.stats.tallies import TallySelection
from weft.durations import format_duration

log = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two looks at whether Prometheus is there."""

A = TypeVar("A")


class Checked(Backend, Protocol):
    """A backend that may be away."""

    async def check(self) -> None:
        """Raises BackendError while it is of no use."""


@dataclass
class Fallback:
    """A backend of two. `run` looks after Prometheus until cancelled."""

    prometheus: Checked
    collector: Backend
    clock: Callable[[], float] = time.time
    _reason: str = field(default="Prometheus has not been asked yet", init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.clock()

    @property
    def provenance(self) -> Provenance:
        name = "embedded" if self._reason else "prometheus"
        return Provenance(name, self._since, self._reason)

    @property
    def max_window(self) -> float:
        return self._active.max_window

    @property
    def age(self) -> float | None:
        return self._active.age

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """Asks whether Prometheus is there and scrapes proxies."""
        try:
            await self.prometheus.check()
        except BackendError as error:
            self._turn(str(error))
        else:
            self._turn("")

    async def measure(self, selection: Selection, window: float) -> Measured:
        """Raises BackendError."""
        return await self._ask(lambda one: one.measure(selection, window), window)

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        """Raises BackendError."""
        return await self._ask(lambda one: one.links(selection, window), window)

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        """Raises BackendError."""
        return await self._ask(lambda one: one.tally(selection, window), window)

    async def history(self, selection: Selection, window: float, step: float) -> History:
        """Raises BackendError."""
        return await self._ask(lambda one: one.history(selection, window, step), window)

    @property
    def _active(self) -> Backend:
        return self.collector if self._reason else self.prometheus

    async def _ask(self, question: Callable[[Backend], Awaitable[A]], window: float) -> A:
        if not self._reason:
            try:
                return await question(self.prometheus)
            except BackendError as error:
                self._turn(str(error))
        if window > self.collector.max_window:
            longest = format_duration(self.collector.max_window)
            raise BackendError(
                f"{self._reason}; the embedded collector remembers only {longest}: ask for less"
            )
        return await question(self.collector)

    def _turn(self, reason: str) -> None:
        """Says a change once, and remembers since when."""
        if bool(reason) != bool(self._reason):
            self._since = self.clock()
            if reason:
                log.warning("numbers are the embedded collector's", extra={"why": reason})
            else:
                log.info("numbers are Prometheus' own")
        self._reason = reason
