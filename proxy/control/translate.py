"""Messages to plain values: the parts that inbound, outbound and destinations share.

Whatever cannot be understood is refused whole (`UnusableMessageError`), never guessed: a policy
applied in part could let in whom it should keep out.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, TypeVar

from proxy.codec.message import Headers
from proxy.control.watch import UnusableMessageError
from proxy.stack.filters import (
    FailGrpc,
    FailHttp,
    HeaderModifier,
    Redirect,
    RequestHeaderModifier,
)
from proxy.stack.match import (
    ExactHost,
    ExactPath,
    GrpcMatch,
    HeaderMatch,
    HostMatch,
    HttpMatch,
    PathMatch,
    PrefixPath,
    QueryMatch,
    RegexPath,
    SuffixHost,
)
from proxy.stack.meta import Meta
from weft.addresses import IPAddress, IPNetwork, SocketAddress
from weft.patterns import Pattern, PatternError
from weftapi.proxy import (
    grpc_route_pb2,
    http_route_pb2,
    http_types_pb2,
    meta_pb2,
    net_pb2,
    tls_route_pb2,
)

if TYPE_CHECKING:
    from google.protobuf import duration_pb2

T = TypeVar("T")


def require(value: T | None, what: str) -> T:
    """The value, which the message had to hold. Raises UnusableMessageError."""
    if value is None:
        raise UnusableMessageError(f"{what} is missing")
    return value


# --- net ------------------------------------------------------------------------------------


def ip(message: net_pb2.IPAddress) -> IPAddress:
    kind = message.WhichOneof("ip")
    if kind == "ipv4":
        return ipaddress.IPv4Address(message.ipv4)
    if kind == "ipv6":
        return ipaddress.IPv6Address((message.ipv6.first << 64) | message.ipv6.last)
    raise UnusableMessageError("an IP address is missing")


def socket_address(message: net_pb2.TcpAddress) -> SocketAddress:
    if not 0 < message.port < 65_536:
        raise UnusableMessageError(f"{message.port} is not a port")
    return SocketAddress(str(ip(message.ip)), message.port)


def to_ip(address: str) -> net_pb2.IPAddress:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return net_pb2.IPAddress(ipv4=int(parsed))
    value = int(parsed)
    return net_pb2.IPAddress(ipv6=net_pb2.IPv6(first=value >> 64, last=value & (2**64 - 1)))


def network(message: net_pb2.IPNetwork) -> IPNetwork:
    try:
        return ipaddress.ip_network((str(ip(message.ip)), message.prefix_len), strict=False)
    except ValueError as error:
        raise UnusableMessageError(f"a network: {error}") from error


# --- durations, metadata --------------------------------------------------------------------


def seconds(message: duration_pb2.Duration) -> float:
    value = message.seconds + message.nanos / 1e9
    if value < 0:
        raise UnusableMessageError(f"a duration of {value}s is negative")
    return value


def meta(message: meta_pb2.Metadata) -> Meta:
    kind = message.WhichOneof("kind")
    if kind == "default":
        return Meta.default(message.default)
    if kind == "resource":
        resource = message.resource
        return Meta(
            resource.group,
            resource.kind,
            resource.namespace,
            resource.name,
            resource.section,
            str(resource.port) if resource.port else "",
        )
    raise UnusableMessageError("metadata is missing")


# --- matches --------------------------------------------------------------------------------


def regex(text: str) -> Pattern:
    try:
        return Pattern(text)
    except PatternError as error:
        raise UnusableMessageError(f"{text!r} is not a regular expression: {error}") from error


def method(message: http_types_pb2.HttpMethod) -> str:
    kind = message.WhichOneof("type")
    if kind == "registered":
        try:
            return http_types_pb2.HttpMethod.Registered.Name(message.registered)
        except ValueError as error:
            raise UnusableMessageError(f"HTTP method {message.registered} is unknown") from error
    if kind == "unregistered":
        return message.unregistered
    raise UnusableMessageError("an HTTP method is missing")


def host(message: http_route_pb2.HostMatch | tls_route_pb2.SniMatch) -> HostMatch:
    kind = message.WhichOneof("match")
    if kind == "exact":
        return ExactHost(message.exact.lower().rstrip("."))
    if kind == "suffix":
        labels = reversed(message.suffix.reverse_labels)
        return SuffixHost("." + ".".join(label.lower() for label in labels))
    raise UnusableMessageError("a host match is empty")


def path(message: http_route_pb2.PathMatch) -> PathMatch:
    kind = message.WhichOneof("kind")
    if kind == "exact":
        return ExactPath(message.exact)
    if kind == "prefix":
        return PrefixPath(message.prefix)
    if kind == "regex":
        return RegexPath(regex(message.regex))
    raise UnusableMessageError("a path match is empty")


def header(message: http_route_pb2.HeaderMatch) -> HeaderMatch:
    kind = message.WhichOneof("value")
    if kind == "exact":
        return HeaderMatch(_header_name(message.name), bytes(message.exact))
    if kind == "regex":
        return HeaderMatch(_header_name(message.name), regex(message.regex))
    raise UnusableMessageError(f"the match of header {message.name!r} is empty")


def query(message: http_route_pb2.QueryParamMatch) -> QueryMatch:
    kind = message.WhichOneof("value")
    if kind == "exact":
        return QueryMatch(message.name, message.exact)
    if kind == "regex":
        return QueryMatch(message.name, regex(message.regex))
    raise UnusableMessageError(f"the match of query parameter {message.name!r} is empty")


def http_match(message: http_route_pb2.HttpRouteMatch) -> HttpMatch:
    return HttpMatch(
        path(message.path) if message.HasField("path") else None,
        tuple(map(header, message.headers)),
        tuple(map(query, message.query_params)),
        method(message.method) if message.HasField("method") else None,
    )


def grpc_match(message: grpc_route_pb2.GrpcRouteMatch) -> GrpcMatch:
    if not message.HasField("rpc"):
        raise UnusableMessageError("a gRPC match has no rpc")
    return GrpcMatch(message.rpc.service, message.rpc.method, tuple(map(header, message.headers)))


# --- filters --------------------------------------------------------------------------------


def header_modifier(
    message: http_route_pb2.RequestHeaderModifier | http_route_pb2.ResponseHeaderModifier,
) -> HeaderModifier:
    return HeaderModifier(
        _headers(message.add), _headers(message.set), tuple(map(_header_name, message.remove))
    )


def request_header_modifier(message: http_route_pb2.RequestHeaderModifier) -> RequestHeaderModifier:
    return RequestHeaderModifier(header_modifier(message))


def redirect(message: http_route_pb2.RequestRedirect) -> Redirect:
    replace = message.path.WhichOneof("replace")
    status = message.status or 301
    if not 300 <= status <= 399:
        raise UnusableMessageError(f"a redirect with status {status}")
    for part in (message.host, message.path.full, message.path.prefix):
        _header_name("location", part.encode())
    return Redirect(
        status,
        scheme(message.scheme) if message.HasField("scheme") else None,
        message.host or None,
        message.port or None,
        message.path.full if replace == "full" else None,
        message.path.prefix if replace == "prefix" else None,
    )


def scheme(message: http_types_pb2.Scheme) -> str:
    kind = message.WhichOneof("type")
    if kind == "registered":
        return "https" if message.registered == http_types_pb2.Scheme.HTTPS else "http"
    if kind == "unregistered":
        return message.unregistered
    raise UnusableMessageError("a scheme is missing")


def fail_http(message: http_route_pb2.HttpFailureInjector) -> FailHttp:
    if not 100 <= message.status <= 599:
        raise UnusableMessageError(f"a failure with HTTP status {message.status}")
    return FailHttp(message.status, message.message, *_ratio(message))


def fail_grpc(message: grpc_route_pb2.GrpcFailureInjector) -> FailGrpc:
    return FailGrpc(message.code, message.message, *_ratio(message))


def _ratio(
    message: http_route_pb2.HttpFailureInjector | grpc_route_pb2.GrpcFailureInjector,
) -> tuple[int, int]:
    if not message.HasField("ratio"):
        return 1, 1
    if message.ratio.denominator == 0:
        raise UnusableMessageError("a failure ratio has the denominator 0")
    return message.ratio.numerator, message.ratio.denominator


def _headers(message: http_types_pb2.Headers) -> tuple[tuple[str, bytes], ...]:
    return tuple((_header_name(one.name, one.value), bytes(one.value)) for one in message.headers)


def _header_name(name: str, value: bytes = b"") -> str:
    """In lower case. Raises UnusableMessageError where no request could be sent with such a header."""
    try:
        Headers([(name, value)])
    except ValueError as error:
        raise UnusableMessageError(f"header {name!r}: {error}") from error
    return name.lower()
