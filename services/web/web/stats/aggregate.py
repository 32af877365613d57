"""Inventory and traffic become rows.

Pods say what they like, and Prometheus passes it on: a count is no more than an answer holds, so that
one pod's nonsense is a strange figure in its rows and no error in everybody's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from web.stats.backend import Group, Latency, Measured, Sample, Traffic
from web.stats.denials import Denials
from web.stats.inventory import Inventory, Item, Pod, PodCounts
from web.stats.kinds import POLICIES, Kind
from web.stats.query import Query, Ref

_MOST = 2**63
"""Counts are told as 64 bits without a sign; the sum of two must be one too."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Answered requests of a window; never none."""

    success: int
    failure: int
    rps: float
    latency: Latency


@dataclass(frozen=True, slots=True)
class Tcp:
    """Connections open now; bytes per second over the window."""

    open_connections: int
    read_rate: float
    write_rate: float


@dataclass(frozen=True, slots=True)
class Row:
    """One resource. What is None is not known, or makes no sense for its kind."""

    resource: Ref
    status: str = ""
    pods: PodCounts | None = None
    requests: Requests | None = None
    tcp: Tcp | None = None
    history: tuple[Sample, ...] | None = None
    denials: Denials | None = None


def rows(
    query: Query,
    inventory: Inventory,
    measured: Measured,
    denials: Mapping[Group, Denials] = MappingProxyType({}),
) -> list[Row]:
    """One row for each object asked for, ordered; of a directed query, only where series exist. An
    authority is no object: there is one where series are."""
    kind = query.rows.kind
    if kind is Kind.AUTHORITY:
        return [
            _receiver(Ref(kind, *group), traffic, measured.observed)
            for group, traffic in sorted(measured.traffic.items(), key=lambda item: item[0])
        ]
    counts = None if kind in _PODLESS else inventory.counts(kind)
    found = []
    for item in sorted(inventory.select(query), key=lambda item: item.key):
        group = Group(*item.key)
        traffic, denied = measured.traffic.get(group), denials.get(group)
        if traffic is not None or denied is not None or not query.is_directed:
            pods = None if counts is None else counts.get(item.key, PodCounts())
            found.append(_row(item, pods, traffic, denied, measured.observed))
    return found


def in_order(tables: Iterable[list[Row]]) -> list[Row]:
    """Rows of several kinds by kind, namespace, name."""
    every = [row for table in tables for row in table]
    return sorted(
        every, key=lambda row: (row.resource.kind, row.resource.namespace, row.resource.name)
    )


_PODLESS = (Kind.SERVICE, *POLICIES)
"""Kinds of objects that own no pods."""


def _row(
    item: Item,
    counts: PodCounts | None,
    traffic: Traffic | None,
    denied: Denials | None,
    seconds: float,
) -> Row:
    return Row(
        Ref(item.kind, item.key.namespace, item.key.name),
        status=item.status if isinstance(item, Pod) else "",
        pods=counts,
        requests=requests_of(traffic, seconds) if traffic is not None else None,
        tcp=tcp_of(traffic, seconds) if traffic is not None else None,
        denials=denied,
    )


def _receiver(resource: Ref, traffic: Traffic, seconds: float) -> Row:
    return Row(resource, requests=requests_of(traffic, seconds), tcp=tcp_of(traffic, seconds))


def requests_of(traffic: Traffic, seconds: float) -> Requests | None:
    """None when none was answered."""
    success, failure = whole(traffic.success), whole(traffic.failure)
    if success + failure == 0:
        return None
    return Requests(success, failure, _rate(success + failure, seconds), traffic.latency)


def tcp_of(traffic: Traffic, seconds: float) -> Tcp | None:
    """None when connections were not counted."""
    if traffic.tcp is None:
        return None
    return Tcp(
        whole(traffic.tcp.open_connections),
        _rate(traffic.tcp.read_bytes, seconds),
        _rate(traffic.tcp.write_bytes, seconds),
    )


def whole(amount: float, most: int = _MOST) -> int:
    """The nearest number from 0 to `most`; 0 for what is no number."""
    return round(min(max(0.0, amount), most))  # in this order, as max(0.0, nan) is 0.0


def _rate(amount: float, seconds: float) -> float:
    return amount / seconds if seconds > 0 else 0.0
