"""Who sends to whom: which links are asked for, and how series say their two ends. Pure.

The sender's proxy tells a link with both ends and with the identity its connection was made to. What
comes in from outside the mesh only the receiver's proxy sees, and it does not know who it was: such a
link has no source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from web.stats.kinds import DST, NAMESPACE_LABEL, Kind
from web.stats.query import Ref

WORKLOADS = (
    Kind.DEPLOYMENT,
    Kind.STATEFUL_SET,
    Kind.DAEMON_SET,
    Kind.JOB,
    Kind.REPLICA_SET,
    Kind.POD,
)
"""What owns a pod, the topmost first."""


class End(NamedTuple):
    """One side of a link."""

    kind: Kind
    namespace: str
    name: str


class Link(NamedTuple):
    """Traffic from `source`, or from outside the mesh when that is None, to `target`."""

    source: End | None
    target: End


class Security(NamedTuple):
    """What a proxy says of a connection. `reason` is empty when it is secured."""

    tls: str
    server_id: str
    reason: str

    @property
    def is_secured(self) -> bool:
        return self.tls == "true"


@dataclass(frozen=True, slots=True)
class LinkSelection:
    """Links that have `near` at one end. An end is the first of its kinds that its labels name."""

    sources: tuple[Kind, ...]
    targets: tuple[Kind, ...]
    near: Ref

    def selects(self, link: Link) -> bool:
        return self._is_near(link.target) or (
            link.source is not None and self._is_near(link.source)
        )

    def _is_near(self, end: End) -> bool:
        near = self.near
        if near.namespace not in ("", end.namespace):
            return False
        return not near.name or (near.kind, near.name) == (end.kind, end.name)


def select_links(near: Ref) -> LinkSelection:
    """Links of one kind of resource: of its ends, those that have no such owner are not shown.

    Services are ends only where something is sent to; a namespace is an end as a whole.
    """
    if near.kind is Kind.SERVICE:
        return LinkSelection(WORKLOADS, (Kind.SERVICE,), near)
    return LinkSelection((near.kind,), (near.kind,), near)


def select_neighbours(near: Ref) -> LinkSelection:
    """Links between whatever owns the pods, so that none is left out; `near`'s kind goes first."""
    kinds = (near.kind, *(kind for kind in WORKLOADS if kind is not near.kind))
    if near.kind in (Kind.NAMESPACE, Kind.SERVICE):
        return LinkSelection(
            WORKLOADS, (near.kind,) if near.kind is Kind.SERVICE else WORKLOADS, near
        )
    return LinkSelection(kinds, kinds, near)


def end(labels: Mapping[str, str], kinds: tuple[Kind, ...], prefix: str = "") -> End | None:
    """The end that a series' labels name; `prefix` is that of the receiving side's labels."""
    namespace = labels.get(prefix + NAMESPACE_LABEL)
    if not namespace:
        return None
    for kind in kinds:
        if kind is Kind.NAMESPACE:
            return End(kind, "", namespace)
        if name := labels.get(prefix + kind.value):
            return End(kind, namespace, name)
    return None


def link(
    selection: LinkSelection, own: Mapping[str, str], series: Mapping[str, str]
) -> Link | None:
    """The link a series tells of. `own` are the labels of the pod whose proxy told it.

    None when it tells of none: inbound traffic of meshed senders, which tell it themselves, and the
    proxy's connection to its own application.
    """
    if is_outbound(series):
        source, target = end(own, selection.sources), end(series, selection.targets, DST)
        return Link(source, target) if source is not None and target is not None else None
    if not is_from_outside(series):
        return None
    target = end(own, selection.targets)
    return Link(None, target) if target is not None else None


def is_outbound(series: Mapping[str, str]) -> bool:
    return series.get("direction") == "outbound"


def is_from_outside(series: Mapping[str, str]) -> bool:
    """Whether an inbound series is of senders that are not in the mesh."""
    return series.get("tls", "true") != "true" and series.get("peer") != "dst"


def security(series: Mapping[str, str]) -> Security | None:
    """What a series says of how its connection is secured, if it does."""
    tls = series.get("tls")
    if tls is None:
        return None
    return Security(tls, series.get("server_id", ""), series.get("no_tls_reason", ""))
