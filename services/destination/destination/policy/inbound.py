"""Who may call a workload's port, and which protocol is spoken there. Pure."""

from dataclasses import dataclass, field

from destination.index import Reader
from destination.model import Pod, Workload
from destination.policy.attach import attached
from destination.policy.clients import (
    Authorization,
    default,
    limit_clients,
    of_route,
    of_server,
    with_identity,
)
from destination.policy.limits import limit_for
from destination.policy.model import Network, Server
from destination.policy.route import POLICY_GROUP, SERVER, SERVER_ROUTES, Parent, Route
from destination.policy.servers import server_for
from destination.resolve import Rules, opaque_ports
from kit.kube.objects import Key
from kit.rpc.status import NotFound
from weft.addresses import IPNetwork

PROTOCOLS = {
    "unknown": "detect",
    "HTTP/1": "http1",
    "HTTP/2": "http2",
    "gRPC": "grpc",
    "opaque": "opaque",
    "TLS": "tls",
}
"""A Server's `proxyProtocol` and what the proxy is told."""


@dataclass(frozen=True)
class InboundRules:
    """What the mesh's operator decided about ports."""

    default_policy: str = "all-unauthenticated"
    cluster_networks: tuple[IPNetwork, ...] = ()
    probe_networks: tuple[IPNetwork, ...] = ()
    endpoints: Rules = field(default_factory=Rules)

    @property
    def cluster(self) -> tuple[Network, ...]:
        return tuple(map(Network, self.cluster_networks))


@dataclass(frozen=True)
class InboundRoute:
    """A route of a port, and who may use it besides those who may use the whole port."""

    route: Route
    authorizations: tuple[Authorization, ...] = ()


@dataclass(frozen=True)
class InboundLimit:
    """Requests per second; None: no limit of that kind. An override is of some identities."""

    name: str
    namespace: str
    total: int | None = None
    identity: int | None = None
    overrides: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class InboundPolicy:
    """An answer to WatchPort."""

    group: str
    kind: str
    name: str
    protocol: str
    """detect, http1, http2, grpc, opaque or tls."""
    authorizations: tuple[Authorization, ...] = ()
    probe_paths: tuple[str, ...] = ()
    """HTTP paths that the kubelet probes, open to the probe networks."""
    probe_networks: tuple[Network, ...] = ()
    routes: tuple[InboundRoute, ...] = ()
    """What somebody wrote for the port; then there is neither a route for everything nor for probes."""
    limit: InboundLimit | None = None


def inbound(
    reader: Reader, whose: Key, port: int, rules: InboundRules, *, external: bool = False
) -> InboundPolicy:
    """`external`: it is an ExternalWorkload's name, not a pod's. Raises NotFound when there is none."""
    workload: Workload | None
    if external:
        workload = reader.get(reader.index.external_workloads, whose)
    else:
        workload = reader.get(reader.index.pods, whose)
    if workload is None:
        raise NotFound("unknown server")
    server = server_for(reader, workload, port)
    if server is None:
        return _default(reader, workload, port, rules)
    return InboundPolicy(
        group=POLICY_GROUP,
        kind="server",
        name=server.key.name,
        protocol=PROTOCOLS[server.protocol],
        authorizations=of_server(reader, server, rules.endpoints.domain, rules.cluster),
        probe_paths=_probe_paths(workload, port),
        probe_networks=tuple(map(Network, rules.probe_networks)),
        routes=_routes(reader, server, rules),
        limit=_limit(reader, server, rules),
    )


def _routes(reader: Reader, server: Server, rules: InboundRules) -> tuple[InboundRoute, ...]:
    """HTTPRoutes, or GRPCRoutes where only gRPC is spoken."""
    kind = SERVER_ROUTES.get(server.protocol)
    if kind is None:
        return ()
    parent = Parent(POLICY_GROUP, SERVER, server.key)
    namespace = server.key.namespace
    found = attached(reader, parent, namespace, rules.cluster_networks, (kind,))
    domain = rules.endpoints.domain
    return tuple(InboundRoute(route, of_route(reader, route, domain)) for route in found)


def _limit(reader: Reader, server: Server, rules: InboundRules) -> InboundLimit | None:
    found = limit_for(reader, server.key)
    if found is None:
        return None
    domain = rules.endpoints.domain
    return InboundLimit(
        found.key.name,
        found.key.namespace,
        found.total,
        found.identity,
        tuple((one.requests_per_second, limit_clients(one, domain)) for one in found.overrides),
    )


def _default(reader: Reader, workload: Workload, port: int, rules: InboundRules) -> InboundPolicy:
    policy = workload.default_policy or _namespaces_policy(reader, workload) or rules.default_policy
    if port in workload.require_identity_ports:
        policy = with_identity(policy)
    opaque = port in opaque_ports(workload, rules.endpoints)
    return InboundPolicy(
        group="",
        kind="default",
        name=policy,
        protocol="opaque" if opaque else "detect",
        authorizations=default(policy, rules.cluster),
        probe_paths=_probe_paths(workload, port),
        probe_networks=tuple(map(Network, rules.probe_networks)),
    )


def _namespaces_policy(reader: Reader, workload: Workload) -> str:
    """A pod was given its namespace's annotation when it was injected; nobody injects a machine."""
    if isinstance(workload, Pod):
        return ""
    namespace = reader.get(reader.index.namespaces, Key("", workload.key.namespace))
    return namespace.default_policy if namespace is not None else ""


def _probe_paths(workload: Workload, port: int) -> tuple[str, ...]:
    return tuple(sorted({probe.path for probe in workload.probes if probe.port == port}))
