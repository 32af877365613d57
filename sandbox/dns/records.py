"""Services, EndpointSlices and Namespaces as the names they imply."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from sandbox.apiserver.objects import Obj, labels_of, name_of, namespace_of, spec_of

SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Port:
    """One named port, as SRV answers it."""

    name: str
    protocol: str
    """In lower case, as it stands in ``_port._protocol``."""
    number: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    hostname: str
    """The endpoint's own label in the Service's domain: its hostname, else its dashed address."""
    address: IPv4Address
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Service:
    addresses: tuple[IPv4Address, ...] = ()
    """The cluster IP; empty for headless Services and external names."""
    ports: tuple[Port, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    """The ready endpoints of a headless Service."""
    external_name: str = ""
    headless: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    namespaces: frozenset[str] = frozenset()
    services: Mapping[tuple[str, str], Service] = field(default_factory=dict)
    """By (namespace, name)."""
    reverse: Mapping[IPv4Address, tuple[str, ...]] = field(default_factory=dict)
    """Address -> the labels before ``svc``: ``(service, namespace)`` or ``(host, service, ns)``."""


def make_records(
    namespaces: Iterable[Obj], services: Iterable[Obj], slices: Iterable[Obj]
) -> Records:
    by_service: dict[tuple[str, str], list[Obj]] = {}
    for found in slices:
        owner = labels_of(found).get(SERVICE_NAME)
        if owner and found.get("addressType", "IPv4") == "IPv4":
            by_service.setdefault((namespace_of(found), owner), []).append(found)
    made: dict[tuple[str, str], Service] = {}
    reverse: dict[IPv4Address, tuple[str, ...]] = {}
    for obj in services:
        key = (namespace_of(obj), name_of(obj))
        service = made[key] = _service(obj, by_service.get(key, []))
        for endpoint in service.endpoints:
            reverse.setdefault(endpoint.address, (endpoint.hostname, key[1], key[0]))
        for address in service.addresses:
            reverse[address] = (key[1], key[0])
    return Records(frozenset(name_of(ns) for ns in namespaces), made, reverse)


def _service(obj: Obj, slices: list[Obj]) -> Service:
    found = spec_of(obj)
    if found.get("type") == "ExternalName":
        return Service(external_name=str(found.get("externalName") or ""))
    ports = tuple(
        Port(port.get("name") or "", str(port.get("protocol", "TCP")).lower(), int(port["port"]))
        for port in found.get("ports") or []
    )
    if found.get("clusterIP") == "None":
        return Service(ports=ports, endpoints=_endpoints(slices), headless=True)
    texts = found.get("clusterIPs") or [found.get("clusterIP")]
    addresses = tuple(IPv4Address(text) for text in texts if text and ":" not in text)
    return Service(addresses=addresses, ports=ports)


def _endpoints(slices: list[Obj]) -> tuple[Endpoint, ...]:
    """The ready ones; publishNotReadyAddresses has made ready of the others already."""
    found: dict[IPv4Address, Endpoint] = {}
    for obj in slices:
        ports = tuple(
            Port(port.get("name") or "", str(port.get("protocol", "TCP")).lower(), port["port"])
            for port in obj.get("ports") or []
            if port.get("port")
        )
        for entry in obj.get("endpoints") or []:
            if (entry.get("conditions") or {}).get("ready") is False:
                continue
            for text in entry.get("addresses") or []:
                address = IPv4Address(text)
                before = found[address].ports if address in found else ()
                hostname = str(entry.get("hostname") or "") or text.replace(".", "-")
                found[address] = Endpoint(hostname.lower(), address, (*before, *ports))
    return tuple(found[address] for address in sorted(found))
