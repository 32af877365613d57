"""Everything known of the cluster, and which facts each change touched.

A table holds the values of one kind by key, and by whatever else they are looked up by (groups).
A *fact* is one such look-up: `("pods", key)` or `("pods by ip", "10.0.0.1")`. Whoever reads through
a `Reader` leaves a note of the facts read, also of those that were not there; a change returns the
facts it touched. That is all the fan-out needs to know what must be worked out again.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from destination.grace import Member
from destination.model import ExternalWorkload, Namespace, Node, Pod, Service, Slice
from destination.policy.model import (
    AuthorizationPolicy,
    MeshTLSAuthentication,
    NetworkAuthentication,
    RateLimit,
    Server,
    ServerAuthorization,
    ServiceProfile,
)
from destination.policy.route import EgressNetwork, Route
from kit.kube.objects import Key

V = TypeVar("V")
Fact = tuple[str, Hashable]
Grouping = Callable[[V], Iterable[Hashable]]


class Table(Generic[V]):
    """The values of one kind."""

    def __init__(self, name: str, **groups: Grouping[V]) -> None:
        self.name = name
        self._values: dict[Key, V] = {}
        self._groupings: Mapping[str, Grouping[V]] = groups
        self._groups: dict[Fact, dict[Key, V]] = {}

    def put(self, key: Key, value: V) -> set[Fact]:
        """Adds or replaces; returns the facts touched, none when the value is the same."""
        before = self._values.get(key)
        if before == value:
            return set()
        touched = self._ungroup(key, before) if before is not None else set()
        self._values[key] = value
        for fact in self._facts(value):
            self._groups.setdefault(fact, {})[key] = value
            touched.add(fact)
        return touched | {(self.name, key)}

    def drop(self, key: Key) -> set[Fact]:
        """Removes; returns the facts touched, none when there was no such value."""
        before = self._values.pop(key, None)
        if before is None:
            return set()
        return self._ungroup(key, before) | {(self.name, key)}

    def get(self, key: Key) -> V | None:
        return self._values.get(key)

    def by(self, group: str, value: Hashable) -> list[V]:
        """In order of key, so that answers do not depend on the order of events."""
        found = self._groups.get(self.fact(group, value), {})
        return [found[key] for key in sorted(found)]

    def fact(self, group: str, value: Hashable) -> Fact:
        return (f"{self.name} by {group}", value)

    def all(self) -> list[V]:
        """Every value, in order of key."""
        return [self._values[key] for key in sorted(self._values)]

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Table {self.name}: {len(self)}>"

    def _facts(self, value: V) -> Iterable[Fact]:
        for group, of in self._groupings.items():
            for one in of(value):
                yield self.fact(group, one)

    def _ungroup(self, key: Key, value: V) -> set[Fact]:
        touched = set(self._facts(value))
        for fact in touched:
            members = self._groups[fact]
            members.pop(key, None)
            if not members:
                del self._groups[fact]
        return touched


def _pod_ips(pod: Pod) -> Iterable[str]:
    """A pod on the host network shares its address with everything else there."""
    return () if pod.host_network else pod.ips


def _host_ports(pod: Pod) -> Iterable[tuple[str, int]]:
    return ((ip, port) for ip in pod.host_ips for port, _ in pod.host_ports)


def _addresses(workload: ExternalWorkload) -> Iterable[tuple[str, int]]:
    return ((ip, one.port) for ip in workload.ips for one in workload.declared)


def _of_namespace(value: EgressNetwork | ExternalWorkload | RateLimit) -> Iterable[str]:
    return (value.key.namespace,)


def _parents(route: Route) -> Iterable[tuple[str, str, Key]]:
    return ((one.group, one.kind, one.key) for one in route.parents if one.known)


def _routes(name: str) -> Table[Route]:
    return Table(name, parent=_parents)


@dataclass
class Index:
    """All tables."""

    services: Table[Service] = field(
        default_factory=lambda: Table("services", ip=lambda service: service.cluster_ips)
    )
    slices: Table[Slice] = field(
        default_factory=lambda: Table("slices", service=lambda one: (one.service,))
    )
    lately_ready: Table[frozenset[Member]] = field(default_factory=lambda: Table("lately ready"))
    """By Service: endpoints that were ready until just now. Kept by `keeper`, not by a watch."""
    pods: Table[Pod] = field(
        default_factory=lambda: Table("pods", ip=_pod_ips, host_port=_host_ports)
    )
    external_workloads: Table[ExternalWorkload] = field(
        default_factory=lambda: Table(
            "external workloads", address=_addresses, namespace=_of_namespace
        )
    )
    namespaces: Table[Namespace] = field(default_factory=lambda: Table("namespaces"))
    nodes: Table[Node] = field(default_factory=lambda: Table("nodes"))
    profiles: Table[ServiceProfile] = field(default_factory=lambda: Table("profiles"))
    servers: Table[Server] = field(
        default_factory=lambda: Table("servers", namespace=lambda one: (one.key.namespace,))
    )
    server_authorizations: Table[ServerAuthorization] = field(
        default_factory=lambda: Table(
            "server authorizations", namespace=lambda one: (one.key.namespace,)
        )
    )
    authorization_policies: Table[AuthorizationPolicy] = field(
        default_factory=lambda: Table(
            "authorization policies", namespace=lambda one: (one.key.namespace,)
        )
    )
    mesh_tls: Table[MeshTLSAuthentication] = field(
        default_factory=lambda: Table("mesh TLS authentications")
    )
    networks: Table[NetworkAuthentication] = field(
        default_factory=lambda: Table("network authentications")
    )
    egress_networks: Table[EgressNetwork] = field(
        default_factory=lambda: Table("egress networks", namespace=_of_namespace)
    )
    rate_limits: Table[RateLimit] = field(
        default_factory=lambda: Table("rate limits", namespace=_of_namespace)
    )
    policy_http_routes: Table[Route] = field(default_factory=lambda: _routes("policy HTTP routes"))
    http_routes: Table[Route] = field(default_factory=lambda: _routes("HTTP routes"))
    grpc_routes: Table[Route] = field(default_factory=lambda: _routes("gRPC routes"))
    tls_routes: Table[Route] = field(default_factory=lambda: _routes("TLS routes"))
    tcp_routes: Table[Route] = field(default_factory=lambda: _routes("TCP routes"))

    @property
    def routes(self) -> tuple[Table[Route], ...]:
        """Those of every kind."""
        return (
            self.policy_http_routes,
            self.http_routes,
            self.grpc_routes,
            self.tls_routes,
            self.tcp_routes,
        )


class Reader:
    """One look at the index; `facts` is what it depended on."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.facts: set[Fact] = set()

    def get(self, table: Table[V], key: Key) -> V | None:
        self.facts.add((table.name, key))
        return table.get(key)

    def by(self, table: Table[V], group: str, value: Hashable) -> list[V]:
        self.facts.add(table.fact(group, value))
        return table.by(group, value)
