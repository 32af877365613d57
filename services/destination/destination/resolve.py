"""From a service's authority to its endpoints, and from a workload's port to one endpoint. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from destination.grace import member
from destination.index import Reader
from destination.model import (
    Client,
    Elsewhere,
    Endpoint,
    ExternalWorkload,
    Pod,
    Service,
    Slice,
    SliceEndpoint,
    Workload,
)
from destination.policy.servers import server_for
from kit.kube.objects import Key
from kit.rpc.status import InvalidArgument
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority
from weft.names import NotAnIdentity, TrustDomain
from weft.ports import DEFAULT_OPAQUE, PortSet, parse_port_set


@dataclass(frozen=True)
class Rules:
    """What the mesh's operator decided, as far as endpoints are concerned."""

    domain: TrustDomain = field(default_factory=TrustDomain)
    default_opaque: PortSet = field(default_factory=lambda: parse_port_set(DEFAULT_OPAQUE))
    transport_header: bool = False
    h2_upgrade: bool = True
    ipv6: bool = False


@dataclass(frozen=True)
class EndpointSet:
    """The endpoints of one authority, as every client may see them."""

    service: Key
    exists: bool = True
    local_traffic: bool = False
    endpoints: Mapping[SocketAddress, Endpoint] = field(default_factory=dict)

    def visible_to(self, client: Client, zone: str) -> Mapping[SocketAddress, Endpoint]:
        """Those this client should use: its node's if traffic stays local, its zone's if hinted."""
        chosen = self.endpoints
        if self.local_traffic:
            return {at: one for at, one in chosen.items() if one.node == client.node}
        if zone and chosen and all(one.hint_zones for one in chosen.values()):
            near = {at: one for at, one in chosen.items() if zone in one.hint_zones}
            return near or chosen
        return chosen


def endpoints(reader: Reader, authority: ServiceAuthority, rules: Rules) -> EndpointSet:
    """All ready endpoints; where none is, those that were until just now.

    `exists` is False when there is no such Service.

    Raises InvalidArgument for a Service that has none by nature (ExternalName).
    """
    key = Key(authority.namespace, authority.name)
    service = reader.get(reader.index.services, key)
    if service is None:
        return EndpointSet(key, exists=False)
    if service.external_name:
        raise InvalidArgument(f"{key} is an ExternalName Service: it has no endpoints")
    slices = [
        one for one in reader.by(reader.index.slices, "service", key) if rules.ipv6 or not one.ipv6
    ]
    found = _once(_ready(reader, key, list(_of_slices(service, authority, slices))))
    made = (_endpoint(reader, at, port, authority.port, rules) for at, port in found)
    return EndpointSet(
        key,
        local_traffic=service.local_traffic,
        endpoints={one.address: one for one in made if one is not None},
    )


def _once(found: list[tuple[SliceEndpoint, int]]) -> list[tuple[SliceEndpoint, int]]:
    """A workload with an address of each family is one endpoint, by IPv6; others have the one they have."""
    by_ipv6 = {_whose(at) for at, _ in found if ":" in at.ip} - {None}
    return [one for one in found if ":" in one[0].ip or _whose(one[0]) not in by_ipv6]


def _whose(at: SliceEndpoint) -> tuple[str, Key] | None:
    """The kind and the name of its workload; None where the slice names none."""
    if at.pod is not None:
        return "pod", at.pod
    return None if at.external_workload is None else ("external workload", at.external_workload)


def _of_slices(
    service: Service, authority: ServiceAuthority, slices: list[Slice]
) -> Iterator[tuple[SliceEndpoint, int]]:
    """All of that name, ready or not, each with its port."""
    for one in slices:
        port = _target_port(service, authority.port, one)
        if port is None:
            continue
        for at in one.endpoints:
            if not authority.hostname or at.hostname == authority.hostname:
                yield at, port


def _ready(
    reader: Reader, service: Key, found: list[tuple[SliceEndpoint, int]]
) -> list[tuple[SliceEndpoint, int]]:
    ready = [one for one in found if one[0].ready]
    if ready or not found:
        return ready
    lately = reader.get(reader.index.lately_ready, service) or frozenset()
    return [one for one in found if member(one[0]) in lately]


def _target_port(service: Service, port: int, one: Slice) -> int | None:
    """The slice's port of that name; a port the Service does not declare is taken as it is."""
    declared = service.port(port)
    if declared is None:
        return port if one.ports else None
    return next((number for name, number in one.ports if name == declared.name), None)


def _endpoint(
    reader: Reader, at: SliceEndpoint, port: int, asked: int, rules: Rules
) -> Endpoint | None:
    """`asked` is the Service's port that leads to it."""
    address = SocketAddress(at.ip, port)
    workload: Workload | None = None
    if at.pod is not None:
        workload = reader.get(reader.index.pods, at.pod)
    elif at.external_workload is not None:
        workload = reader.get(reader.index.external_workloads, at.external_workload)
    else:
        zone = at.zone or node_zone(reader, at.node)
        made = Endpoint(address, node=at.node, zone=zone, hint_zones=at.hint_zones)
        return made if at.elsewhere is None else _beyond(made, at.elsewhere, asked, rules)
    if workload is None:
        # The slice is ahead of the workload. Without it its identity is unknown, and sending to it
        # in plaintext would be worse than sending to it a moment later.
        return None
    made = workload_endpoint(reader, workload, address, rules)
    if not at.hint_zones and at.zone in ("", made.zone):
        return made
    return replace(made, zone=at.zone or made.zone, hint_zones=at.hint_zones)


