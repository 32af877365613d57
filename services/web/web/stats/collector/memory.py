"""All targets, and what their series say of a selection. Pure: moments come in as arguments."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from web.stats.backend import Flow, Group, Sample, Traffic
from web.stats.collector import families
from web.stats.collector.history import Timeline
from web.stats.collector.labelsets import LabelSet
from web.stats.collector.target import Cell, Target, Window
from web.stats.kinds import DST, Kind
from web.stats.links import End, Link, LinkSelection, end, is_from_outside, is_outbound, security
from web.stats.selection import Peer, Selection
from web.stats.sums import Secured, Sums
from web.stats.tallies import CLASSIFICATION, FAILURE, OWN, SUCCESS, TallySelection

HORIZON = 600.0
"""Seconds that are remembered."""


_RESPONSES = (families.RESPONSES, families.LATENCY)


class Identity(NamedTuple):
    """Which proxy a target is. Another pod of the same name, or the same pod at another address, is
    another target; the series of both belong to the same rows."""

    uid: str
    address: str
    port: int


@dataclass
class Memory:
    """Every target that is or was scraped within the horizon."""

    targets: dict[Identity, Target] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)
    """When its targets are scraped: all in the same rounds."""

    @property
    def series(self) -> int:
        """How many of the proxies' series are followed."""
        return sum(target.series for target in self.targets.values())

    def forget(self, now: float, present: Iterable[Identity]) -> None:
        """Drops what is older than the horizon, and targets of which nothing else is left."""
        here = set(present)
        for identity, target in list(self.targets.items()):
            target.forget(now - HORIZON)
            if identity not in here and not target.cells:
                del self.targets[identity]

    def measure(
        self, selection: Selection, since: float, until: float, fresh_after: float
    ) -> dict[Group, Traffic]:
        """Traffic by group between two moments.

        Gauges count only of targets scraped after `fresh_after`: a pod that is gone has no open
        connections any more.
        """
        wanted = (*_RESPONSES, *families.TCP) if selection.tcp else _RESPONSES
        sums: dict[Group, Sums] = {}
        for target, window, cells in self._selected(selection, wanted, since, until):
            fresh = target.scraped is not None and target.scraped > fresh_after
            for group, cell in cells:
                one = sums.get(group)
                if one is None:
                    one = sums[group] = Sums()
                if cell.family in families.TCP:
                    _add_tcp(one, selection.peer, cell, window, fresh)
                else:
                    _add(one, cell, window)
        return {group: one.traffic(tcp=selection.tcp) for group, one in sums.items()}

    def links(
        self, selection: LinkSelection, since: float, until: float, fresh_after: float
    ) -> dict[Link, Flow]:
        """Links of which something is known between two moments; gauges as in `measure`."""
        sums: dict[Link, Sums] = {}
        secured: dict[Link, Secured] = {}
        wanted = (*_RESPONSES, *families.TCP)
        links = _Links(selection)
        for target, window in self._windows(since, until):
            fresh = target.scraped is not None and target.scraped > fresh_after
            links.turn(target.labels)
            for cell in _cells(target, wanted):
                found = links.of(cell.labels) if cell.seen > since else None
                if found is None:
                    continue
                one = sums.get(found)
                if one is None:
                    one = sums[found] = Sums()
                if cell.family in families.TCP:
                    peer = Peer.DST if found.source is not None else Peer.SRC
                    _add_tcp(one, peer, cell, window, fresh)
                else:
                    _add(one, cell, window)
                said = security(cell.labels)
                if said is not None:
                    secured.setdefault(found, Secured()).add(said, is_open=fresh and cell.gauge > 0)
        return {
            found: Flow(one.traffic(tcp=True), secured.get(found, Secured()).known)
            for found, one in sums.items()
        }

    def tally(
        self, selection: TallySelection, since: float, until: float
    ) -> dict[tuple[str, ...], Traffic]:
        """Requests by group between two moments."""
        source = selection.source
        wanted = [*(one.family for one in source.counts), *(one.family for one in source.times)]
        own = [(name, value) for name, value in selection.match if name in OWN]
        rest = [(name, value) for name, value in selection.match if name not in OWN]
        sums: dict[tuple[str, ...], Sums] = {}
        for target, window in self._windows(since, until):
            if any(target.labels.get(name) != value for name, value in own):
                continue
            for cell in _cells(target, wanted):
                if not _matches(cell.labels, rest):
                    continue
                key = tuple(
                    [
                        (target.labels if name in OWN else cell.labels).get(name, "")
                        for name in selection.by
                    ]
                )
                one = sums.get(key)
                if one is None:
                    one = sums[key] = Sums()
                _add(one, cell, window)
        return {key: one.traffic(tcp=False) for key, one in sums.items()}

    def history(
        self, selection: Selection, moments: Sequence[float], window: float
    ) -> dict[Group, list[Sample]]:
        """Answered requests by group, for the window before each moment."""
        found: dict[Group, tuple[list[float], list[float]]] = {}
        cut: dict[int, list[Window]] = {}
        for target, _, cells in self._selected(selection, (families.RESPONSES,), 0.0, 0.0):
            timeline = id(target.timeline)
            if timeline not in cut:
                cut[timeline] = [target.window(at - window, at) for at in moments]
            for group, cell in cells:
                sums = found.get(group)
                if sums is None:
                    sums = found[group] = ([0.0] * len(moments), [0.0] * len(moments))
                outcome = cell.labels.get(CLASSIFICATION)
                if outcome in (SUCCESS, FAILURE) and len(cell.counter):
                    points = sums[outcome == FAILURE]
                    for index, one in enumerate(cut[timeline]):
                        points[index] += cell.counter.increase(*one)
        return {
            group: [Sample(good, bad) for good, bad in zip(*sums, strict=True)]
            for group, sums in found.items()
        }

    def _windows(self, since: float, until: float) -> Iterator[tuple[Target, Window]]:
        """Targets, and which of their scrapes are between two moments."""
        known: dict[int, Window] = {}
        for target in self.targets.values():
            timeline = id(target.timeline)
            window = known.get(timeline)
            if window is None:
                window = known[timeline] = target.window(since, until)
            yield target, window

    def _selected(
        self, selection: Selection, wanted: Collection[str], since: float, until: float
    ) -> Iterator[tuple[Target, Window, list[tuple[Group, Cell]]]]:
        """The cells that a selection is about, by target, each with the row it belongs to."""
        namespace, name = labels = (selection.namespace_label, selection.name_label)
        by_peer = name not in OWN
        for target, window in self._windows(since, until):
            rest = _unmet(selection, target.labels)
            if rest is None:
                continue
            group = None if by_peer else _group(labels, target.labels)
            if group is None and not by_peer:
                continue
            home = target.labels.get(namespace) if namespace in OWN else None
            cells = []
            for cell in _cells(target, wanted):
                if not _matches(cell.labels, rest):
                    continue
                own = _group(labels, cell.labels, home) if by_peer else group
                if own is not None:
                    cells.append((own, cell))
            yield target, window, cells


