"""Services, Endpoints, EndpointSlices and Ingresses."""

from datetime import datetime

from sandbox.apiserver.objects import Obj, dig, spec_of
from sandbox.apiserver.tables.columns import AGE, NAME, NONE, Column, at, labels_text

SHOWN_ENDPOINTS = 3


def _external(obj: Obj, _: datetime) -> str:
    spec = spec_of(obj)
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName"))
        case "LoadBalancer":
            points = dig(obj, "status", "loadBalancer", "ingress", default=[])
            found = [one.get("ip") or one.get("hostname") for one in points]
            found += spec.get("externalIPs") or []
            return ",".join(found) or "<pending>"
    return ",".join(spec.get("externalIPs") or []) or NONE


def _service_ports(obj: Obj, _: datetime) -> str:
    shown = []
    for port in spec_of(obj).get("ports") or []:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(shown) or NONE


SERVICE = (
    NAME,
    at("Type", "spec", "type"),
    at("Cluster-IP", "spec", "clusterIP"),
    Column("External-IP", _external),
    Column("Port(s)", _service_ports),
    AGE,
    Column("Selector", lambda obj, _: labels_text(spec_of(obj).get("selector")), wide=True),
)


def _shortened(found: list[str], limit: int = SHOWN_ENDPOINTS) -> str:
    if not found:
        return NONE
    more = len(found) - limit
    return ",".join(found[:limit]) + (f" + {more} more..." if more > 0 else "")


def _endpoints(obj: Obj, _: datetime) -> str:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for port in subset.get("ports") or []
        for address in subset.get("addresses") or []
    ]
    return _shortened(found)


ENDPOINTS = (NAME, Column("Endpoints", _endpoints), AGE)


def _slice_ports(obj: Obj, _: datetime) -> str:
    found = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or []]
    return _shortened(found) if found else "<unset>"


def _slice_addresses(obj: Obj, _: datetime) -> str:
    found = [one for endpoint in obj.get("endpoints") or [] for one in endpoint["addresses"]]
    return _shortened(found) if found else "<unset>"


ENDPOINT_SLICE = (
    NAME,
    at("AddressType", "addressType"),
    Column("Ports", _slice_ports),
    Column("Endpoints", _slice_addresses),
    AGE,
)


def _hosts(obj: Obj, _: datetime) -> str:
    found = [rule["host"] for rule in spec_of(obj).get("rules") or [] if rule.get("host")]
    return _shortened(found) if found else "*"


INGRESS = (
    NAME,
    at("Class", "spec", "ingressClassName"),
    Column("Hosts", _hosts),
    Column("Address", lambda obj, _: ""),
    Column("Ports", lambda obj, _: "80, 443" if spec_of(obj).get("tls") else "80"),
    AGE,
)

NETWORK_POLICY = (
    NAME,
    Column(
        "Pod-Selector", lambda obj, _: labels_text(dig(obj, "spec", "podSelector", "matchLabels"))
    ),
    AGE,
)
