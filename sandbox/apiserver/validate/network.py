"""Services and EndpointSlices."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from sandbox.apiserver.errors import (
    Cause,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    wrong_type,
)
from sandbox.apiserver.objects import Obj, dig
from sandbox.apiserver.validate import metadata, names
from sandbox.apiserver.validate.pods import PROTOCOLS

SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITIES = ("ClientIP", "None")
ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")


def service(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        yield required("spec")
        return
    kind = spec.get("type", "ClusterIP")
    if kind not in SERVICE_TYPES:
        yield not_supported("spec.type", kind, SERVICE_TYPES)
    if kind == "ExternalName":
        name = spec.get("externalName")
        if not name:
            yield required("spec.externalName")
        elif wrong := names.dns_subdomain(str(name).rstrip(".").lower()):
            yield invalid("spec.externalName", name, wrong)
    if spec.get("sessionAffinity", "None") not in AFFINITIES:
        yield not_supported("spec.sessionAffinity", spec["sessionAffinity"], AFFINITIES)
    yield from metadata.labels(spec.get("selector"), "spec.selector")
    if dig(obj, "status", "loadBalancer", "ingress") and kind != "LoadBalancer":
        why = "may only be used when `spec.type` is 'LoadBalancer'"
        yield forbidden("status.loadBalancer.ingress", why)
    headless = spec.get("clusterIP") == "None"
    ports = spec.get("ports") or []
    if not ports and not headless and kind != "ExternalName":
        yield required("spec.ports")
    yield from _ports(ports)


def _ports(ports: list[Any]) -> Iterator[Cause]:
    seen_names: set[str] = set()
    seen_ports: set[tuple[Any, Any]] = set()
    for at, port in enumerate(ports):
        path = f"spec.ports[{at}]"
        name = port.get("name")
        if not name and len(ports) > 1:
            yield required(f"{path}.name")
        elif name:
            if wrong := names.dns_label(str(name)):
                yield invalid(f"{path}.name", name, wrong)
            if name in seen_names:
                yield duplicate(f"{path}.name", name)
            seen_names.add(name)
        yield from _number(port.get("port"), f"{path}.port")
        protocol = port.get("protocol", "TCP")
        if protocol not in PROTOCOLS:
            yield not_supported(f"{path}.protocol", protocol, PROTOCOLS)
        if (protocol, port.get("port")) in seen_ports:
            yield duplicate(path, f"{port.get('port')}/{protocol}")
        seen_ports.add((protocol, port.get("port")))
        yield from _target(port.get("targetPort"), f"{path}.targetPort")


def _number(value: Any, path: str) -> Iterator[Cause]:
    if value is None:
        yield required(path)
    elif not isinstance(value, int) or isinstance(value, bool):
        yield wrong_type(path, value, "must be an integer")
    elif wrong := names.port_number(value):
        yield invalid(path, value, wrong)


def _target(value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, int):
        if wrong := names.port_number(value):
            yield invalid(path, value, wrong)
    elif isinstance(value, str) and (wrong := names.port_name(value)):
        yield invalid(path, value, wrong)


def endpoint_slice(obj: Obj) -> Iterator[Cause]:
    family = obj.get("addressType")
    if not family:
        yield required("addressType")
    elif family not in ADDRESS_TYPES:
        yield not_supported("addressType", family, ADDRESS_TYPES)
    for at, endpoint in enumerate(obj.get("endpoints") or []):
        addresses = endpoint.get("addresses")
        if not addresses:
            yield required(f"endpoints[{at}].addresses", "must contain at least 1 address")
        for number, address in enumerate(addresses or []):
            if family in ("IPv4", "IPv6") and not _is_address(address, family):
                yield invalid(
                    f"endpoints[{at}].addresses[{number}]",
                    address,
                    f"must be a valid {family} address",
                )


def _is_address(text: Any, family: str) -> bool:
    try:
        return f"IPv{ipaddress.ip_address(text).version}" == family
    except ValueError:
        return False
