"""Endpoints and their changes as messages."""

from dataclasses import dataclass

from destination.diff import Difference
from destination.model import Endpoint
from destination.translate.net import duration, resource, tcp_address
from kit.kube.objects import EXTERNAL_WORKLOADS, Key
from weft.names import is_spiffe_id
from weftapi.proxy import destination_pb2 as pb

WEIGHT = 10_000
"""One, in units of 1/10,000."""
_POD = ("core", "Pod")
_EXTERNAL_WORKLOAD = (EXTERNAL_WORKLOADS.group, EXTERNAL_WORKLOADS.kind)
LARGEST = 2_000
"""Endpoints per message: gRPC clients refuse messages over 4 MB, and one takes about 500 bytes."""


@dataclass(frozen=True, slots=True)
class Http2Client:
    """How clients keep HTTP/2 connections to proxies alive; seconds."""

    interval: float = 10.0
    timeout: float = 3.0

    def message(self) -> pb.Http2ClientParams | None:
        if not self.interval:
            return None
        return pb.Http2ClientParams(
            keep_alive=pb.Http2ClientParams.KeepAlive(
                interval=duration(self.interval),
                timeout=duration(self.timeout),
                while_idle=True,
            )
        )


def weighted_addr(
    endpoint: Endpoint, zone: str, http2: Http2Client, *, namespace: str = ""
) -> pb.WeightedAddr:
    """`zone` is the client's; a label says how the endpoint's relates to it."""
    labels = dict(endpoint.labels)
    if namespace:
        labels["namespace"] = namespace
    whose = endpoint.pod or endpoint.external_workload
    if whose is not None or endpoint.zone:
        if endpoint.zone:
            labels["zone"] = endpoint.zone
        labels["zone_locality"] = _locality(endpoint.zone, zone)
    message = pb.WeightedAddr(
        addr=tcp_address(endpoint.address), weight=WEIGHT, metric_labels=labels
    )
    if endpoint.identity:
        message.tls_identity.CopyFrom(_tls_identity(endpoint))
    if endpoint.authority:
        message.authority_override.authority_override = endpoint.authority
    if hint := _hint(endpoint):
        message.protocol_hint.CopyFrom(hint)
    if endpoint.meshed and (params := http2.message()):
        message.http2.CopyFrom(params)
    if whose is not None:
        group, kind = _POD if endpoint.pod is not None else _EXTERNAL_WORKLOAD
        port = endpoint.address.port
        message.resource_ref.CopyFrom(resource(group, kind, whose.name, whose.namespace, port))
    return message


def _tls_identity(endpoint: Endpoint) -> pb.TlsIdentity:
    of = pb.TlsIdentity
    server_name = of.DnsLikeIdentity(name=endpoint.server_name or endpoint.identity)
    if is_spiffe_id(endpoint.identity):
        uri = of.UriLikeIdentity(uri=endpoint.identity)
        return of(uri_like_identity=uri, server_name=server_name)
    name = of.DnsLikeIdentity(name=endpoint.identity)
    return of(dns_like_identity=name, server_name=server_name)


def _locality(endpoint: str, client: str) -> str:
    if not endpoint or not client:
        return "unknown"
    return "local" if endpoint == client else "remote"


def _hint(endpoint: Endpoint) -> pb.ProtocolHint | None:
    if not (endpoint.opaque or endpoint.h2 or endpoint.opaque_transport):
        return None
    hint = pb.ProtocolHint()
    if endpoint.opaque:
        hint.opaque.SetInParent()
    elif endpoint.h2:
        hint.h2.SetInParent()
    if endpoint.opaque_transport:
        hint.opaque_transport.inbound_port = endpoint.opaque_transport
    return hint


def updates(
    change: Difference, service: Key, zone: str, http2: Http2Client
) -> tuple[pb.Update, ...]:
    """Removals last, so that a client always has somewhere to go."""
    made = []
    labels = {"namespace": service.namespace, "service": service.name}
    for start in range(0, len(change.add), LARGEST):
        addrs = [weighted_addr(one, zone, http2) for one in change.add[start : start + LARGEST]]
        made.append(pb.Update(add=pb.WeightedAddrSet(addrs=addrs, metric_labels=labels)))
    if change.remove:
        gone = pb.AddrSet(addrs=[tcp_address(at) for at in change.remove])
        made.append(pb.Update(remove=gone))
    return tuple(made)


def no_endpoints() -> pb.Update:
    """The Service exists and has none: said at once, so that silence means that we are away."""
    return pb.Update(no_endpoints=pb.NoEndpoints(exists=True))
