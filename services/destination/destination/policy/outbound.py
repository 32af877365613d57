"""How to call a target: protocol, routes, backends, and what is forbidden. Pure.

An address is looked up in this order: a cluster IP and a declared port, a cluster IP and a port it
does not declare, an EgressNetwork, an address outside the cluster. What is left (a pod's address,
say) is NotFound, and the proxy uses the target's profile.
"""

import ipaddress
from dataclasses import dataclass, field

from destination.index import Reader
from destination.model import Service, ServicePort
from destination.policy.attach import attached, resolve
from destination.policy.egress import egress_network
from destination.policy.route import (
    CORE,
    EGRESS_NETWORK,
    GRPC,
    HTTP,
    POLICY_GROUP,
    PRECEDENCE,
    SERVICE,
    TCP,
    TLS,
    Parent,
    Route,
)
from destination.policy.traffic import NO_TRAFFIC, Traffic, traffic_of
from destination.profiles import Target, service_port_is_opaque
from destination.resolve import Rules
from kit.kube.objects import Key
from kit.rpc.status import NotFound
from weft.addresses import IPNetwork, SocketAddress
from weft.authority import ServiceAuthority

DETECT, OPAQUE, HTTP1, HTTP2, GRPC_ONLY, TLS_ONLY = (
    "detect",
    "opaque",
    "http1",
    "http2",
    "grpc",
    "tls",
)
_BY_APP_PROTOCOL = {"http": HTTP1, "kubernetes.io/h2c": HTTP2}
_BY_ROUTES = {GRPC: GRPC_ONLY, HTTP: DETECT, TLS: TLS_ONLY, TCP: OPAQUE}
"""What a port with no appProtocol speaks, by the routes attached to it."""
_MEANT_FOR = {OPAQUE: (TCP,), HTTP1: (HTTP,), HTTP2: (GRPC, HTTP), DETECT: PRECEDENCE}
"""The kinds of routes a port may have, by what is known of its protocol."""


@dataclass(frozen=True)
class OutboundRules:
    cluster_networks: tuple[IPNetwork, ...] = ()
    endpoints: Rules = field(default_factory=Rules)
    egress_namespace: str = "linkerd-egress"
    """The namespace whose EgressNetworks are for all namespaces without any."""
    allow_l5d_headers: bool = False
    """Requests may ask for retries and time-outs by `l5d-*` headers."""


@dataclass(frozen=True)
class ServicePolicy:
    """A declared port of a Service; its endpoints come from Destination.Get."""

    service: Key
    port: int
    protocol: str
    """detect, opaque, http1, http2, grpc or tls."""
    traffic: Traffic
    routes: tuple[Route, ...] = ()
    """All of the one kind that the protocol has; none: everything goes to the Service."""


@dataclass(frozen=True)
class UndefinedPort:
    """A port that the Service does not declare: forbidden."""

    service: Key
    port: int


@dataclass(frozen=True)
class EgressPolicy:
    """An address in an EgressNetwork. `allow`: what becomes of traffic that no route speaks of."""

    network: Key
    address: SocketAddress
    protocol: str
    """detect, opaque, grpc or tls."""
    allow: bool
    traffic: Traffic = NO_TRAFFIC
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True)
class Egress:
    """An address outside the cluster that no EgressNetwork has: sent on as it is."""

    address: SocketAddress


OutboundPolicy = ServicePolicy | UndefinedPort | EgressPolicy | Egress


def outbound(
    reader: Reader, target: Target, rules: OutboundRules, client: str = ""
) -> OutboundPolicy:
    """`client` is the namespace of the workload that asks. Raises NotFound."""
    service = _service(reader, target)
    if service is not None:
        declared = service.port(target.port)
        if declared is None:
            return UndefinedPort(service.key, target.port)
        return _of_service(reader, service, declared, rules, client)
    if isinstance(target, ServiceAuthority):
        raise NotFound(f"there is no Service {target.namespace}/{target.name}")
    return _of_address(reader, target, rules, client)


def _service(reader: Reader, target: Target) -> Service | None:
    if isinstance(target, ServiceAuthority):
        return reader.get(reader.index.services, Key(target.namespace, target.name))
    return next(iter(reader.by(reader.index.services, "ip", target.ip)), None)


def _of_service(
    reader: Reader, service: Service, port: ServicePort, rules: OutboundRules, client: str
) -> ServicePolicy:
    hinted = _protocol(service, port, rules)
    parent = Parent(CORE, SERVICE, service.key, port.port)
    routes = _routes(reader, parent, rules, client, _MEANT_FOR[hinted])
    return ServicePolicy(
        service.key,
        port.port,
        _spoken(hinted, routes),
        traffic_of(service.key, service.annotations),
        routes,
    )


def _protocol(service: Service, port: ServicePort, rules: OutboundRules) -> str:
    """An appProtocol that says something outweighs the opaque-ports annotation."""
    if known := _BY_APP_PROTOCOL.get(port.app_protocol):
        return known
    if port.app_protocol.startswith("kubernetes.io/"):
        return OPAQUE
    opaque = service_port_is_opaque(service, port.port, rules.endpoints)
    return OPAQUE if opaque else DETECT


def _routes(
    reader: Reader, parent: Parent, rules: OutboundRules, client: str, kinds: tuple[str, ...]
) -> tuple[Route, ...]:
    """Those of the first kind that has any, each with its backends looked up."""
    found = attached(reader, parent, client, rules.cluster_networks, kinds)
    kind = next((one for one in kinds if any(route.kind == one for route in found)), "")
    return tuple(resolve(reader, route, parent) for route in found if route.kind == kind)


def _spoken(hinted: str, routes: tuple[Route, ...]) -> str:
    if not routes:
        return hinted
    if hinted == DETECT or routes[0].kind == GRPC:
        return _BY_ROUTES[routes[0].kind]
    return hinted


def _of_address(
    reader: Reader, address: SocketAddress, rules: OutboundRules, client: str
) -> EgressPolicy | Egress:
    cluster = rules.cluster_networks
    network = egress_network(reader, address.ip, client, rules.egress_namespace, cluster)
    if network is None:
        ip = ipaddress.ip_address(address.ip)
        if any(ip in inside for inside in cluster):
            raise NotFound(f"{address.ip} is the address of no Service")
        return Egress(address)
    parent = Parent(POLICY_GROUP, EGRESS_NETWORK, network.key, address.port)
    routes = _routes(reader, parent, rules, client, PRECEDENCE)
    protocol = _spoken(DETECT, routes)
    return EgressPolicy(network.key, address, protocol, network.allow, network.traffic, routes)
