"""Which routes are attached to a Service, a Server or an EgressNetwork, and why others are not. Pure.

It is worked out from the objects, by every replica alike. The status of a route says the same, but
is never read: proxies need not wait for the one replica that writes statuses, and nobody who may
write a status decides about traffic.

A route in its parent's namespace is a *producer's* and counts for every client. One in another
namespace is a *consumer's* and counts for the clients of its own namespace only; so it can neither
take the traffic of others nor, by being of a more specific kind, switch off their routes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from destination.index import Reader
from destination.policy.model import Network
from destination.policy.route import (
    CORE,
    EGRESS_NETWORK,
    POLICY_GROUP,
    PRECEDENCE,
    SERVER,
    SERVER_ROUTES,
    SERVICE,
    Backend,
    EgressNetwork,
    Parent,
    ResponseHeaders,
    Route,
)
from weft.addresses import IPNetwork


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition of a status says."""

    holds: bool
    reason: str
    message: str = ""


ACCEPTED = Verdict(True, "Accepted")
RESOLVED = Verdict(True, "ResolvedRefs")


def attached(
    reader: Reader,
    parent: Parent,
    client: str,
    cluster: tuple[IPNetwork, ...],
    kinds: tuple[str, ...] = PRECEDENCE,
) -> list[Route]:
    """The accepted routes of a parent's port for clients of a namespace, in order."""
    found = [
        route
        for route, theirs in _of(reader, parent, kinds)
        if route.key.namespace in (parent.key.namespace, client)
        and accepted(reader, route, theirs, cluster).holds
    ]
    return sorted(found, key=lambda route: route.order)


def _of(reader: Reader, parent: Parent, kinds: tuple[str, ...]) -> Iterator[tuple[Route, Parent]]:
    """Routes that name the parent, each with its own reference to it, which may be of all ports."""
    for route, references in _naming(reader, parent, kinds):
        theirs = next((one for one in references if _overlap(one, parent)), None)
        if theirs is not None:
            yield route, theirs


def _naming(
    reader: Reader, parent: Parent, kinds: tuple[str, ...]
) -> Iterator[tuple[Route, list[Parent]]]:
    """Routes that name the parent, whatever the port, and all their references to it."""
    at = (parent.group, parent.kind, parent.key)
    for table in reader.index.routes:
        for route in reader.by(table, "parent", at):
            if route.kind in kinds:
                theirs = [one for one in route.parents if (one.group, one.kind, one.key) == at]
                yield route, theirs


def _overlap(one: Parent, other: Parent) -> bool:
    return not one.port or not other.port or one.port == other.port


# -- Accepted ------------------------------------------------------------------------------------
def accepted(
    reader: Reader, route: Route, parent: Parent, cluster: tuple[IPNetwork, ...]
) -> Verdict:
    """Whether the route is attached to this parent of its own; for parents that are `known`."""
    if route.problem:
        return Verdict(False, "UnsupportedValue", route.problem)
    if parent.kind == SERVER:
        return _by_server(reader, route, parent)
    if parent.kind == SERVICE:
        found = _by_service(reader, parent)
    else:
        found = _by_egress_network(reader, parent, cluster)
    return _unless_conflicted(reader, route, parent) if found.holds else found


def _by_server(reader: Reader, route: Route, parent: Parent) -> Verdict:
    if parent.key.namespace != route.key.namespace:
        return _no_parent("a Server's routes are in its own namespace")
    server = reader.get(reader.index.servers, parent.key)
    if server is None:
        return _no_parent(f"there is no Server {parent.key}")
    if SERVER_ROUTES.get(server.protocol) != route.kind:
        why = f"a Server with proxyProtocol {server.protocol} takes no {route.kind}"
        return Verdict(False, "UnsupportedValue", why)
    if why := unfit_for_server(route):
        return Verdict(False, "UnsupportedValue", why)
    return ACCEPTED


def unfit_for_server(route: Route) -> str:
    """Why no Server can have it; empty: one may."""
    if any(isinstance(one, ResponseHeaders) for rule in route.rules for one in rule.filters):
        return "filter ResponseHeaderModifier is not supported on a Server"
    return ""


def _by_service(reader: Reader, parent: Parent) -> Verdict:
    service = reader.get(reader.index.services, parent.key)
    if service is None:
        return _no_parent(f"there is no Service {parent.key}")
    if not service.cluster_ips:
        return _no_parent("parent service must have a ClusterIP")
    return ACCEPTED


