"""Which series answer a query: a direction, labels to match, labels to group by.

The conventions are Linkerd's. A series is described by the labels of the pod it was scraped from
(`namespace`, `pod`, `deployment`, ...) and, when outbound, by those of the peer (`dst_namespace`,
`dst_deployment`, ...). What comes in is read at the rows' own pods. What goes from one resource to
another is read at the sender, so that it is known even when the receiver has no proxy; the same is
true of services, which are only names that senders use. Objects of policy are named in what the pods
they guard count, so they are read there, whoever sent.
"""

from dataclasses import dataclass
from enum import StrEnum

from web.stats.kinds import DST, NAMESPACE_LABEL, POLICIES, Kind
from web.stats.query import RECEIVERS, Query, Ref


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Peer(StrEnum):
    """Which end of the proxied connection bytes are counted at."""

    SRC = "src"
    DST = "dst"


@dataclass(frozen=True, slots=True)
class Selection:
    """A query in terms of series; both backends are asked in these."""

    direction: Direction
    match: tuple[tuple[str, str], ...]  # label, value; sorted
    namespace_label: str | None  # label that says a row's namespace; None: rows have none
    name_label: str  # label that says a row's name
    tcp: bool

    @property
    def peer(self) -> Peer:
        return Peer.SRC if self.direction is Direction.INBOUND else Peer.DST


def select(query: Query) -> Selection:
    """The selection of a checked query."""
    rows = query.rows
    if rows.kind in POLICIES:
        return _of_policy(query)
    if query.to is not None:
        match = _match(rows, "") | _match(query.to, DST)
        return _selection(Direction.OUTBOUND, match, rows.kind, "", query.tcp)
    if query.from_ is not None:
        match = _match(query.from_, "") | _match(rows, DST)
        return _selection(Direction.OUTBOUND, match, rows.kind, DST, query.tcp)
    if rows.kind in RECEIVERS:
        return _selection(Direction.OUTBOUND, _match(rows, DST), rows.kind, DST, query.tcp)
    return _selection(Direction.INBOUND, _match(rows, ""), rows.kind, "", query.tcp)


_POLICY_LABELS = {
    Kind.AUTHORIZATION_POLICY: ("authz", "authorizationpolicy"),
    Kind.GRPC_ROUTE: ("route", "GRPCRoute"),
    Kind.HTTP_ROUTE: ("route", "HTTPRoute"),
    Kind.SERVER: ("srv", "server"),
    Kind.SERVER_AUTHORIZATION: ("authz", "serverauthorization"),
}
"""Which labels name an object of policy, and how proxies write its kind."""


def _of_policy(query: Query) -> Selection:
    """What pods counted by an object of policy, which is in their namespace. Connections are counted by
    server alone."""
    rows = query.rows
    prefix, kind = _POLICY_LABELS[rows.kind]
    match = {f"{prefix}_kind": kind}
    if rows.name:
        match[f"{prefix}_name"] = rows.name
    if query.to is not None:
        match |= _match(query.to, "")  # in the rows' namespace, if that is given
    if rows.namespace:
        match[NAMESPACE_LABEL] = rows.namespace
    return Selection(
        Direction.INBOUND,
        tuple(sorted(match.items())),
        NAMESPACE_LABEL,
        f"{prefix}_name",
        query.tcp and rows.kind is Kind.SERVER,
    )


def _selection(
    direction: Direction, match: dict[str, str], kind: Kind, prefix: str, tcp: bool
) -> Selection:
    namespace = prefix + NAMESPACE_LABEL
    return Selection(
        direction,
        tuple(sorted(match.items())),
        None if kind is Kind.NAMESPACE else namespace,
        namespace if kind is Kind.NAMESPACE else _label(kind, prefix),
        tcp,
    )


def _match(ref: Ref, prefix: str) -> dict[str, str]:
    if ref.kind is Kind.NAMESPACE:
        return {prefix + NAMESPACE_LABEL: ref.name} if ref.name else {}
    match = {}
    if ref.namespace:
        match[prefix + NAMESPACE_LABEL] = ref.namespace
    if ref.name:
        match[_label(ref.kind, prefix)] = ref.name
    return match


def _label(kind: Kind, prefix: str) -> str:
    """An authority is what a request is addressed to: there is no other side of it."""
    return kind.value if kind is Kind.AUTHORITY else prefix + kind.value
