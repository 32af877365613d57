"""Links become edges: one for each pair of ends, with what it carries and how it is secured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from web.stats.aggregate import Requests, Tcp, requests_of, tcp_of
from web.stats.backend import Backend, Flow, Provenance
from web.stats.inventory import Inventory
from web.stats.kinds import ALL, STAT_ONLY, Kind
from web.stats.links import End, Link, LinkSelection, Security, select_links, select_neighbours
from web.stats.query import Question, Ref, check
from weft.names import TrustDomain


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` is None when the sender is not in the mesh. `reason` says why it is not secured."""

    source: End | None
    target: End
    client_id: str
    server_id: str
    reason: str
    is_secured: bool
    requests: Requests | None
    tcp: Tcp | None


@dataclass(frozen=True, slots=True)
class EdgesAnswer:
    """Edges, and over which time they were measured (seconds)."""

    edges: list[Edge]
    window: float
    observed: float
    source: Provenance


async def answer_edges(
    question: Question, inventory: Inventory, backend: Backend, identities: TrustDomain
) -> EdgesAnswer:
    """Edges that have the question's resources at one end. Raises QueryError, BackendError.

    Of kind `all`, ends are whatever owns the pods.
    """
    (query, *_) = check(question, backend.max_window, refused=STAT_ONLY)
    if question.kind == ALL:
        selection = select_neighbours(Ref(Kind.NAMESPACE, question.namespace))
    else:
        selection = select_links(query.rows)
    return await measure_edges(selection, query.window, inventory, backend, identities)


async def measure_edges(
    selection: LinkSelection,
    window: float,
    inventory: Inventory,
    backend: Backend,
    identities: TrustDomain,
) -> EdgesAnswer:
    """Raises BackendError."""
    measured = await backend.links(selection, window)
    accounts = service_accounts(inventory, selection)
    edges = [
        _edge(link, flow, measured.observed, accounts, identities)
        for link, flow in sorted(measured.flows.items(), key=_order)
    ]
    return EdgesAnswer(edges, window, measured.observed, backend.provenance)


def service_accounts(inventory: Inventory, selection: LinkSelection) -> Mapping[End, str]:
    """Whose identity each sending end has; ends whose pods have several are not there."""
    found: dict[End, set[str]] = {}
    for pod in inventory.pods():
        labels = inventory.belonging(pod)
        for kind in selection.sources:
            if kind is not Kind.NAMESPACE and kind.value in labels:
                end = End(kind, pod.key.namespace, labels[kind.value])
                found.setdefault(end, set()).add(pod.service_account if pod.meshed else "")
    return {end: next(iter(names)) for end, names in found.items() if len(names) == 1}


def _edge(
    link: Link,
    flow: Flow,
    observed: float,
    accounts: Mapping[End, str],
    identities: TrustDomain,
) -> Edge:
    unsecured = sorted(one for one in flow.security if not one.is_secured)
    secured = bool(flow.security) and not unsecured
    account = accounts.get(link.source, "") if link.source is not None else ""
    return Edge(
        link.source,
        link.target,
        identities.identity(account, link.source.namespace)
        if secured and account and link.source is not None
        else "",
        next(_servers(flow.security), ""),
        "" if secured else _reason(unsecured),
        secured,
        requests_of(flow.traffic, observed),
        tcp_of(flow.traffic, observed),
    )


def _servers(known: frozenset[Security]) -> Iterator[str]:
    return iter(sorted(one.server_id for one in known if one.server_id))


def _reason(unsecured: list[Security]) -> str:
    return next((one.reason or one.tls for one in unsecured), "unknown")


def _order(item: tuple[Link, Flow]) -> tuple[End, bool, End]:
    source, target = item[0]
    return (source or target, source is None, target)
