"""The backend that asks Prometheus. Sums, quantiles and what a link is are the collector's."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from web.stats import tallies
from web.stats.backend import (
    BackendError,
    Flow,
    Group,
    History,
    Measured,
    MeasuredLinks,
    Provenance,
    Sample,
    Tallied,
    Traffic,
)
from web.stats.kinds import DST, NAMESPACE_LABEL, Kind
from web.stats.links import Link, LinkSelection, Security, link, security
from web.stats.prometheus.client import Client, Element
from web.stats.prometheus.promql import Either, Expression, Increase, Match, Now, count
from web.stats.quantile import upper_bound
from web.stats.selection import Peer, Selection
from web.stats.sums import Secured, Sums
from web.stats.tallies import CLASSIFICATION, Source, TallySelection
from weft import metrics

MAX_WINDOW = 24 * 3600.0
"""Seconds. Prometheus usually remembers longer; a window is for looking at now."""
PAST = 600.0
"""Seconds that a history goes back."""

_BYTES = (
    (metrics.TCP_READ_BYTES_TOTAL.name, "read_bytes"),
    (metrics.TCP_WRITE_BYTES_TOTAL.name, "write_bytes"),
)
_SECURITY = ("tls", "server_id", "no_tls_reason")


@dataclass
class Prometheus:
    """Answers for whatever window it is asked; whether it was watching, Prometheus does not say."""

    client: Client
    scope: Match = ()
    """Labels and values of this mesh's series, where a Prometheus has those of several."""
    clock: Callable[[], float] = time.time
    since: float = field(init=False)
    _answered: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.since = self.clock()

    @property
    def provenance(self) -> Provenance:
        return Provenance("prometheus", self.since)

    @property
    def max_window(self) -> float:
        return MAX_WINDOW

    @property
    def age(self) -> float | None:
        return None if self._answered is None else self.clock() - self._answered

    async def check(self) -> None:
        """Raises BackendError when it is away, or scrapes no proxy."""
        family = metrics.PROXY_BUILD_INFO.name
        if not await self._ask(count(family, self.scope)):
            raise BackendError(
                f"Prometheus at {self.client.url} has no series {family}: "
                "does it scrape the mesh's proxies?"
            )

    async def measure(self, selection: Selection, window: float) -> Measured:
        """Raises BackendError."""
        own = selection.namespace_label
        by = (*((own,) if own is not None else ()), selection.name_label)
        match = (*self.scope, *selection.match, ("direction", selection.direction.value))
        sums: dict[Group, Sums] = {}

        def at(labels: Mapping[str, str]) -> Sums | None:
            name = labels.get(selection.name_label, "")
            home = labels.get(own, "") if own is not None else ""
            known = bool(name) and (own is None or bool(home))
            return sums.setdefault(Group(home, name), Sums()) if known else None

        jobs = [self._add_source(tallies.RESPONSES, match, by, window, at)]
        if selection.tcp:
            jobs.append(self._add_tcp(match, by, selection.peer, window, at))
        await asyncio.gather(*jobs)
        return Measured(
            {group: one.traffic(tcp=selection.tcp) for group, one in sums.items()}, window
        )

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        """Raises BackendError."""
        sums: dict[tuple[str, ...], Sums] = {}

        def at(labels: Mapping[str, str]) -> Sums:
            key = tuple(labels.get(name, "") for name in selection.by)
            return sums.setdefault(key, Sums())

        match = (*self.scope, *selection.match)
        await self._add_source(selection.source, match, selection.by, window, at)
        found: dict[tuple[str, ...], Traffic] = {
            key: one.traffic(tcp=False) for key, one in sums.items()
        }
        return Tallied(found, window)

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        """Raises BackendError."""
        asked = _LinkQueries(selection, window, self.scope)
        counts, buckets, gauges, read, written = await asyncio.gather(
            *(self._ask(str(one)) for one in asked.all)
        )
        sums: dict[Link, Sums] = {}
        secured: dict[Link, Secured] = {}

        def at(element: Element) -> tuple[Link, Sums] | None:
            found = link(selection, element.labels, element.labels)
            if found is None or not selection.selects(found):
                return None
            return found, sums.setdefault(found, Sums())

        for element in counts:
            if element.value > 0 and (found := at(element)):
                found[1].count(element.labels.get(CLASSIFICATION, ""), element.value)
                _say(secured, found[0], element.labels, is_open=False)
        for element in gauges:
            if found := at(element):
                found[1].has_tcp = True
                found[1].open_connections += element.value
                _say(secured, found[0], element.labels, is_open=element.value > 0)
        for element in buckets:
            if (found := at(element)) and (bound := _bound(element, 1.0)) is not None:
                found[1].bucket(bound, element.value)
        for elements, name in ((read, "read_bytes"), (written, "write_bytes")):
            for element in elements:
                if found := at(element):
                    peer = Peer.DST if found[0].source is not None else Peer.SRC
                    if element.labels.get("peer") == peer.value:
                        grown = getattr(found[1], name) + element.value
                        setattr(found[1], name, grown)
        return MeasuredLinks(
            {
                found: Flow(one.traffic(tcp=True), secured.get(found, Secured()).known)
                for found, one in sums.items()
            },
            window,
        )

    async def history(self, selection: Selection, window: float, step: float) -> History:
        """Raises BackendError."""
        own = selection.namespace_label
        by = (*((own,) if own is not None else ()), selection.name_label, CLASSIFICATION)
        match = (*self.scope, *selection.match, ("direction", selection.direction.value))
        (counted,) = tallies.RESPONSES.counts
        ages = [step * index for index in range(int((PAST - window) // step), 0, -1)]
        now = self.clock()
        lines = await self.client.matrix(
            str(Increase(counted.family, match, by, window)), now - ages[0], now - ages[-1], step
        )
        self._answered = now
        found: dict[Group, list[Sample]] = {}
        for line in lines:
            group = Group(
                line.labels.get(own, "") if own is not None else "",
                line.labels.get(selection.name_label, ""),
            )
            if not group.name:
                continue
            points = found.setdefault(group, [Sample(0.0, 0.0)] * len(ages))
            for moment, value in line.values.items():
                index = round((moment - (now - ages[0])) / step)
                if 0 <= index < len(points):
                    points[index] = _more(points[index], line.labels, value)
        return History(ages, found)

    async def _add_source(
        self,
        source: Source,
        match: Match,
        by: tuple[str, ...],
        window: float,
        at: Callable[[Mapping[str, str]], Sums | None],
    ) -> None:
        """Counts and buckets of a source, added where `at` says."""
        counts = [
            Increase(one.family, match, (*by, *one.verdict.labels), window) for one in source.counts
        ]
        buckets = [Increase(one.family, match, (*by, "le"), window) for one in source.times]
        answers = await self._ask_all((*counts, *buckets))
        for counted, elements in zip(source.counts, answers, strict=False):
            for element in elements:
                if (sums := at(element.labels)) is not None:
                    sums.count(counted.verdict.classify(element.labels), element.value)
        for times, elements in zip(source.times, answers[len(counts) :], strict=True):
            for element in elements:
                bound = _bound(element, times.milliseconds)
                if bound is not None and (sums := at(element.labels)) is not None:
                    sums.bucket(bound, element.value)

    async def _add_tcp(
        self,
        match: Match,
        by: tuple[str, ...],
        peer: Peer,
        window: float,
        at: Callable[[Mapping[str, str]], Sums | None],
    ) -> None:
        counted = (*match, ("peer", peer.value))
        open_now, *flows = await self._ask_all(
            (
                Now(metrics.TCP_OPEN_CONNECTIONS.name, match, by),
                *(Increase(family, counted, by, window) for family, _ in _BYTES),
            )
        )
        for element in open_now:
            if (sums := at(element.labels)) is not None:
                sums.has_tcp = True
                sums.open_connections += element.value
        for (_, name), elements in zip(_BYTES, flows, strict=True):
            for element in elements:
                if (sums := at(element.labels)) is not None:
                    setattr(sums, name, getattr(sums, name) + element.value)

    async def _ask_all(self, queries: Iterable[Expression]) -> list[list[Element]]:
        return await asyncio.gather(*(self._ask(str(query)) for query in queries))

    async def _ask(self, query: str) -> list[Element]:
        now = self.clock()
        found = await self.client.vector(query, now)
        self._answered = now
        return found


@dataclass(frozen=True, slots=True)
class _LinkQueries:
    """What links are made of: series that name one of the selection's ends at either side."""

    selection: LinkSelection
    window: float
    scope: Match

    @property
    def all(self) -> tuple[Either, ...]:
        targets = [one for one in self.selection.targets if one is not Kind.NAMESPACE]
        # A pod is of no service: that label, where a scrape sets it, is about something else.
        pods = {*self.selection.sources, *targets} - {Kind.NAMESPACE, Kind.SERVICE}
        ends = (
            NAMESPACE_LABEL,
            DST + NAMESPACE_LABEL,
            *sorted(one.value for one in pods),
            *(DST + one.value for one in targets),
            "direction",
        )
        by = tuple(dict.fromkeys((*ends, *_SECURITY)))
        return (
            self._either(metrics.RESPONSE_TOTAL.name, (*by, CLASSIFICATION)),
            self._either(f"{metrics.RESPONSE_LATENCY_MS.name}_bucket", (*by, "le")),
            self._either(metrics.TCP_OPEN_CONNECTIONS.name, (*by, "peer"), gauge=True),
            *(self._either(family, (*by, "peer")) for family, _ in _BYTES),
        )

    def _either(self, family: str, by: tuple[str, ...], *, gauge: bool = False) -> Either:
        near = self.selection.near
        home = near.name if near.kind is Kind.NAMESPACE else near.namespace
        names = (NAMESPACE_LABEL, DST + NAMESPACE_LABEL) if home else ()
        matches: tuple[Match, ...] = tuple((*self.scope, (name, home)) for name in names)
        return Either(family, matches or (self.scope,), by, None if gauge else self.window)


def _say(
    secured: dict[Link, Secured], found: Link, labels: Mapping[str, str], *, is_open: bool
) -> None:
    said: Security | None = security(labels)
    if said is not None:
        secured.setdefault(found, Secured()).add(said, is_open=is_open)


def _more(before: Sample, labels: Mapping[str, str], grown: float) -> Sample:
    match labels.get(CLASSIFICATION):
        case tallies.SUCCESS:
            return before._replace(success=before.success + grown)
        case tallies.FAILURE:
            return before._replace(failure=before.failure + grown)
    return before


def _bound(element: Element, milliseconds: float) -> float | None:
    bound = upper_bound(element.labels.get("le", ""))
    return None if bound is None else bound * milliseconds
