"""One Kubernetes object -> one value. Pure; None means the object is of no concern to us.

Objects come from the API server, but annotations come from people: a port list with a bad entry
is used without that entry, and the log says so.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from destination import annotations
from destination.model import (
    Elsewhere,
    Namespace,
    Node,
    Pod,
    Probe,
    ProxyPorts,
    Service,
    ServicePort,
    Slice,
    SliceEndpoint,
)
from kit.kube import objects
from kit.kube.objects import (
    Key,
    Object,
    key,
    labels,
    mapping,
    metadata,
    sequence,
    spec,
    status,
)
from weft import ports
from weft.authority import canonical_host
from weft.labels import (
    CONTROL_PLANE_NS_LABEL,
    OPAQUE_PORTS,
    REMOTE_GATEWAY_IDENTITY,
    REMOTE_SERVICE,
    REQUIRE_IDENTITY_INBOUND_PORTS,
    SKIP_INBOUND_PORTS,
)
from weft.names import is_dns_name
from weft.ports import PortSet

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
    return Service(
        key=key(obj),
        cluster_ips=tuple(canonical_ip(ip) for ip in ips if ip and ip != "None"),
        ports=declared,
        external_name=fields.get("type") == "ExternalName",
        local_traffic=fields.get("internalTrafficPolicy") == "Local",
        opaque_ports=annotations.ports(
            obj, OPAQUE_PORTS, {one.name: (one.port,) for one in declared}
        ),
        annotations={
            name: value
            for name, value in objects.annotations(obj).items()
            if name.startswith(_TRAFFIC_ANNOTATIONS)
        },
    )


def endpoint_slice(obj: Object) -> Slice | None:
    """None for slices that belong to no Service, or hold names instead of addresses.

    Raises ValueError for addresses, and names of what is in another cluster, that are none.
    """
    owner = labels(obj).get(SERVICE_NAME_LABEL)
    family = obj.get("addressType")
    if not owner or family not in ("IPv4", "IPv6"):
        return None
    at, elsewhere = key(obj), _elsewhere(obj)
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
            made
            for one in sequence(obj.get("endpoints"))
            for made in _slice_endpoints(one, at, elsewhere)
        ),
    )


def _elsewhere(obj: Object) -> Elsewhere | None:
    """Raises ValueError for what is no name: an endpoint of unknown identity is better not called."""
    notes = objects.annotations(obj)
    names = []
    for annotation in (REMOTE_SERVICE, REMOTE_GATEWAY_IDENTITY):
        name = canonical_host(notes.get(annotation, ""))
        if name and not is_dns_name(name):
            raise ValueError(f"annotation {annotation}: {notes[annotation]!r} is not a DNS name")
        names.append(name)
    return Elsewhere(*names) if any(names) else None


def _slice_endpoints(
    one: Mapping[str, Any], at: Key, elsewhere: Elsewhere | None
) -> Iterator[SliceEndpoint]:
    target = mapping(one.get("targetRef"))
    whose = None
    if target.get("kind") in ("Pod", "ExternalWorkload"):
        whose = Key(str(target.get("namespace") or at.namespace), str(target["name"]))
    hints = sequence(mapping(one.get("hints")).get("forZones"))
    conditions = mapping(one.get("conditions"))
    for address in sequence(one.get("addresses"))[:1]:  # the API: further ones may be ignored
        yield SliceEndpoint(
            ip=canonical_ip(address),
            ready=conditions.get("ready") is not False,
            terminating=conditions.get("terminating") is True,
            hostname=str(one.get("hostname") or ""),
            node=str(one.get("nodeName") or ""),
            zone=str(one.get("zone") or ""),
            pod=whose if target.get("kind") == "Pod" else None,
            external_workload=whose if target.get("kind") == "ExternalWorkload" else None,
            elsewhere=None if target else elsewhere,
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
        ips=tuple(canonical_ip(one["ip"]) for one in ips if one.get("ip")),
        host_ips=tuple(canonical_ip(one["ip"]) for one in host_ips if one.get("ip")),
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
        opaque_ports=annotations.ports(obj, OPAQUE_PORTS, by_name),
        skip_inbound_ports=annotations.ports(obj, SKIP_INBOUND_PORTS, by_name) or PortSet(),
        require_identity_ports=annotations.ports(obj, REQUIRE_IDENTITY_INBOUND_PORTS, by_name)
        or PortSet(),
        default_policy=annotations.default_policy(obj),
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
        with suppress(ports.PortError):
            # Whoever writes pods may write anything.
            return ports.parse_port(number)
        return usual

    return ProxyPorts(
        listening("INBOUND", ports.INBOUND),
        listening("ADMIN", ports.ADMIN),
        listening("CONTROL", ports.CONTROL),
    )


def node(obj: Object) -> Node:
    return Node(key(obj).name, zone(obj))


def zone(obj: Object) -> str:
    """Where its labels say it is; empty where they do not."""
    marks = labels(obj)
    return next((marks[name] for name in _ZONE_LABELS if marks.get(name)), "")


def namespace(obj: Object) -> Namespace:
    return Namespace(key(obj).name, annotations.default_policy(obj))


def canonical_ip(text: object) -> str:
    """Canonical form. Raises ValueError."""
    return str(ipaddress.ip_address(str(text)))
