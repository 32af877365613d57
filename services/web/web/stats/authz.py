"""What policy lets in and keeps out, by Server, route and authorization."""

from collections.abc import Collection
from dataclasses import dataclass

from web.stats import tallies
from web.stats.aggregate import Requests, requests_of
from web.stats.backend import Backend, Provenance, Traffic
from web.stats.inventory import Inventory
from web.stats.kinds import ALL, STAT_ONLY, Kind
from web.stats.policies import (
    AUTHORIZATION,
    INBOUND_ROUTE,
    SERVER,
    Owned,
    Policy,
    asked_for,
    groups,
    policy,
)
from web.stats.query import Query, QueryError, Question, Ref, check
from web.stats.tallies import Source, TallySelection


@dataclass(frozen=True, slots=True)
class Authorized:
    """What one authorization let in at one Server; without one, what was kept out. Rates per second."""

    resource: Ref
    server: Policy
    route: Policy | None
    authorization: Policy | None
    requests: Requests | None = None
    allowed: float = 0.0
    denied: float = 0.0
    connections_allowed: float = 0.0
    connections_denied: float = 0.0


@dataclass(frozen=True, slots=True)
class AuthzAnswer:
    """Rows, and over which time they were measured (seconds)."""

    rows: list[Authorized]
    window: float
    observed: float
    source: Provenance


Key = tuple[Ref, Policy, Policy | None, Policy | None]  # resource, server, route, authorization
Sums = dict[Key, Traffic]


async def answer_authz(question: Question, inventory: Inventory, backend: Backend) -> AuthzAnswer:
    """Raises QueryError, BackendError."""
    if question.kind in (ALL, Kind.SERVICE.value):
        raise QueryError(
            "resource.kind",
            "traffic is let in at pods: allowed are kinds that own pods, one at a time",
        )
    (query,) = check(question, backend.max_window, refused=STAT_ONLY)
    wanted = asked_for(query, inventory)
    match = Owned(query).match
    inbound = tuple(sorted((*match, ("direction", "inbound"))))
    answered, observed = await _sums(tallies.RESPONSES, inbound, query, wanted, backend)
    requests, _ = await _sums(tallies.AUTHORIZED, match, query, wanted, backend)
    connections, _ = await _sums(tallies.TCP_AUTHORIZED, match, query, wanted, backend)
    # What no authorization let in was answered by the proxy itself; it is among the denied.
    known = {key for key in answered if key[3] is not None} | {*requests, *connections}
    rows = [
        Authorized(
            *key,
            requests_of(answered[key], observed) if key in answered and key[3] else None,
            *_rates(requests.get(key), observed),
            *_rates(connections.get(key), observed),
        )
        for key in sorted(known, key=_order)
    ]
    return AuthzAnswer(rows, query.window, observed, backend.provenance)


async def _sums(
    source: Source,
    match: tuple[tuple[str, str], ...],
    query: Query,
    wanted: Collection[Ref],
    backend: Backend,
) -> tuple[Sums, float]:
    owned = Owned(query)
    labels = (*owned.by, *SERVER, *INBOUND_ROUTE, *AUTHORIZATION)
    found = await backend.tally(TallySelection(source, match, labels), query.window)
    sums: Sums = {}
    for values, traffic in groups(found.traffic, labels):
        resource = owned.resource((values[labels[0]], values[labels[1]]))
        if resource is not None and resource in wanted:
            route, authorization = policy(values, "route"), policy(values, "authz")
            key = (
                resource,
                policy(values, "srv"),
                route if route.kind else None,
                authorization if authorization.kind else None,
            )
            sums[key] = traffic
    return sums, found.observed


def _rates(counted: Traffic | None, seconds: float) -> tuple[float, float]:
    """Let in and kept out, per second."""
    if counted is None or seconds <= 0:
        return 0.0, 0.0
    return counted.success / seconds, counted.failure / seconds


_NONE = Policy("", "")


def _order(key: Key) -> tuple[str, str, Policy, Policy, Policy]:
    resource, server, route, authorization = key
    return resource.namespace, resource.name, server, route or _NONE, authorization or _NONE