def _beyond(endpoint: Endpoint, elsewhere: Elsewhere, asked: int, rules: Rules) -> Endpoint:
    """An endpoint that leads to a Service of another cluster, by a gateway if that has an identity."""
    meshed = bool(elsewhere.gateway)
    return replace(
        endpoint,
        identity=elsewhere.gateway,
        meshed=meshed,
        h2=meshed and rules.h2_upgrade,
        authority=f"{elsewhere.service}:{asked}" if elsewhere.service else "",
    )


def workload_endpoint(
    reader: Reader, workload: Workload, address: SocketAddress, rules: Rules
) -> Endpoint:
    """A port of a pod or of an ExternalWorkload. The port is the container's, or the machine's."""
    if isinstance(workload, Pod):
        return _pod_endpoint(reader, workload, address, rules)
    assert isinstance(workload, ExternalWorkload)
    way = _way(reader, workload, address.port, rules, in_a_mesh=True)
    return Endpoint(
        address=address,
        labels=_external_labels(workload),
        identity=workload.identity if way.meshed else "",
        server_name=workload.server_name if way.meshed else "",
        meshed=way.meshed,
        h2=way.h2,
        opaque=way.opaque,
        opaque_transport=way.opaque_transport,
        external_workload=workload.key,
        zone=workload.zone,
    )


def _pod_endpoint(reader: Reader, pod: Pod, address: SocketAddress, rules: Rules) -> Endpoint:
    ours = pod.control_plane_ns == rules.domain.control_plane_namespace
    way = _way(reader, pod, address.port, rules, in_a_mesh=bool(pod.control_plane_ns))
    return Endpoint(
        address=address,
        labels=pod_labels(pod),
        identity=_identity(pod, rules.domain) if ours and way.meshed else "",
        meshed=way.meshed,
        h2=way.h2,
        opaque=way.opaque,
        opaque_transport=way.opaque_transport,
        pod=pod.key,
        node=pod.node,
        zone=node_zone(reader, pod.node),
    )


class _Way(NamedTuple):
    """How a port is spoken to; the words are an Endpoint's."""

    meshed: bool
    h2: bool
    opaque: bool
    opaque_transport: int


def _way(reader: Reader, workload: Workload, port: int, rules: Rules, *, in_a_mesh: bool) -> _Way:
    """Through the workload's proxy, if it has one and it is in the way of this port."""
    proxy = workload.proxy
    # The admin port bypasses the redirect and answers in plaintext, so nothing there could prove an
    # identity; the tap port is served by the proxy itself, which does.
    bypassed = port in workload.skip_inbound_ports or port == proxy.admin
    meshed = in_a_mesh and not bypassed
    opaque = is_opaque(reader, workload, port, rules)
    own = port in (proxy.inbound, proxy.admin, proxy.control)
    header = meshed and not own and (opaque or rules.transport_header)
    return _Way(
        meshed,
        h2=meshed and rules.h2_upgrade and not opaque,
        opaque=meshed and opaque,
        opaque_transport=proxy.inbound if header else 0,
    )


def is_opaque(reader: Reader, workload: Workload, port: int, rules: Rules) -> bool:
    """Bytes without a protocol we may look into: a Server says so, or the workload, or the default."""
    server = server_for(reader, workload, port)
    if server is not None and server.protocol == "opaque":
        return True
    return port in opaque_ports(workload, rules)


def opaque_ports(workload: Workload, rules: Rules) -> PortSet:
    """Those where no Server says what is spoken."""
    return rules.default_opaque if workload.opaque_ports is None else workload.opaque_ports


def pod_labels(pod: Pod) -> tuple[tuple[str, str], ...]:
    """The metric labels of an endpoint, in order of name."""
    labels = {"pod": pod.key.name, "serviceaccount": pod.service_account}
    if pod.owner is not None:
        kind, name = pod.owner
        labels[kind] = name
    if pod.control_plane_ns:
        labels["control_plane_ns"] = pod.control_plane_ns
    if template := pod.labels.get("pod-template-hash"):
        labels["pod_template_hash"] = template
    return tuple(sorted(labels.items()))


def _external_labels(workload: ExternalWorkload) -> tuple[tuple[str, str], ...]:
    labels = {"external_workload": workload.key.name}
    if workload.owner is not None:
        kind, name = workload.owner
        labels[kind] = name
    return tuple(sorted(labels.items()))


def node_zone(reader: Reader, name: str) -> str:
    node = reader.get(reader.index.nodes, Key("", name)) if name else None
    return node.zone if node else ""


def _identity(pod: Pod, domain: TrustDomain) -> str:
    try:
        return domain.identity(pod.service_account, pod.key.namespace)
    except NotAnIdentity:
        return ""
