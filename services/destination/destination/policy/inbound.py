"""Who may call a workload's port, and which protocol is spoken there. Pure."""

from dataclasses import dataclass, field

from destination.index import Reader
from destination.model import Pod
from destination.policy.clients import (
    POLICY_GROUP,
    Authorization,
    default,
    of_server,
    with_identity,
)
from destination.policy.model import Network
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
