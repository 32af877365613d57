"""One Kubernetes object -> one value. Pure; None means the object is of no concern to us.

Objects come from the API server, but annotations come from people: a port list with a bad entry
is used without that entry, and the log says so.
"""

import ipaddress
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from destination.model import (
    Node,
    Pod,
    Probe,
    ProxyPorts,
    Service,
    ServicePort,
    Slice,
    SliceEndpoint,
)
from kit.kube.objects import (
    Key,
    Object,
    annotations,
    key,
    labels,
    mapping,
    metadata,
    sequence,
    spec,
    status,
)
from weft import ports
from weft.labels import (
    CONTROL_PLANE_NS_LABEL,
    DEFAULT_INBOUND_POLICY,
    DEFAULT_POLICIES,
    OPAQUE_PORTS,
    REQUIRE_IDENTITY_INBOUND_PORTS,
    SKIP_INBOUND_PORTS,
)
from weft.ports import PortError, PortRange, PortSet, parse_port_set

log = logging.getLogger(__name__)

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
POD_TEMPLATE_HASH = "pod-template-hash"
_ZONE_LABELS = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_TRAFFIC_ANNOTATIONS = ("retry.linkerd.io/", "timeout.linkerd.io/", "balancer.")
_PROXY_CONTAINER = "linkerd-proxy"
_OVER = ("Succeeded", "Failed")


def service(obj: Object) -> Service:
    fields = spec(obj)
    ips = sequence(fields.get("clusterIPs")) or [fields.get("clusterIP")]
    declared = tuple(
        ServicePort(str(one.get("name") or ""), int(one["port"]), str(one.get("appProtocol") or ""))
        for one in sequence(fields.get("ports"))
        if one.get("protocol", "TCP") == "TCP"
    )
    notes = annotations(obj)
    return Service(
        key=key(obj),
        cluster_ips=tuple(_ip(ip) for ip in ips if ip and ip != "None"),
        ports=declared,
        external_name=fields.get("type") == "ExternalName",
        local_traffic=fields.get("internalTrafficPolicy") == "Local",
        opaque_ports=_ports(obj, OPAQUE_PORTS, {one.name: (one.port,) for one in declared}),
        annotations={
            name: value for name, value in notes.items() if name.startswith(_TRAFFIC_ANNOTATIONS)
        },
    )


def endpoint_slice(obj: Object) -> Slice | None:
    """None for slices that belong to no Service, or hold names instead of addresses."""
    owner = labels(obj).get(SERVICE_NAME_LABEL)
    family = obj.get("addressType")
    if not owner or family not in ("IPv4", "IPv6"):
        return None
    at = key(obj)
    return Slice(
        key=at,
        service=Key(at.namespace, owner),
        ipv6=family == "IPv6",
        ports=tuple(
            (str(one.get("name") or ""), int(one["port"]))
            for one in sequence(obj.get("ports"))
            if one.get("port") and (one.get("protocol") or "TCP") == "TCP"
        ),
        endpoints=tuple(
            made for one in sequence(obj.get("endpoints")) for made in _slice_endpoints(one, at)
        ),
    )


def _slice_endpoints(one: Mapping[str, Any], at: Key) -> Iterator[SliceEndpoint]:
    target = mapping(one.get("targetRef"))
    pod = None
    if target.get("kind") == "Pod":
        pod = Key(str(target.get("namespace") or at.namespace), str(target["name"]))
    hints = sequence(mapping(one.get("hints")).get("forZones"))
    conditions = mapping(one.get("conditions"))
    for address in sequence(one.get("addresses"))[:1]:  # the API: further ones may be ignored
        yield SliceEndpoint(
            ip=_ip(address),
            ready=conditions.get("ready") is not False,
            terminating=conditions.get("terminating") is True,
            hostname=str(one.get("hostname") or ""),
            node=str(one.get("nodeName") or ""),
            zone=str(one.get("zone") or ""),
            pod=pod,
            hint_zones=tuple(str(hint["name"]) for hint in hints),
        )


