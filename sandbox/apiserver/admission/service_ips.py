"""Addresses for Services: clusterIPs from the service range, node ports from theirs.

Taken addresses are read from the store, so nothing has to be given back.
"""

import ipaddress
from collections.abc import Iterator

from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.errors import InternalError, InvalidError, invalid
from sandbox.apiserver.kinds import SERVICE
from sandbox.apiserver.objects import Obj, dig, spec_of
from sandbox.apiserver.store import Store

SERVICE_RANGE = ipaddress.IPv4Network("10.96.0.0/16")
RESERVED = 32
"""The lowest addresses are kept for those that are asked for by number (kubernetes, cluster DNS)."""
NODE_PORTS = range(30000, 32768)


def admit(store: Store, write: Attributes) -> None:
    service = write.object
    if write.kind.key != SERVICE.key or write.subresource or service is None:
        return
    if write.operation == "CREATE":
        _assign(store, write, service["spec"], old={})
    elif write.operation == "UPDATE":
        _assign(store, write, service["spec"], old=spec_of(write.old or {}))


def _assign(store: Store, write: Attributes, spec: Obj, old: Obj) -> None:
    if spec.get("type") == "ExternalName":
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(key, None)
        return
    if not spec.get("clusterIP"):
        listed = spec.get("clusterIPs") or []
        spec["clusterIP"] = old.get("clusterIP") or (listed[0] if listed else _free(store))
    elif spec["clusterIP"] != "None" and spec["clusterIP"] != old.get("clusterIP"):
        _claim(store, write, spec["clusterIP"])
    spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["clusterIP"] == "None" and not spec.get("selector"):
        # Nobody knows which addresses will be listed for it, so it is taken to be of both families.
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        _assign_node_ports(store, spec, old)


def _claim(store: Store, write: Attributes, address: str) -> None:
    try:
        inside = ipaddress.IPv4Address(address) in SERVICE_RANGE
    except ValueError:
        inside = False
    if not inside:
        why = (
            "failed to allocate IP "
            f"{address}: the provided IP is not in the valid range. The range of valid IPs is"
            f" {SERVICE_RANGE}"
        )
    elif address in _taken(store):
        why = f"failed to allocate IP {address}: provided IP is already allocated"
    else:
        return
    cause = invalid("spec.clusterIPs", [address], why)
    raise InvalidError.of(SERVICE, write.name, [cause])


def _taken(store: Store) -> set[str]:
    return {str(dig(one, "spec", "clusterIP")) for one in store.list(SERVICE)}


def _free(store: Store) -> str:
    taken = _taken(store)
    first, last = int(SERVICE_RANGE[0]) + RESERVED, int(SERVICE_RANGE[-1])
    for number in range(first, last):
        address = str(ipaddress.IPv4Address(number))
        if address not in taken:
            return address
    raise InternalError(f"the service range {SERVICE_RANGE} is full")


def _assign_node_ports(store: Store, spec: Obj, old: Obj) -> None:
    before = {port.get("name"): port.get("nodePort") for port in old.get("ports") or []}
    taken = set(_node_ports(store))
    for port in spec.get("ports") or []:
        if not port.get("nodePort"):
            kept = before.get(port.get("name"))
            port["nodePort"] = kept or next(one for one in NODE_PORTS if one not in taken)
        taken.add(port["nodePort"])


def _node_ports(store: Store) -> Iterator[int]:
    for service in store.list(SERVICE):
        for port in spec_of(service).get("ports") or []:
            if port.get("nodePort"):
                yield port["nodePort"]
