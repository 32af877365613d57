"""ExternalWorkloads -> values. Pure.

One that cannot be understood raises ValueError with the field's path, and what was known of it stays in
force. What the API server would refuse in an EndpointSlice is refused here: a machine that no Service can
reach would be worse.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any

from destination import annotations
from destination.annotations import Complain, log_it
from destination.model import ExternalWorkload, ProxyPorts, WorkloadPort
from destination.policy.fields import choice, each, field
from destination.read import zone
from kit.kube.objects import Object, key, labels, mapping, metadata, sequence, spec, status
from weft.labels import OPAQUE_PORTS, REQUIRE_IDENTITY_INBOUND_PORTS, SKIP_INBOUND_PORTS
from weft.names import is_dns_name, is_spiffe_id
from weft.ports import ADMIN, CONTROL, INBOUND, MAX_PORT, PortSet, is_port_name

PROTOCOLS = ("TCP", "UDP")
PROXY_PORT = "linkerd-proxy"
"""What the port is called that the machine's proxy listens on, where it is not the usual one."""
READY = "Ready"
MOST_ADDRESSES = 2


def external_workload(obj: Object, complain: Complain = log_it) -> ExternalWorkload:
    """`complain` is told of annotations that are not usable. Raises ValueError."""
    with field("spec"):
        fields = spec(obj)
        identity, server_name = _mesh_tls(fields)
        declared = each(fields, "ports", _port)
        _no_name_twice(declared)
        ips = each(fields, "workloadIPs", _address)
        _one_of_each_family(ips)
    by_name = {one.name: (one.port,) for one in declared if one.name}
    tcp = tuple((one.name, one.port) for one in declared if one.name and one.protocol == "TCP")
    return ExternalWorkload(
        key=key(obj),
        uid=str(metadata(obj).get("uid") or ""),
        ips=ips,
        labels=dict(labels(obj)),
        owner=_owner(obj),
        ports=tcp,
        declared=declared,
        opaque_ports=annotations.ports(obj, OPAQUE_PORTS, by_name, complain),
        skip_inbound_ports=annotations.ports(obj, SKIP_INBOUND_PORTS, by_name, complain)
        or PortSet(),
        require_identity_ports=annotations.ports(
            obj, REQUIRE_IDENTITY_INBOUND_PORTS, by_name, complain
        )
        or PortSet(),
        default_policy=annotations.default_policy(obj, complain),
        proxy=ProxyPorts(dict(tcp).get(PROXY_PORT, INBOUND), ADMIN, CONTROL),
        identity=identity,
        server_name=server_name,
        ready=_ready(obj),
        zone=zone(obj),
    )


def _mesh_tls(fields: Mapping[str, Any]) -> tuple[str, str]:
    """(identity, server name). In v1alpha1 the field is called otherwise."""
    name = "meshTls" if "meshTls" in fields else "meshTLS"
    with field(name):
        given = mapping(fields.get(name))
        identity, server_name = str(given["identity"]), str(given["serverName"])
        with field("identity"):
            if not is_dns_name(identity) and not is_spiffe_id(identity):
                raise ValueError(
                    f"{identity!r} is not an identity: allowed are a DNS name, and "
                    "spiffe://TRUST-DOMAIN/PATH"
                )
        with field("serverName"):
            if not is_dns_name(server_name):
                raise ValueError(f"{server_name!r} is not a DNS name, such as db.example.com")
    return identity, server_name


def _port(one: Mapping[str, Any]) -> WorkloadPort:
    number, name = one["port"], str(one.get("name") or "")
    with field("port"):
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= MAX_PORT:
            raise ValueError(f"{number!r} is not a port: allowed are 1 to {MAX_PORT}")
    with field("name"):
        if name and not is_port_name(name):
            raise ValueError(
                f"{name!r} is not a port's name: allowed are up to 15 of a-z, 0-9 and single inner "
                "dashes, one letter at least"
            )
    return WorkloadPort(name, number, choice(one, "protocol", "TCP", PROTOCOLS))


def _no_name_twice(declared: tuple[WorkloadPort, ...]) -> None:
    seen: set[str] = set()
    for number, one in enumerate(declared):
        if one.name in seen:
            with field(f"ports[{number}].name"):
                raise ValueError(f"{one.name!r} is another port's name already")
        seen |= {one.name} - {""}


def _address(one: Mapping[str, Any]) -> str:
    text = str(one["ip"])
    with field("ip"):
        try:
            found = ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"{text!r} is not an IP address") from None
        own = found.is_loopback or found.is_unspecified
        if own or found.is_link_local or found.is_multicast or "%" in text:
            raise ValueError(f"{text!r} is not an address that others can reach the machine by")
    return str(found)


def _one_of_each_family(ips: tuple[str, ...]) -> None:
    with field("workloadIPs"):
        if len(ips) > MOST_ADDRESSES:
            raise ValueError(f"{len(ips)} are too many: allowed are one IPv4 and one IPv6 address")
        if len({":" in one for one in ips}) < len(ips):
            raise ValueError(
                f"{' and '.join(ips)} are of one family: allowed are one IPv4 and one IPv6 address"
            )


def _owner(obj: Object) -> tuple[str, str] | None:
    """Of several, none is a name that a person would expect."""
    references = sequence(metadata(obj).get("ownerReferences"))
    if len(references) != 1:
        return None
    return str(references[0]["kind"]).lower(), str(references[0]["name"])


def _ready(obj: Object) -> bool:
    """Who watches over the machine says so; until then no Service leads to it."""
    return any(
        one.get("type") == READY and one.get("status") == "True"
        for one in sequence(status(obj).get("conditions"))
    )