class _Links:
    """The link that a series tells of (as `links.link` finds it), with what is the same for all series of
    a target, and for all series of the same labels, found out once."""

    def __init__(self, selection: LinkSelection) -> None:
        self._selection = selection
        self._targets: dict[int, End | None] = {}
        self._near: dict[Link, bool] = {}
        self._source: End | None = None
        self._outside: Link | None = None

    def turn(self, own: Mapping[str, str]) -> None:
        """To the target with these labels."""
        selection = self._selection
        self._source = end(own, selection.sources)
        receiver = end(own, selection.targets)
        self._outside = None if receiver is None else Link(None, receiver)

    def of(self, series: LabelSet) -> Link | None:
        """None when it tells of none, or of none that is asked for."""
        if is_outbound(series):
            if self._source is None:
                return None
            target = self._targets.get(id(series), _UNKNOWN)
            if target is _UNKNOWN:
                target = self._targets[id(series)] = end(series, self._selection.targets, DST)
            found = None if target is None else Link(self._source, target)
        else:
            found = self._outside if is_from_outside(series) else None
        if found is None:
            return None
        near = self._near.get(found)
        if near is None:
            near = self._near[found] = self._selection.selects(found)
        return found if near else None


_UNKNOWN = End(Kind.POD, "", "")


def _cells(target: Target, wanted: Iterable[str]) -> Iterator[Cell]:
    for family in wanted:
        yield from target.families.get(family, ())


def _unmet(selection: Selection, labels: Mapping[str, str]) -> list[tuple[str, str]] | None:
    """What series must still match once the target's own labels do; None when those do not."""
    rest = [("direction", selection.direction.value)]
    for name, value in selection.match:
        if name not in OWN:
            rest.append((name, value))
        elif labels.get(name) != value:
            return None
    return rest


def _group(
    labels: tuple[str | None, str], found: Mapping[str, str], home: str | None = None
) -> Group | None:
    """The row that has these labels; None when it has no such label, as a pod without a Deployment.

    `home` is the namespace where it is already known.
    """
    namespace = home or ("" if labels[0] is None else found.get(labels[0]))
    name = found.get(labels[1])
    return Group(namespace, name) if namespace is not None and name else None


def _matches(labels: Mapping[str, str], rest: Iterable[tuple[str, str]]) -> bool:
    for name, value in rest:  # noqa: SIM110 (a generator for each series takes twice as long)
        if labels.get(name) != value:
            return False
    return True


def _add(sums: Sums, cell: Cell, window: Window) -> None:
    """What a counter or the buckets of a distribution grew by, between two numbered moments."""
    if cell.buckets is None:
        sums.count(cell.labels.get(CLASSIFICATION, ""), cell.counter.increase(*window))
        return
    for bound, grown in zip(cell.buckets.bounds, cell.buckets.increase(*window), strict=True):
        sums.bucket(bound, grown)


def _add_tcp(sums: Sums, peer: Peer, cell: Cell, window: Window, fresh: bool) -> None:
    sums.has_tcp = True
    if cell.family == families.OPEN_CONNECTIONS:
        # Both ends count, as in Linkerd's tables: a connection through a proxy is two.
        sums.open_connections += cell.gauge if fresh else 0.0
    elif cell.labels.get("peer") == peer.value:
        grown = cell.counter.increase(*window)
        if cell.family == families.READ_BYTES:
            sums.read_bytes += grown
        else:
            sums.write_bytes += grown