def pod(obj: Object) -> Pod | None:
    """None for pods that are over: their addresses may belong to others by now."""
    fields, state = spec(obj), status(obj)
    if state.get("phase") in _OVER:
        return None
    ips = sequence(state.get("podIPs")) or [{"ip": state.get("podIP")}]
    host_ips = sequence(state.get("hostIPs")) or [{"ip": state.get("hostIP")}]
    containers = list(_containers(fields))
    declared = [port for one in containers for port in sequence(one.get("ports"))]
    named = tuple(
        (str(port["name"]), int(port["containerPort"])) for port in declared if port.get("name")
    )
    by_name: dict[str, tuple[int, ...]] = {}
    for name, number in named:
        by_name[name] = (*by_name.get(name, ()), number)
    marks = labels(obj)
    return Pod(
        key=key(obj),
        ips=tuple(_ip(one["ip"]) for one in ips if one.get("ip")),
        host_ips=tuple(_ip(one["ip"]) for one in host_ips if one.get("ip")),
        host_network=fields.get("hostNetwork") is True,
        terminating=bool(metadata(obj).get("deletionTimestamp")),
        node=str(fields.get("nodeName") or ""),
        service_account=str(fields.get("serviceAccountName") or "default"),
        labels=dict(marks),
        control_plane_ns=marks.get(CONTROL_PLANE_NS_LABEL, ""),
        owner=_owner(obj),
        ports=named,
        host_ports=tuple(
            (int(port["hostPort"]), int(port["containerPort"]))
            for port in declared
            if port.get("hostPort") and port.get("protocol", "TCP") == "TCP"
        ),
        opaque_ports=_ports(obj, OPAQUE_PORTS, by_name),
        skip_inbound_ports=_ports(obj, SKIP_INBOUND_PORTS, by_name) or PortSet(),
        require_identity_ports=_ports(obj, REQUIRE_IDENTITY_INBOUND_PORTS, by_name) or PortSet(),
        default_policy=_default_policy(obj),
        probes=tuple(dict.fromkeys(_probes(containers, by_name))),
        proxy=_proxy_ports(containers),
    )


def _containers(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those that run while the pod serves: containers and native sidecars."""
    yield from sequence(fields.get("containers"))
    for one in sequence(fields.get("initContainers")):
        if one.get("restartPolicy") == "Always":
            yield one


def _owner(obj: Object) -> tuple[str, str] | None:
    """The controller; for a Deployment's ReplicaSet, the Deployment, by the rule for its name."""
    for reference in sequence(metadata(obj).get("ownerReferences")):
        if not reference.get("controller"):
            continue
        kind, name = str(reference["kind"]).lower(), str(reference["name"])
        template = labels(obj).get(POD_TEMPLATE_HASH)
        if kind == "replicaset" and template and name.endswith(f"-{template}"):
            return "deployment", name.removesuffix(f"-{template}")
        return kind, name
    return None


def _default_policy(obj: Object) -> str:
    policy = annotations(obj).get(DEFAULT_INBOUND_POLICY, "")
    if policy and policy not in DEFAULT_POLICIES:
        allowed = ", ".join(DEFAULT_POLICIES)
        _complain(obj, DEFAULT_INBOUND_POLICY, f"{policy!r} is not one of {allowed}")
        return ""
    return policy


def _probes(
    containers: list[Mapping[str, Any]], by_name: Mapping[str, tuple[int, ...]]
) -> Iterator[Probe]:
    for container in containers:
        for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
            get = mapping(mapping(container.get(kind)).get("httpGet"))
            target = get.get("port")
            path = str(get.get("path") or "/").partition("?")[0]
            numbers = (target,) if isinstance(target, int) else by_name.get(str(target), ())
            for number in numbers:
                yield Probe(number, path if path.startswith("/") else f"/{path}")


def _proxy_ports(containers: list[Mapping[str, Any]]) -> ProxyPorts:
    found: dict[str, str] = {}
    for container in containers:
        if container.get("name") == _PROXY_CONTAINER:
            found = {
                str(one.get("name")): str(one.get("value") or "")
                for one in sequence(container.get("env"))
            }

    def listening(variable: str, usual: int) -> int:
        number = found.get(f"LINKERD2_PROXY_{variable}_LISTEN_ADDR", "").rpartition(":")[2]
        return int(number) if number.isdigit() else usual

    return ProxyPorts(
        listening("INBOUND", ports.INBOUND),
        listening("ADMIN", ports.ADMIN),
        listening("CONTROL", ports.CONTROL),
    )


def node(obj: Object) -> Node:
    marks = labels(obj)
    zone = next((marks[name] for name in _ZONE_LABELS if marks.get(name)), "")
    return Node(key(obj).name, zone)


def _ports(obj: Object, name: str, by_name: Mapping[str, tuple[int, ...]]) -> PortSet | None:
    """A port list of numbers, ranges and port names; None when the annotation is absent."""
    text = annotations(obj).get(name)
    if text is None:
        return None
    ranges: list[PortRange] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        if part in by_name:
            ranges += [PortRange(number, number) for number in by_name[part]]
            continue
        try:
            ranges += parse_port_set(part).ranges
        except PortError as error:
            _complain(obj, name, str(error))
    return PortSet(tuple(ranges))


def _complain(obj: Object, annotation: str, why: str) -> None:
    log.warning(
        "an annotation is not usable",
        extra={
            "kind": obj.get("kind"),
            "object": str(key(obj)),
            "annotation": annotation,
            "why": why,
        },
    )


def _ip(text: object) -> str:
    """Canonical form. Raises ValueError."""
    return str(ipaddress.ip_address(str(text)))
