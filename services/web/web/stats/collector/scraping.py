"""Rounds of requests to the proxies' admin ports, bounded in number, size and time.

All scrapes of a round count as taken at the moment it began, so that every window has the same
edges for every pod. A pod that does not answer is counted and left for the next round: what it
counted meanwhile comes with its next good scrape.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp

from web.metrics import Metrics
from web.stats.backend import History, Measured, MeasuredLinks, Provenance, Tallied
from web.stats.collector.exposition import ExpositionError, Reader
from web.stats.collector.families import WANTED
from web.stats.collector.memory import HORIZON, Identity, Memory
from web.stats.collector.target import Sample, Target
from web.stats.links import LinkSelection
from web.stats.selection import Selection
from web.stats.tallies import TallySelection
from weft.addresses import SocketAddress

log = logging.getLogger(__name__)

Targets = Callable[[], Mapping[Identity, Mapping[str, str]]]
"""The proxies to scrape at this moment, with the labels that say whose they are."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scrape may cost. Seconds, bytes, requests at the same time."""

    interval: float = 5.0
    timeout: float = 2.0
    concurrency: int = 64
    max_bytes: int = 8 << 20
    max_series: int = 20_000
    max_total: int = 500_000


class ScrapeError(Exception):
    """A proxy that could not be scraped; the message says why."""


@dataclass
class Collector:
    """The embedded backend. `run` scrapes until cancelled; `measure` answers from memory."""

    targets: Targets
    limits: Limits
    metrics: Metrics
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    memory: Memory = field(default_factory=Memory)
    _began: float | None = field(default=None, init=False)
    _since: float = field(default=0.0, init=False)
    _last: float = field(default=0.0, init=False)
    _room: int = field(default=0, init=False)  # series that may come in this round
    _failing: dict[Identity, tuple[str, str]] = field(default_factory=dict, init=False)

    @property
    def provenance(self) -> Provenance:
        return Provenance("embedded", None if self._began is None else self._since)

    @property
    def max_window(self) -> float:
        return HORIZON

    async def measure(self, selection: Selection, window: float) -> Measured:
        """Before the first round is over, nothing is known and nothing was observed."""
        if self._began is None:
            return Measured({}, 0.0)
        stale = self._last - 2 * self.limits.interval
        traffic = self.memory.measure(selection, self._last - window, self._last, stale)
        return Measured(traffic, min(window, self._last - self._began))

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        """Before the first round is over, nothing is known and nothing was observed."""
        if self._began is None:
            return MeasuredLinks({}, 0.0)
        stale = self._last - 2 * self.limits.interval
        flows = self.memory.links(selection, self._last - window, self._last, stale)
        return MeasuredLinks(flows, min(window, self._last - self._began))

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        """Before the first round is over, nothing is known and nothing was observed."""
        if self._began is None:
            return Tallied({}, 0.0)
        traffic = self.memory.tally(selection, self._last - window, self._last)
        return Tallied(traffic, min(window, self._last - self._began))

    async def history(self, selection: Selection, window: float, step: float) -> History:
        """As far back as whole windows were watched."""
        if self._began is None:
            return History((), {})
        reach = min(HORIZON, self._last - self._began) - window
        ages = [step * index for index in range(int(max(0.0, reach) // step), 0, -1)]
        moments = [self._last - age for age in ages]
        return History(ages, self.memory.history(selection, moments, window))

    @property
    def age(self) -> float | None:
        return None if self._began is None else self.clock() - self._last

    def failing_pods(self) -> Mapping[str, str]:
        """Why a proxy's metrics could not be read in the last round, by `namespace/pod`."""
        return dict(self._failing.values())

    async def run(self) -> None:
        """Never returns. A round that takes longer than the interval delays the next one."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.limits.concurrency),
            timeout=aiohttp.ClientTimeout(total=self.limits.timeout),
            headers={"Accept": "text/plain;version=0.0.4", "User-Agent": "weft-web"},
            auto_decompress=True,
        ) as session:
            while True:
                started = self.clock()
                await self.round(session)
                await asyncio.sleep(max(0.0, self.limits.interval - (self.clock() - started)))

    async def round(self, session: aiohttp.ClientSession) -> None:
        """Scrapes every target once."""
        at = self.clock()
        if self._began is None:
            self._since = self.wall()
        present = dict(self.targets())
        self._room = self.limits.max_total - self.memory.series
        gate = asyncio.Semaphore(self.limits.concurrency)
        await asyncio.gather(
            *(self._scrape(session, gate, identity, present[identity], at) for identity in present)
        )
        self._began = at if self._began is None else self._began
        self._last = at
        self.memory.forget(at, present)
        self._failing = {one: why for one, why in self._failing.items() if one in present}
        self.metrics.targets.set(len(present))
        self.metrics.round_seconds.set(self.clock() - at)

    async def _scrape(
        self,
        session: aiohttp.ClientSession,
        gate: asyncio.Semaphore,
        identity: Identity,
        labels: Mapping[str, str],
        at: float,
    ) -> None:
        try:
            async with gate:
                samples = await fetch(session, identity, self.limits.max_bytes)
            target = self.memory.targets.get(identity)
            if target is None:
                self._must_fit(len(samples))
                target = Target(labels, self._since, self.limits.max_series, self.memory.timeline)
            target.labels = labels
            target.apply(samples, at)
            self.memory.targets[identity] = target
        except (ScrapeError, ExpositionError) as error:
            self._failed(identity, labels, str(error))
        else:
            self._failing.pop(identity, None)
            self.metrics.scrapes.labels("success").inc()

    def _must_fit(self, count: int) -> None:
        """Pods that are known stay; one that would be too many has no numbers. Raises ScrapeError."""
        if count > self._room:
            raise ScrapeError(
                f"the collector follows {self.limits.max_total} series at most "
                "(WEFT_SCRAPE_MAX_TOTAL_SERIES), and this pod's are too many"
            )
        self._room -= count

    def _failed(self, identity: Identity, labels: Mapping[str, str], why: str) -> None:
        """Says each reason once, not once every round."""
        self.metrics.scrapes.labels("failure").inc()
        pod = f"{labels.get('namespace')}/{labels.get('pod')}"
        if self._failing.get(identity) != (pod, why):
            self._failing[identity] = (pod, why)
            log.warning("cannot scrape a proxy", extra={"pod": pod, "why": why})


async def fetch(session: aiohttp.ClientSession, identity: Identity, max_bytes: int) -> list[Sample]:
    """One proxy's samples. Raises ScrapeError, ExpositionError."""
    url = f"http://{SocketAddress(identity.address, identity.port)}/metrics"
    reader, size = Reader(WANTED), 0
    samples: list[Sample] = []
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ScrapeError(f"{url} answered {response.status}")
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > max_bytes:
                    raise ScrapeError(f"{url} answered more than {max_bytes} bytes")
                samples.extend(reader.feed(chunk))
            samples.extend(reader.finish())
    except TimeoutError:
        raise ScrapeError(f"{url} did not answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ScrapeError(f"{url}: {str(error) or type(error).__name__}") from error
    return samples
