"""All targets, and what their series say of a selection. Pure: moments come in as arguments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from web.stats.backend import Group, Latency, TcpTotals, Traffic
from web.stats.collector import families
from web.stats.collector.quantile import quantile
from web.stats.collector.target import Cell, Target
from web.stats.selection import Selection

HORIZON = 600.0
"""Seconds that are remembered."""


class Identity(NamedTuple):
    """Which proxy a target is. Another pod of the same name, or the same pod at another address, is
    another target; the series of both belong to the same rows."""

    uid: str
    address: str
    port: int


@dataclass
class _Sums:
    """One group's series, added up."""

    success: float = 0.0
    failure: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)
    has_tcp: bool = False
    open_connections: float = 0.0
    read_bytes: float = 0.0
    write_bytes: float = 0.0

    def traffic(self, *, tcp: bool) -> Traffic:
        return Traffic(
            self.success,
            self.failure,
            Latency(*(quantile(q, self.buckets) for q in (0.5, 0.95, 0.99))),
            TcpTotals(self.open_connections, self.read_bytes, self.write_bytes)
            if tcp and self.has_tcp
            else None,
        )


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
        sums: dict[Group, _Sums] = {}
        for target in self.targets.values():
            rest = _unmet(selection, target.labels)
            if rest is None:
                continue
            fresh = target.scraped is not None and target.scraped > fresh_after
            for cell in target.cells.values():
                if not all(cell.labels.get(name) == value for name, value in rest):
                    continue
                group = _group(selection, target.labels, cell.labels)
                if group is not None:
                    _add(sums.setdefault(group, _Sums()), selection, cell, since, until, fresh)
        return {group: one.traffic(tcp=selection.tcp) for group, one in sums.items()}


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


def _add(
    sums: _Sums, selection: Selection, cell: Cell, since: float, until: float, fresh: bool
) -> None:
    family = cell.kept.family
    if family == families.LATENCY:
        assert cell.kept.bound is not None
        grown = cell.counter.increase(since, until)
        sums.buckets[cell.kept.bound] = sums.buckets.get(cell.kept.bound, 0.0) + grown
    elif family == families.RESPONSES:
        grown = cell.counter.increase(since, until)
        if cell.labels.get("classification") == "success":
            sums.success += grown
        elif cell.labels.get("classification") == "failure":
            sums.failure += grown
    elif selection.tcp:
        _add_tcp(sums, selection, cell, since, until, fresh)


def _add_tcp(
    sums: _Sums, selection: Selection, cell: Cell, since: float, until: float, fresh: bool
) -> None:
    sums.has_tcp = True
    if cell.kept.family == families.OPEN_CONNECTIONS:
        # Both ends count, as in Linkerd's tables: a connection through a proxy is two.
        sums.open_connections += cell.gauge if fresh else 0.0
    elif cell.labels.get("peer") == selection.peer.value:
        grown = cell.counter.increase(since, until)
        if cell.kept.family == families.READ_BYTES:
            sums.read_bytes += grown
        else:
            sums.write_bytes += grown
