"""All targets, and what their series say of a selection. Pure: moments come in as arguments."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from web.stats.backend import Flow, Group, Sample, Traffic
from web.stats.collector import families
from web.stats.collector.target import Cell, Target
from web.stats.links import Link, LinkSelection, link, security
from web.stats.selection import Peer, Selection
from web.stats.sums import Secured, Sums
from web.stats.tallies import CLASSIFICATION, OWN, TallySelection

HORIZON = 600.0
"""Seconds that are remembered."""


_RESPONSES = frozenset({families.RESPONSES, families.LATENCY})


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
        sums: dict[Group, Sums] = {}
        for target in self.targets.values():
            rest = _unmet(selection, target.labels)
            if rest is None:
                continue
            fresh = target.scraped is not None and target.scraped > fresh_after
            for cell in target.cells.values():
                family = cell.kept.family
                is_tcp = family in families.TCP
                if not (selection.tcp if is_tcp else family in _RESPONSES):
                    continue
                if not _matches(cell, rest):
                    continue
                group = _group(selection, target.labels, cell.labels)
                if group is None:
                    continue
                one = sums.setdefault(group, Sums())
                if is_tcp:
                    _add_tcp(one, selection.peer, cell, since, until, fresh)
                else:
                    _add(one, cell, since, until)
        return {group: one.traffic(tcp=selection.tcp) for group, one in sums.items()}

    def links(
        self, selection: LinkSelection, since: float, until: float, fresh_after: float
    ) -> dict[Link, Flow]:
        """Links of which something is known between two moments; gauges as in `measure`."""
        sums: dict[Link, Sums] = {}
        secured: dict[Link, Secured] = {}
        for target in self.targets.values():
            fresh = target.scraped is not None and target.scraped > fresh_after
            for cell in target.cells.values():
                family = cell.kept.family
                if cell.seen <= since or (family not in _RESPONSES and family not in families.TCP):
                    continue
                found = link(selection, target.labels, cell.labels)
                if found is None or not selection.selects(found):
                    continue
                one = sums.setdefault(found, Sums())
                if cell.kept.family in families.TCP:
                    peer = Peer.DST if found.source is not None else Peer.SRC
                    _add_tcp(one, peer, cell, since, until, fresh)
                else:
                    _add(one, cell, since, until)
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
        wanted = {*(one.family for one in selection.source.counts)}
        wanted |= {one.family for one in selection.source.times}
        own = [(name, value) for name, value in selection.match if name in OWN]
        rest = [(name, value) for name, value in selection.match if name not in OWN]
        sums: dict[tuple[str, ...], Sums] = {}
        for target in self.targets.values():
            if any(target.labels.get(name) != value for name, value in own):
                continue
            for cell in target.cells.values():
                if cell.kept.family not in wanted or not _matches(cell, rest):
                    continue
                key = tuple(
                    (target.labels if name in OWN else cell.labels).get(name, "")
                    for name in selection.by
                )
                _add(sums.setdefault(key, Sums()), cell, since, until)
        return {key: one.traffic(tcp=False) for key, one in sums.items()}

    def history(
        self, selection: Selection, moments: Sequence[float], window: float
    ) -> dict[Group, list[Sample]]:
        """Answered requests by group, for the window before each moment."""
        found: dict[Group, list[Sample]] = {}
        for target in self.targets.values():
            rest = _unmet(selection, target.labels)
            if rest is None:
                continue
            for cell in target.cells.values():
                if cell.kept.family != families.RESPONSES or not _matches(cell, rest):
                    continue
                group = _group(selection, target.labels, cell.labels)
                if group is None:
                    continue
                good = float(cell.labels.get("classification") == "success")
                bad = float(cell.labels.get("classification") == "failure")
                grown = [cell.counter.increase(at - window, at) for at in moments]
                before = found.setdefault(group, [Sample(0.0, 0.0)] * len(moments))
                found[group] = [
                    Sample(one.success + good * more, one.failure + bad * more)
                    for one, more in zip(before, grown, strict=True)
                ]
        return found


def _unmet(selection: Selection, labels: Mapping[str, str]) -> list[tuple[str, str]] | None:
    """What series must still match once the target's own labels do; None when those do not."""
    rest = [("direction", selection.direction.value)]
    for name, value in selection.match:
        if name.startswith("dst_"):
            rest.append((name, value))
        elif labels.get(name) != value:
            return None
    return rest


def _group(
    selection: Selection, target: Mapping[str, str], series: Mapping[str, str]
) -> Group | None:
    """The row a series belongs to; None when it has no such label, as a pod without a Deployment."""
    found = [
        "" if label is None else (series if label.startswith("dst_") else target).get(label)
        for label in (selection.namespace_label, selection.name_label)
    ]
    namespace, name = found
    return Group(namespace, name) if namespace is not None and name else None


def _matches(cell: Cell, rest: Iterable[tuple[str, str]]) -> bool:
    return all(cell.labels.get(name) == value for name, value in rest)


def _add(sums: Sums, cell: Cell, since: float, until: float) -> None:
    grown = cell.counter.increase(since, until)
    if cell.kept.bound is not None:
        sums.bucket(cell.kept.bound, grown)
    else:
        sums.count(cell.labels.get(CLASSIFICATION, ""), grown)


def _add_tcp(sums: Sums, peer: Peer, cell: Cell, since: float, until: float, fresh: bool) -> None:
    sums.has_tcp = True
    if cell.kept.family == families.OPEN_CONNECTIONS:
        # Both ends count, as in Linkerd's tables: a connection through a proxy is two.
        sums.open_connections += cell.gauge if fresh else 0.0
    elif cell.labels.get("peer") == peer.value:
        grown = cell.counter.increase(since, until)
        if cell.kept.family == families.READ_BYTES:
            sums.read_bytes += grown
        else:
            sums.write_bytes += grown
