"""`inbound.proto` to plain values: what a port allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.authz.policy import (
    DETECT_TIMEOUT,
    Authentication,
    Authorization,
    Network,
    Protocol,
    RateLimit,
    RateOverride,
    Route,
    Rule,
    ServerPolicy,
    TlsAuthenticated,
    TlsUnauthenticated,
    Unauthenticated,
)
from proxy.control import translate
from proxy.control.watch import UnusableMessageError
from proxy.identity.peer import canonical
from proxy.stack.meta import Meta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.stack.filters import Filter
    from weftapi.proxy import inbound_pb2

_PROTOCOLS = {
    "detect": Protocol.DETECT,
    "opaque": Protocol.OPAQUE,
    "tls": Protocol.TLS,
    "http1": Protocol.HTTP1,
    "http2": Protocol.HTTP2,
    "grpc": Protocol.GRPC,
}


def server(message: inbound_pb2.Server) -> ServerPolicy:
    """A `Server` as the policy of its port. Raises UnusableMessageError."""
    kind = message.protocol.WhichOneof("kind")
    if kind is None:
        raise UnusableMessageError("the protocol of a server is missing")
    protocol = message.protocol
    timeout = DETECT_TIMEOUT
    routes: tuple[Route, ...] = ()
    limit = None
    if kind == "detect":
        if protocol.detect.HasField("timeout"):
            timeout = translate.seconds(protocol.detect.timeout)
        routes = _http_routes(protocol.detect.http_routes)
        limit = _limit_of(protocol.detect, "http_local_rate_limit")
    elif kind == "http1":
        routes = _http_routes(protocol.http1.routes)
        limit = _limit_of(protocol.http1, "local_rate_limit")
    elif kind == "http2":
        routes = _http_routes(protocol.http2.routes)
        limit = _limit_of(protocol.http2, "local_rate_limit")
    elif kind == "grpc":
        routes = _grpc_routes(protocol.grpc.routes)
    return ServerPolicy(
        _PROTOCOLS[kind],
        _server_meta(message),
        tuple(map(_authorization, message.authorizations)),
        routes,
        timeout,
        limit,
    )


def _server_meta(message: inbound_pb2.Server) -> Meta:
    labels = message.labels
    if "name" not in labels:
        raise UnusableMessageError("the labels of a server hold no name")
    return Meta(labels.get("group", ""), labels.get("kind", "default"), "", labels["name"])


# --- authorizations -------------------------------------------------------------------------


def _authorization(message: inbound_pb2.Authz) -> Authorization:
    return Authorization(
        _authorization_meta(message),
        tuple(
            Network(
                translate.network(one.net),
                tuple(translate.network(hole) for hole in getattr(one, "except")),
            )
            for one in message.networks
        ),
        _authentication(message.authentication),
    )


def _authorization_meta(message: inbound_pb2.Authz) -> Meta:
    """Metadata when there is any, else the labels older controllers send."""
    if message.metadata.WhichOneof("kind") is not None:
        return translate.meta(message.metadata)
    labels = message.labels
    if "name" not in labels:
        raise UnusableMessageError("an authorization has neither metadata nor a name")
    return Meta(labels.get("group", ""), labels.get("kind", "default"), "", labels["name"])


def _authentication(message: inbound_pb2.Authn) -> Authentication:
    permit = message.WhichOneof("permit")
    if permit == "unauthenticated":
        return Unauthenticated()
    if permit == "meshTLS":
        clients = message.meshTLS.WhichOneof("clients")
        if clients == "unauthenticated":
            return TlsUnauthenticated()
        if clients == "identities":
            allowed = message.meshTLS.identities
            return TlsAuthenticated(
                frozenset(canonical(one.name) for one in allowed.identities),
                tuple(_suffix(one.parts) for one in allowed.suffixes),
            )
    raise UnusableMessageError("an authorization does not say which clients it admits")


def _suffix(parts: Sequence[str]) -> str:
    """No parts mean any identity."""
    return "." + ".".join(parts).lower() if parts else ""


# --- routes ---------------------------------------------------------------------------------


def _http_routes(messages: Sequence[inbound_pb2.HttpRoute]) -> tuple[Route, ...]:
    return tuple(
        Route(
            translate.meta(one.metadata),
            tuple(
                Rule(
                    tuple(map(translate.http_match, rule.matches)),
                    tuple(map(_http_filter, rule.filters)),
                )
                for rule in one.rules
            ),
            tuple(map(translate.host, one.hosts)),
            tuple(map(_authorization, one.authorizations)),
        )
        for one in messages
    )


def _grpc_routes(messages: Sequence[inbound_pb2.GrpcRoute]) -> tuple[Route, ...]:
    return tuple(
        Route(
            translate.meta(one.metadata),
            tuple(
                Rule(
                    tuple(map(translate.grpc_match, rule.matches)),
                    tuple(map(_grpc_filter, rule.filters)),
                )
                for rule in one.rules
            ),
            tuple(map(translate.host, one.hosts)),
            tuple(map(_authorization, one.authorizations)),
        )
        for one in messages
    )


def _http_filter(message: inbound_pb2.HttpRoute.Filter) -> Filter:
    kind = message.WhichOneof("kind")
    if kind == "failure_injector":
        return translate.fail_http(message.failure_injector)
    if kind == "request_header_modifier":
        return translate.request_header_modifier(message.request_header_modifier)
    if kind == "redirect":
        return translate.redirect(message.redirect)
    raise UnusableMessageError("an HTTP filter is of a kind this proxy does not know")


def _grpc_filter(message: inbound_pb2.GrpcRoute.Filter) -> Filter:
    kind = message.WhichOneof("kind")
    if kind == "failure_injector":
        return translate.fail_grpc(message.failure_injector)
    if kind == "request_header_modifier":
        return translate.request_header_modifier(message.request_header_modifier)
    raise UnusableMessageError("a gRPC filter is of a kind this proxy does not know")


# --- rate limits ----------------------------------------------------------------------------


def _limit_of(
    protocol: inbound_pb2.ProxyProtocol.Detect
    | inbound_pb2.ProxyProtocol.Http1
    | inbound_pb2.ProxyProtocol.Http2,
    field: str,
) -> RateLimit | None:
    if not protocol.HasField(field):
        return None
    return _rate_limit(getattr(protocol, field))


def _rate_limit(message: inbound_pb2.HttpLocalRateLimit) -> RateLimit:
    return RateLimit(
        translate.meta(message.metadata),
        _rps(message.total) if message.HasField("total") else None,
        _rps(message.identity) if message.HasField("identity") else None,
        tuple(
            RateOverride(
                _rps(one.limit), frozenset(canonical(who.name) for who in one.clients.identities)
            )
            for one in message.overrides
        ),
    )


def _rps(message: inbound_pb2.HttpLocalRateLimit.Limit) -> int:
    if message.requestsPerSecond == 0:
        raise UnusableMessageError("a rate limit of 0 requests per second")
    return message.requestsPerSecond
