"""Who may call a workload's port, and which protocol is spoken there. Pure."""

from dataclasses import dataclass, field

from destination.index import Reader
from destination.model import Pod
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
from destination.resolve import Rules
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


def inbound(reader: Reader, workload: Key, port: int, rules: InboundRules) -> InboundPolicy:
    """Raises NotFound when there is no such pod."""
    pod = reader.get(reader.index.pods, workload)
    if pod is None:
        raise NotFound("unknown server")
    server = server_for(reader, pod, port)
    if server is None:
        return _default(pod, port, rules)
    return InboundPolicy(
        group=POLICY_GROUP,
        kind="server",
        name=server.key.name,
        protocol=PROTOCOLS[server.protocol],
        authorizations=of_server(reader, server, rules.endpoints.domain, rules.cluster),
        probe_paths=_probe_paths(pod, port),
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


def _default(pod: Pod, port: int, rules: InboundRules) -> InboundPolicy:
    policy = pod.default_policy or rules.default_policy
    if port in pod.require_identity_ports:
        policy = with_identity(policy)
    by_default = rules.endpoints.default_opaque
    opaque = port in (by_default if pod.opaque_ports is None else pod.opaque_ports)
    return InboundPolicy(
        group="",
        kind="default",
        name=policy,
        protocol="opaque" if opaque else "detect",
        authorizations=default(policy, rules.cluster),
        probe_paths=_probe_paths(pod, port),
        probe_networks=tuple(map(Network, rules.probe_networks)),
    )


def _probe_paths(pod: Pod, port: int) -> tuple[str, ...]:
    return tuple(sorted({probe.path for probe in pod.probes if probe.port == port}))
