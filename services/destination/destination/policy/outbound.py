"""How to call a target: protocol, backend, and what is forbidden. Pure.

An address is looked up in this order: a cluster IP and a declared port, a cluster IP and a port it
does not declare, an address outside the cluster. What is left (a pod's address, say) is NotFound,
and the proxy uses the target's profile.
"""

import ipaddress
from dataclasses import dataclass, field

from destination.index import Reader
from destination.model import Service, ServicePort
from destination.policy.traffic import Traffic, traffic
from destination.profiles import Target, service_port_is_opaque
from destination.resolve import Rules
from kit.kube.objects import Key
from kit.rpc.status import NotFound
from weft.addresses import IPNetwork, SocketAddress
from weft.authority import ServiceAuthority

_BY_APP_PROTOCOL = {"http": "http1", "kubernetes.io/h2c": "http2"}


@dataclass(frozen=True)
class OutboundRules:
    cluster_networks: tuple[IPNetwork, ...] = ()
    endpoints: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class ServicePolicy:
    """A declared port of a Service; its endpoints come from Destination.Get."""

    service: Key
    port: int
    protocol: str
    """detect, opaque, http1 or http2."""
    traffic: Traffic


@dataclass(frozen=True)
class UndefinedPort:
    """A port that the Service does not declare: forbidden."""

    service: Key
    port: int


@dataclass(frozen=True)
class Egress:
    """An address outside the cluster: sent on as it is."""

    address: SocketAddress


OutboundPolicy = ServicePolicy | UndefinedPort | Egress


def outbound(reader: Reader, target: Target, rules: OutboundRules) -> OutboundPolicy:
    """Raises NotFound."""
    service = _service(reader, target)
    if service is not None:
        declared = service.port(target.port)
        if declared is None:
            return UndefinedPort(service.key, target.port)
        protocol = _protocol(service, declared, rules)
        return ServicePolicy(service.key, target.port, protocol, traffic(service))
    if isinstance(target, ServiceAuthority):
        raise NotFound(f"there is no Service {target.namespace}/{target.name}")
    address = ipaddress.ip_address(target.ip)
    if any(address in network for network in rules.cluster_networks):
        raise NotFound(f"{target.ip} is the address of no Service")
    return Egress(target)


def _service(reader: Reader, target: Target) -> Service | None:
    if isinstance(target, ServiceAuthority):
        return reader.get(reader.index.services, Key(target.namespace, target.name))
    return next(iter(reader.by(reader.index.services, "ip", target.ip)), None)


def _protocol(service: Service, port: ServicePort, rules: OutboundRules) -> str:
    """An appProtocol that says something outweighs the opaque-ports annotation."""
    if known := _BY_APP_PROTOCOL.get(port.app_protocol):
        return known
    if port.app_protocol.startswith("kubernetes.io/"):
        return "opaque"
    opaque = service_port_is_opaque(service, port.port, rules.endpoints)
    return "opaque" if opaque else "detect"
