"""Services and EndpointSlices -> where each service address leads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, Literal, TypeAlias, cast

from sandbox.apiserver.objects import Obj, labels_of, name_of, namespace_of, spec_of

Protocol: TypeAlias = Literal["tcp", "udp"]
SERVICE_NAME = "kubernetes.io/service-name"
DEFAULT_AFFINITY_SECONDS = 10800


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    address: IPv4Address
    port: int


@dataclass(frozen=True, slots=True, order=True)
class Front:
    """One port of one Service, and the endpoints that answer for it."""

    name: str
    """``namespace/service:port``, for people who read the table."""
    protocol: Protocol
    port: int
    addresses: tuple[IPv4Address, ...]
    """The cluster IP and external IPs."""
    endpoints: tuple[Endpoint, ...]
    node_port: int | None = None
    affinity_seconds: int | None = None
    """With ClientIP affinity: how long a client stays with its endpoint."""


@dataclass(frozen=True, slots=True)
class Plan:
    fronts: tuple[Front, ...] = ()
    pods: frozenset[IPv4Address] = field(default_factory=frozenset)
    """Every endpoint's address: those that may reach themselves through their Service."""


def make_plan(services: Iterable[Obj], slices: Iterable[Obj]) -> Plan:
    """Only IPv4, TCP and UDP: other families and protocols have no front."""
    by_service: dict[tuple[str, str], list[Obj]] = {}
    for found in slices:
        owner = labels_of(found).get(SERVICE_NAME)
        if owner and found.get("addressType", "IPv4") == "IPv4":
            by_service.setdefault((namespace_of(found), owner), []).append(found)
    fronts: list[Front] = []
    for service in services:
        own = by_service.get((namespace_of(service), name_of(service)), [])
        fronts += _fronts(service, own)
    ordered = tuple(sorted(fronts, key=lambda front: (front.name, front.protocol)))
    return Plan(ordered, frozenset(e.address for front in ordered for e in front.endpoints))


def _fronts(service: Obj, slices: list[Obj]) -> Iterator[Front]:
    addresses = _addresses(service)
    if not addresses:
        return
    affinity = None
    if spec_of(service).get("sessionAffinity") == "ClientIP":
        client = (spec_of(service).get("sessionAffinityConfig") or {}).get("clientIP") or {}
        affinity = int(client.get("timeoutSeconds") or DEFAULT_AFFINITY_SECONDS)
    for port in spec_of(service).get("ports") or []:
        protocol = str(port.get("protocol", "TCP")).lower()
        if protocol not in ("tcp", "udp"):
            continue
        named = port.get("name") or port["port"]
        yield Front(
            name=f"{namespace_of(service)}/{name_of(service)}:{named}",
            protocol=cast(Protocol, protocol),
            port=int(port["port"]),
            addresses=addresses,
            endpoints=_endpoints(port.get("name") or "", protocol, slices),
            node_port=_node_port(service, port),
            affinity_seconds=affinity,
        )


def _addresses(service: Obj) -> tuple[IPv4Address, ...]:
    cluster_ip = spec_of(service).get("clusterIP")
    if spec_of(service).get("type") == "ExternalName" or cluster_ip in (None, "", "None"):
        return ()
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    texts = [
        cluster_ip,
        *(spec_of(service).get("externalIPs") or []),
        *(entry["ip"] for entry in ingress if entry.get("ip")),
    ]
    return tuple(dict.fromkeys(IPv4Address(text) for text in texts if ":" not in text))


def _node_port(service: Obj, port: dict[str, Any]) -> int | None:
    if spec_of(service).get("type") not in ("NodePort", "LoadBalancer"):
        return None
    number = port.get("nodePort")
    return int(number) if number else None


def _endpoints(name: str, protocol: str, slices: list[Obj]) -> tuple[Endpoint, ...]:
    """The ready endpoints; when none is, those that still serve while they terminate."""
    ready: set[Endpoint] = set()
    serving: set[Endpoint] = set()
    for found in slices:
        for port in found.get("ports") or []:
            if (port.get("name") or "") != name:
                continue
            if str(port.get("protocol", "TCP")).lower() != protocol or not port.get("port"):
                continue
            for entry in found.get("endpoints") or []:
                conditions = entry.get("conditions") or {}
                here = {Endpoint(IPv4Address(a), int(port["port"])) for a in entry["addresses"]}
                # An absent condition counts as ready (EndpointSlice's contract).
                if conditions.get("ready") is not False:
                    ready |= here
                elif conditions.get("serving") and conditions.get("terminating"):
                    serving |= here
    return tuple(sorted(ready or serving))
