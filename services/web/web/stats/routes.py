"""How each route does: inbound by the routes of Servers, outbound by those of Services."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from web.stats import tallies
from web.stats.aggregate import Requests, requests_of
from web.stats.backend import Backend, Provenance, Traffic
from web.stats.inventory import Inventory
from web.stats.kinds import ALL, STAT_ONLY, Kind
from web.stats.policies import (
    INBOUND_ROUTE,
    OUTBOUND_ROUTE,
    PARENT,
    SERVER,
    Owned,
    Policy,
    asked_for,
    groups,
    policy,
)
from web.stats.query import Query, QueryError, Question, Ref, check
from web.stats.tallies import Source, TallySelection
from weft.numbers import whole_number

INBOUND = "inbound"
OUTBOUND = "outbound"
PROFILE = "ServiceProfile"

_PEERS = (Kind.NAMESPACE, Kind.SERVICE)


@dataclass(frozen=True, slots=True)
class Route:
    """A route of one resource. `actual` counts tries: None inbound, where there are none."""

    resource: Ref
    direction: str
    parent: Policy
    route: Policy
    requests: Requests | None
    actual: Requests | None = None


@dataclass(frozen=True, slots=True)
class RoutesAnswer:
    """Routes, and over which time they were measured (seconds)."""

    routes: list[Route]
    window: float
    observed: float
    source: Provenance


Key = tuple[Ref, Policy, Policy]  # resource, parent, route


async def answer_routes(question: Question, inventory: Inventory, backend: Backend) -> RoutesAnswer:
    """Raises QueryError, BackendError."""
    if question.kind == ALL:
        raise QueryError("resource.kind", "routes are of one kind of resource, not 'all'")
    (query,) = check(question, backend.max_window, refused=STAT_ONLY)
    if query.to is not None and query.to.kind not in _PEERS:
        raise QueryError("to.kind", "a route leads to a service: allowed are namespace, service")
    wanted = asked_for(query, inventory)
    if query.rows.kind is Kind.SERVICE or query.to is not None:
        routes, observed = await _outbound(query, wanted, backend)
    else:
        routes, observed = await _inbound(query, wanted, backend)
    return RoutesAnswer(routes, query.window, observed, backend.provenance)


async def _inbound(
    query: Query, wanted: Collection[Ref], backend: Backend
) -> tuple[list[Route], float]:
    owned = Owned(query)
    labels = (*owned.by, *SERVER, *INBOUND_ROUTE)
    match = tuple(sorted((*owned.match, ("direction", INBOUND))))
    found = await backend.tally(TallySelection(tallies.RESPONSES, match, labels), query.window)
    routes = []
    for values, traffic in groups(found.traffic, labels):
        resource = owned.resource((values[labels[0]], values[labels[1]]))
        if resource in wanted and resource is not None:
            parent, route = policy(values, "srv"), policy(values, "route")
            requests = requests_of(traffic, found.observed)
            routes.append(Route(resource, INBOUND, parent, route, requests))
    return sorted(routes, key=_order), found.observed


async def _outbound(
    query: Query, wanted: Collection[Ref], backend: Backend
) -> tuple[list[Route], float]:
    whole: dict[Key, Traffic] = {}
    tries: dict[Key, Traffic] = {}
    observed = query.window
    for way in _WAYS:
        for source, sums in ((way.requests, whole), (way.tries, tries)):
            labels = (*_own(query), *way.labels)
            found = await backend.tally(
                TallySelection(source, _match(query, way), labels), query.window
            )
            observed = min(observed, found.observed)
            for values, traffic in groups(found.traffic, labels):
                key = _key(query, way, values)
                if key is not None and key[0] in wanted:
                    sums[key] = traffic
    routes = []
    for key in {*whole, *tries}:
        once, each = (
            requests_of(sums[key], observed) if key in sums else None for sums in (whole, tries)
        )
        routes.append(Route(key[0], OUTBOUND, key[1], key[2], once, each))
    return sorted(routes, key=_order), observed


@dataclass(frozen=True, slots=True)
class _Way:
    """One way in which proxies count what they send by route."""

    requests: Source
    tries: Source
    labels: tuple[str, ...]
    match: tuple[tuple[str, str], ...]
    read: Callable[[Mapping[str, str]], tuple[Policy, Policy] | None]
    """The Service and the route that labels name."""


def _of_policy(values: Mapping[str, str]) -> tuple[Policy, Policy]:
    return policy(values, "parent"), policy(values, "route")


def _of_profile(values: Mapping[str, str]) -> tuple[Policy, Policy] | None:
    """`dst` is `web.emojivoto.svc.cluster.local:80`."""
    host, _, digits = values["dst"].rpartition(":")
    port = whole_number(digits)
    name, namespace, svc, *_ = (*host.split("."), "", "", "")
    if svc != "svc" or port is None:
        return None
    route = Policy(PROFILE, values["rt_route"], namespace)
    return Policy("Service", name, namespace, port), route


_WAYS = (
    _Way(
        tallies.ROUTES,
        tallies.ROUTE_TRIES,
        (*PARENT, *OUTBOUND_ROUTE),
        (("parent_kind", "Service"),),
        _of_policy,
    ),
    _Way(
        tallies.PROFILE_ROUTES,
        tallies.PROFILE_TRIES,
        ("dst", "rt_route"),
        (("direction", OUTBOUND),),
        _of_profile,
    ),
)


def _own(query: Query) -> tuple[str, ...]:
    """A service's routes are told apart by the service alone, whoever took them."""
    return () if query.rows.kind is Kind.SERVICE else Owned(query).by


def _match(query: Query, way: _Way) -> tuple[tuple[str, str], ...]:
    own = () if query.rows.kind is Kind.SERVICE else Owned(query).match
    return tuple(sorted((*way.match, *own)))


def _key(query: Query, way: _Way, values: Mapping[str, str]) -> Key | None:
    """None for what is not asked for."""
    found = way.read(values)
    if found is None:
        return None
    parent, route = found
    service = Ref(Kind.SERVICE, parent.namespace, parent.name)
    if query.rows.kind is Kind.SERVICE:
        return service, parent, route
    owned = Owned(query)
    resource = owned.resource((values[owned.by[0]], values[owned.by[1]]))
    if resource is None or query.to is None or not _leads_to(query.to, service):
        return None
    return resource, parent, route


def _leads_to(to: Ref, service: Ref) -> bool:
    if to.kind is Kind.NAMESPACE:
        return to.name in ("", service.namespace)
    return to.namespace in ("", service.namespace) and to.name in ("", service.name)


def _order(route: Route) -> tuple[str, str, Policy, Policy]:
    return route.resource.namespace, route.resource.name, route.parent, route.route
