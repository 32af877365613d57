"""Inbound policies as messages."""

from collections.abc import Iterable
from typing import Any

from destination.policy.clients import Authorization
from destination.policy.inbound import InboundLimit, InboundPolicy, InboundRoute
from destination.policy.model import Network
from destination.policy.route import POLICY_GROUP, Filter, Redirect, RequestHeaders
from destination.translate import routes as to_routes
from destination.translate.net import by_default, duration, network, resource
from weftapi.proxy import http_route_pb2, http_types_pb2
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
            detect = kinds.Detect(
                timeout=duration(DETECT_TIMEOUT),
                http_routes=_routes(policy),
                http_local_rate_limit=_limit(policy.limit),
            )
            return kinds(detect=detect)
        case "http1":
            limit = _limit(policy.limit)
            return kinds(http1=kinds.Http1(routes=_routes(policy), local_rate_limit=limit))
        case "http2":
            limit = _limit(policy.limit)
            return kinds(http2=kinds.Http2(routes=_routes(policy), local_rate_limit=limit))
        case "grpc":
            rpcs = [_grpc_route(one) for one in policy.routes] or [_any_rpc()]
            return kinds(grpc=kinds.Grpc(routes=rpcs))
        case "opaque":
            return kinds(opaque=kinds.Opaque())
    return kinds(tls=kinds.Tls())


def _routes(policy: InboundPolicy) -> list[pb.HttpRoute]:
    """Those written for the port, or one for everything and one for what the kubelet probes."""
    if policy.routes:
        return [_http_route(one) for one in policy.routes]
    everything = pb.HttpRoute(
        metadata=by_default("default"), rules=[pb.HttpRoute.Rule(matches=[to_routes.ANY_PATH])]
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
    rule = pb.GrpcRoute.Rule(matches=[to_routes.ANY_RPC])
    return pb.GrpcRoute(metadata=by_default("default"), rules=[rule])


# -- routes that somebody wrote ------------------------------------------------------------------
def _http_route(one: InboundRoute) -> pb.HttpRoute:
    rules = [
        pb.HttpRoute.Rule(
            matches=to_routes.http_matches(rule.matches), filters=_http_filters(rule.filters)
        )
        for rule in one.route.rules
    ]
    return pb.HttpRoute(rules=rules, **_about(one))


def _grpc_route(one: InboundRoute) -> pb.GrpcRoute:
    rules = [
        pb.GrpcRoute.Rule(
            matches=to_routes.grpc_matches(rule.matches), filters=_grpc_filters(rule.filters)
        )
        for rule in one.route.rules
    ]
    return pb.GrpcRoute(rules=rules, **_about(one))


def _about(one: InboundRoute) -> dict[str, Any]:
    """What routes of either kind say beside their rules."""
    route = one.route
    return {
        "metadata": resource(route.group, route.kind, route.key.name, route.key.namespace),
        "hosts": to_routes.hosts(route.hosts),
        "authorizations": [_authz(each, route.key.namespace) for each in one.authorizations],
    }


def _http_filters(filters: Iterable[Filter]) -> list[pb.HttpRoute.Filter]:
    """Routes with other filters are not attached to Servers."""
    kinds, made = pb.HttpRoute, []
    for one in filters:
        if isinstance(one, RequestHeaders):
            change = to_routes.request_headers(one.change)
            made.append(kinds.Filter(request_header_modifier=change))
        elif isinstance(one, Redirect):
            made.append(kinds.Filter(redirect=to_routes.redirect(one)))
    return made


def _grpc_filters(filters: Iterable[Filter]) -> list[pb.GrpcRoute.Filter]:
    return [
        pb.GrpcRoute.Filter(request_header_modifier=to_routes.request_headers(one.change))
        for one in filters
        if isinstance(one, RequestHeaders)
    ]


def _limit(limit: InboundLimit | None) -> pb.HttpLocalRateLimit | None:
    if limit is None:
        return None
    kinds = pb.HttpLocalRateLimit
    message = kinds(
        metadata=resource(POLICY_GROUP, "HTTPLocalRateLimitPolicy", limit.name, limit.namespace),
        overrides=[
            kinds.Override(
                limit=kinds.Limit(requestsPerSecond=rate),
                clients=kinds.Override.ClientIdentities(
                    identities=[pb.Identity(name=name) for name in names]
                ),
            )
            for rate, names in limit.overrides
        ],
    )
    if limit.total is not None:
        message.total.requestsPerSecond = limit.total
    if limit.identity is not None:
        message.identity.requestsPerSecond = limit.identity
    return message


# -- authorizations ------------------------------------------------------------------------------
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
