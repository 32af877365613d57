"""What routes of either direction have in common: hosts, matches, header changes, redirects."""

from collections.abc import Iterable
from typing import Any

from destination.policy.route import (
    GrpcMatch,
    HeaderChange,
    HttpMatch,
    Match,
    Redirect,
    Value,
)
from destination.translate.profile import http_method
from weftapi.proxy import grpc_route_pb2, http_route_pb2, http_types_pb2, tls_route_pb2

ANY_PATH = http_route_pb2.HttpRouteMatch(path=http_route_pb2.PathMatch(prefix="/"))
ANY_RPC = grpc_route_pb2.GrpcRouteMatch(rpc=grpc_route_pb2.GrpcRpcMatch())


def hosts(names: Iterable[str]) -> list[http_route_pb2.HostMatch]:
    return [_named(http_route_pb2.HostMatch, name) for name in names]


def snis(names: Iterable[str]) -> list[tls_route_pb2.SniMatch]:
    return [_named(tls_route_pb2.SniMatch, name) for name in names]


def _named(match: Any, name: str) -> Any:
    """Host names and server names are two types of message with the same fields."""
    if name.startswith("*."):
        return match(suffix=match.Suffix(reverse_labels=_reversed(name)))
    return match(exact=name)


def _reversed(name: str) -> list[str]:
    return name.removeprefix("*.").split(".")[::-1]


def http_matches(matches: Iterable[Match]) -> list[http_route_pb2.HttpRouteMatch]:
    """Of an HTTPRoute's rule; no match at all is every request."""
    return [_http_match(one) for one in matches if isinstance(one, HttpMatch)] or [ANY_PATH]


def grpc_matches(matches: Iterable[Match]) -> list[grpc_route_pb2.GrpcRouteMatch]:
    """Of a GRPCRoute's rule; no match at all is every call."""
    return [_grpc_match(one) for one in matches if isinstance(one, GrpcMatch)] or [ANY_RPC]


def _http_match(match: HttpMatch) -> http_route_pb2.HttpRouteMatch:
    message = http_route_pb2.HttpRouteMatch(
        headers=[_header(name, value) for name, value in match.headers],
        query_params=[_param(name, value) for name, value in match.params],
    )
    if match.path is not None:
        message.path.CopyFrom(_path(match.path))
    if match.method:
        message.method.CopyFrom(http_method(match.method))
    return message


def _path(value: Value) -> http_route_pb2.PathMatch:
    match value.kind:
        case "exact":
            return http_route_pb2.PathMatch(exact=value.text)
        case "prefix":
            return http_route_pb2.PathMatch(prefix=value.text)
    return http_route_pb2.PathMatch(regex=value.text)


def _header(name: str, value: Value) -> http_route_pb2.HeaderMatch:
    if value.kind == "exact":
        return http_route_pb2.HeaderMatch(name=name, exact=value.text.encode())
    return http_route_pb2.HeaderMatch(name=name, regex=value.text)


def _param(name: str, value: Value) -> http_route_pb2.QueryParamMatch:
    if value.kind == "exact":
        return http_route_pb2.QueryParamMatch(name=name, exact=value.text)
    return http_route_pb2.QueryParamMatch(name=name, regex=value.text)


def _grpc_match(match: GrpcMatch) -> grpc_route_pb2.GrpcRouteMatch:
    return grpc_route_pb2.GrpcRouteMatch(
        rpc=grpc_route_pb2.GrpcRpcMatch(service=match.service, method=match.method),
        headers=[_header(name, value) for name, value in match.headers],
    )


def request_headers(change: HeaderChange) -> http_route_pb2.RequestHeaderModifier:
    return http_route_pb2.RequestHeaderModifier(
        add=_headers(change.add), set=_headers(change.set), remove=change.remove
    )


def response_headers(change: HeaderChange) -> http_route_pb2.ResponseHeaderModifier:
    return http_route_pb2.ResponseHeaderModifier(
        add=_headers(change.add), set=_headers(change.set), remove=change.remove
    )


def _headers(pairs: Iterable[tuple[str, str]]) -> http_types_pb2.Headers:
    made = [http_types_pb2.Headers.Header(name=name, value=text.encode()) for name, text in pairs]
    return http_types_pb2.Headers(headers=made)


def redirect(asked: Redirect) -> http_route_pb2.RequestRedirect:
    message = http_route_pb2.RequestRedirect(host=asked.host, port=asked.port, status=asked.status)
    if asked.scheme:
        https = asked.scheme == "https"
        message.scheme.registered = (
            http_types_pb2.Scheme.HTTPS if https else http_types_pb2.Scheme.HTTP
        )
    if asked.path is not None:
        message.path.full = asked.path
    elif asked.prefix is not None:
        message.path.prefix = asked.prefix
    return message
