"""Inbound policies as messages."""

from destination.policy.clients import POLICY_GROUP, Authorization
from destination.policy.inbound import InboundPolicy
from destination.policy.model import Network
from destination.translate.net import by_default, duration, network, resource
from weftapi.proxy import grpc_route_pb2, http_route_pb2, http_types_pb2
from weftapi.proxy import inbound_pb2 as pb

DETECT_TIMEOUT = 10.0

_GET = http_types_pb2.HttpMethod(registered=http_types_pb2.HttpMethod.GET)
_PROBE = "probe"


def server(policy: InboundPolicy, namespace: str) -> pb.Server:
    return pb.Server(
        protocol=_protocol(policy),
        authorizations=[_authz(one, namespace) for one in policy.authorizations],
        labels={"group": policy.group, "kind": policy.kind, "name": policy.name},
    )


def _protocol(policy: InboundPolicy) -> pb.ProxyProtocol:
    kinds = pb.ProxyProtocol
    match policy.protocol:
        case "detect":
            detect = kinds.Detect(timeout=duration(DETECT_TIMEOUT), http_routes=_routes(policy))
            return kinds(detect=detect)
        case "http1":
            return kinds(http1=kinds.Http1(routes=_routes(policy)))
        case "http2":
            return kinds(http2=kinds.Http2(routes=_routes(policy)))
        case "grpc":
            return kinds(grpc=kinds.Grpc(routes=[_any_rpc()]))
        case "opaque":
            return kinds(opaque=kinds.Opaque())
    return kinds(tls=kinds.Tls())


def _routes(policy: InboundPolicy) -> list[pb.HttpRoute]:
    """The route for everything, and one for what the kubelet probes."""
    everything = pb.HttpRoute(
        metadata=by_default("default"),
        rules=[
            pb.HttpRoute.Rule(
                matches=[http_route_pb2.HttpRouteMatch(path=http_route_pb2.PathMatch(prefix="/"))]
            )
        ],
    )
    if not policy.probe_paths or not policy.probe_networks:
        return [everything]
    probes = [
        http_route_pb2.HttpRouteMatch(path=http_route_pb2.PathMatch(exact=path), method=_GET)
        for path in policy.probe_paths
    ]
    allowed = Authorization(_PROBE, "default", policy.probe_networks)
    return [
        everything,
        pb.HttpRoute(
            metadata=by_default(_PROBE),
            authorizations=[_authz(allowed, "")],
            rules=[pb.HttpRoute.Rule(matches=probes)],
        ),
    ]


def _any_rpc() -> pb.GrpcRoute:
    match = grpc_route_pb2.GrpcRouteMatch(rpc=grpc_route_pb2.GrpcRpcMatch())
    return pb.GrpcRoute(metadata=by_default("default"), rules=[pb.GrpcRoute.Rule(matches=[match])])


def _authz(one: Authorization, namespace: str) -> pb.Authz:
    group = "" if one.kind == "default" else POLICY_GROUP
    metadata = (
        by_default(one.name)
        if one.kind == "default"
        else resource(POLICY_GROUP, one.kind, one.name, namespace)
    )
    return pb.Authz(
        networks=map(_network, one.networks),
        authentication=_authn(one),
        metadata=metadata,
        labels={"group": group, "kind": one.kind, "name": one.name},
    )


def _network(one: Network) -> pb.Network:
    return pb.Network(net=network(one.net), **{"except": map(network, one.excepted)})


def _authn(one: Authorization) -> pb.Authn:
    if not one.tls:
        return pb.Authn(unauthenticated=pb.Authn.PermitUnauthenticated())
    tls = pb.Authn.PermitMeshTLS
    if one.any_tls:
        return pb.Authn(meshTLS=tls(unauthenticated=pb.Authn.PermitUnauthenticated()))
    permitted = tls.PermitClientIdentities(
        identities=[pb.Identity(name=name) for name in one.identities],
        suffixes=[pb.IdentitySuffix(parts=parts) for parts in one.suffixes],
    )
    return pb.Authn(meshTLS=tls(identities=permitted))