def _by_egress_network(reader: Reader, parent: Parent, cluster: tuple[IPNetwork, ...]) -> Verdict:
    network = reader.get(reader.index.egress_networks, parent.key)
    if network is None:
        return _no_parent(f"there is no EgressNetwork {parent.key}")
    if not egress_accepted(network, cluster).holds:
        return _no_parent(f"EgressNetwork {parent.key} is not accepted")
    if why := portless_parent(parent):
        return Verdict(False, "UnsupportedValue", why)
    return ACCEPTED


def portless_parent(parent: Parent) -> str:
    """Why a parent needs a port and has none; empty: it has, or needs none."""
    if (parent.group, parent.kind) == (POLICY_GROUP, EGRESS_NETWORK) and not parent.port:
        return "an EgressNetwork as parent needs a port"
    return ""


def _unless_conflicted(reader: Reader, route: Route, parent: Parent) -> Verdict:
    """A route of all ports gives way on those that a more specific kind is attached to, and is in
    force on the others."""
    stronger = PRECEDENCE[: PRECEDENCE.index(route.kind)]
    for other, references in _naming(reader, parent, stronger):
        whose = (parent.key.namespace, route.key.namespace)
        takes = any(not one.port or one.port == parent.port for one in references)
        if takes and not other.problem and other.key.namespace in whose:
            why = f"{other.kind} {other.key} is attached to the same port"
            return Verdict(False, "RouteReasonConflicted", why)
    return ACCEPTED


def _no_parent(why: str) -> Verdict:
    return Verdict(False, "NoMatchingParent", why)


def egress_accepted(network: EgressNetwork, cluster: tuple[IPNetwork, ...]) -> Verdict:
    if network.problem:
        return Verdict(False, "UnsupportedValue", network.problem)
    if any(_reaches(one, inside) for one in network.networks for inside in cluster):
        why = "networks overlap with clusterNetworks"
        return Verdict(False, "EgressReasonNetworkOverlap", why)
    return ACCEPTED


def _reaches(network: Network, inside: IPNetwork) -> bool:
    """Whether some address of the network, exceptions aside, is inside."""
    if network.net.version != inside.version or not network.net.overlaps(inside):
        return False
    shared = max(network.net, inside, key=lambda net: net.prefixlen)
    return not any(
        hole.version == shared.version
        and hole.prefixlen <= shared.prefixlen
        and hole.overlaps(shared)
        for hole in network.excepted
    )


# -- ResolvedRefs --------------------------------------------------------------------------------
def resolved(reader: Reader, route: Route, parent: Parent) -> Verdict:
    """Whether all backends of the route can be reached from this parent."""
    backends = [one for rule in route.rules for one in rule.backends]
    problems = [(one, problem(reader, one, parent)) for one in backends]
    wrong = [(one, why) for one, why in problems if why]
    if not wrong:
        return RESOLVED
    foreign = any(not _is_service(one) for one, _ in wrong)
    reason = "InvalidKind" if foreign else "BackendNotFound"
    return Verdict(False, reason, "; ".join(dict.fromkeys(why for _, why in wrong)))


def resolve(reader: Reader, route: Route, parent: Parent) -> Route:
    """The route with a word on each backend that cannot be reached."""
    return replace(
        route,
        rules=tuple(
            replace(
                rule,
                backends=tuple(
                    replace(one, problem=problem(reader, one, parent)) for one in rule.backends
                ),
            )
            for rule in route.rules
        ),
    )


def problem(reader: Reader, backend: Backend, parent: Parent) -> str:
    """Why traffic cannot go to a backend; empty when it can. The texts are Linkerd's where it has one."""
    if backend.problem:
        return backend.problem
    if _is_service(backend):
        if why := portless_backend(backend):
            return why
        if reader.get(reader.index.services, backend.key) is None:
            return f"Service not found {backend.key.name}"
        return ""
    if (backend.group, backend.kind) == (POLICY_GROUP, EGRESS_NETWORK):
        if (parent.kind, parent.key) == (EGRESS_NETWORK, backend.key):
            return ""
        return "an EgressNetwork can be a backend only where it is the parent"
    return f"unsupported backend type {backend.group} {backend.kind}"


def portless_backend(backend: Backend) -> str:
    """Why a backend needs a port and has none; empty: it has, or needs none."""
    if _is_service(backend) and not backend.port:
        return f"missing port for backend Service {backend.key.name}"
    return ""


def _is_service(backend: Backend) -> bool:
    return (backend.group, backend.kind) == (CORE, SERVICE)
