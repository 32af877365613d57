"""`tap.proto`: what a watcher asks for as a predicate, and events as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.control import translate
from proxy.control.watch import UnusableMessageError
from proxy.tap.match import (
    All,
    Any,
    Exactly,
    Label,
    Method,
    Network,
    Not,
    Ports,
    Predicate,
    Scheme,
    Side,
    StartsWith,
)
from proxy.tap.subject import Direction, RequestInit, ResponseInit
from weftapi.proxy import http_types_pb2, net_pb2, tap_pb2

if TYPE_CHECKING:
    from typing import Literal

    from google.protobuf import duration_pb2

    from proxy.tap.subject import Event, HeaderFields, Subject
    from weft.addresses import SocketAddress

Match = tap_pb2.ObserveRequest.Match
_DIRECTIONS = {
    Direction.INBOUND: tap_pb2.TapEvent.INBOUND,
    Direction.OUTBOUND: tap_pb2.TapEvent.OUTBOUND,
}
_METHODS = {
    name: http_types_pb2.HttpMethod(registered=name)
    for name in http_types_pb2.HttpMethod.Registered.keys()  # noqa: SIM118 (an enum, no dict)
}
_SCHEMES = {
    name.lower(): http_types_pb2.Scheme(registered=name)
    for name in http_types_pb2.Scheme.Registered.keys()  # noqa: SIM118
}


# --- what is asked --------------------------------------------------------------------------


def predicate(message: tap_pb2.ObserveRequest) -> Predicate:
    """Which requests are meant. Raises UnusableMessageError."""
    if not message.HasField("match"):
        raise UnusableMessageError("match is missing")
    return match(message.match)


def wants_headers(message: tap_pb2.ObserveRequest) -> bool:
    """Raises UnusableMessageError for anything but nothing and headers."""
    if not message.HasField("extract"):
        return False
    if message.extract.http.WhichOneof("extract") != "headers":
        raise UnusableMessageError("extract is of a form this proxy does not know")
    return True


def match(message: Match) -> Predicate:
    """Raises UnusableMessageError."""
    kind = message.WhichOneof("match")
    if kind == "all":
        return All(tuple(match(one) for one in message.all.matches))
    if kind == "any":
        return Any(tuple(match(one) for one in message.any.matches))
    if kind == "not":
        return Not(match(getattr(message, "not")))
    if kind == "source":
        return _tcp("source", message.source)
    if kind == "destination":
        return _tcp("destination", message.destination)
    if kind == "http":
        return _http(message.http)
    if kind == "destination_label":
        found = message.destination_label
        return Label("destination_labels", found.key, found.value)
    if kind == "route_label":
        return Label("route_labels", message.route_label.key, message.route_label.value)
    raise UnusableMessageError("a match is of a form this proxy does not know")


def _tcp(side: Side, message: tap_pb2.ObserveRequest.Match.Tcp) -> Predicate:
    kind = message.WhichOneof("match")
    if kind == "netmask":
        mask = message.netmask
        network = net_pb2.IPNetwork(ip=mask.ip, prefix_len=mask.mask)
        return Network(side, translate.network(network))
    if kind == "ports":
        ports = message.ports
        if not 0 <= ports.min <= ports.max <= 65_535:
            raise UnusableMessageError(f"ports {ports.min}-{ports.max} are no range")
        return Ports(side, ports.min, ports.max)
    raise UnusableMessageError(f"the match of a {side} is missing")


def _http(message: tap_pb2.ObserveRequest.Match.Http) -> Predicate:
    kind = message.WhichOneof("match")
    if kind == "scheme":
        return Scheme(translate.scheme(message.scheme).lower())
    if kind == "method":
        return Method(translate.method(message.method))
    if kind == "authority":
        return _text("authority", message.authority)
    if kind == "path":
        return _text("path", message.path)
    raise UnusableMessageError("an HTTP match is missing")


def _text(
    field: Literal["authority", "path"],
    message: tap_pb2.ObserveRequest.Match.Http.StringMatch,
) -> Predicate:
    kind = message.WhichOneof("match")
    if kind == "exact":
        return Exactly(field, message.exact)
    if kind == "prefix":
        return StartsWith(field, message.prefix)
    raise UnusableMessageError(f"the match of an {field} is missing")


# --- what is told ---------------------------------------------------------------------------


def event(found: Event, *, headers: bool) -> tap_pb2.TapEvent:
    """An event as a message; `headers`: with what was extracted."""
    message = _about(found.subject)
    if isinstance(found, RequestInit):
        _request_init(message.http.request_init, found, headers=headers)
    elif isinstance(found, ResponseInit):
        init = message.http.response_init
        init.id.stream = found.stream
        _duration(init.since_request_init, found.since_request)
        init.http_status = found.status
        if headers:
            _headers(init.headers, found.headers)
    else:
        end = message.http.response_end
        end.id.stream = found.stream
        _duration(end.since_request_init, found.since_request)
        _duration(end.since_response_init, found.since_response)
        end.response_bytes = found.response_bytes
        if found.grpc_status is not None:
            end.eos.grpc_status_code = found.grpc_status
        elif found.reset is not None:
            end.eos.reset_error_code = found.reset
        else:
            end.eos.SetInParent()
        if headers:
            _headers(end.trailers, found.trailers)
    return message


def _about(subject: Subject) -> tap_pb2.TapEvent:
    message = tap_pb2.TapEvent(
        source=_address(subject.source),
        destination=_address(subject.destination),
        proxy_direction=_DIRECTIONS[subject.direction],
    )
    message.source_meta.labels.update(subject.source_labels)
    message.destination_meta.labels.update(subject.destination_labels)
    message.route_meta.labels.update(subject.route_labels)
    return message


def _request_init(
    init: tap_pb2.TapEvent.Http.RequestInit, found: RequestInit, *, headers: bool
) -> None:
    subject = found.subject
    init.id.stream = found.stream
    method = _METHODS.get(subject.method)
    init.method.CopyFrom(method or http_types_pb2.HttpMethod(unregistered=subject.method))
    scheme = _SCHEMES.get(subject.scheme.lower())
    init.scheme.CopyFrom(scheme or http_types_pb2.Scheme(unregistered=subject.scheme))
    init.authority = subject.authority
    init.path = subject.path
    if headers:
        _headers(init.headers, subject.headers)


def _address(address: SocketAddress) -> net_pb2.TcpAddress:
    return net_pb2.TcpAddress(ip=translate.to_ip(address.ip), port=address.port)


def _headers(message: http_types_pb2.Headers, fields: HeaderFields) -> None:
    message.SetInParent()
    for name, value in fields:
        message.headers.add(name=name, value=value)


def _duration(message: duration_pb2.Duration, seconds: float) -> None:
    message.FromNanoseconds(int(seconds * 1e9))
