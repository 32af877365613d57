"""Linkerd's form of question and answer: protobuf instead of JSON (`weftapi/viz/tap.proto`). Pure.

Its command line and dashboard can watch through us. What it has no words for, who is watched and what was
lost, is left out.
"""

import base64
import ipaddress
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import duration_pb2
from google.protobuf.message import DecodeError, Message

from tap.merge import Json
from tap.query import DEFAULT_RPS, Peer, Query, QueryError, Target, check, read_peer
from tap.redact import REDACTED
from weftapi.viz import common_net_pb2, tap_pb2, viz_pb2

Request = tap_pb2.TapByResourceRequest

ERROR_HEADER = "linkerd-error"
_DIRECTIONS = {"INBOUND": tap_pb2.TapEvent.INBOUND, "OUTBOUND": tap_pb2.TapEvent.OUTBOUND}
_METHODS = frozenset(viz_pb2.HttpMethod.Registered.keys())
_SCHEMES = frozenset(viz_pb2.Scheme.Registered.keys())


class Unimplemented(QueryError):
    """A question that has a form, and that nobody answers."""


def is_linkerds(content_type: str, body: bytes) -> bool:
    """Whether a request is in this form. Linkerd's clients name no type; JSON begins with a brace."""
    return content_type != "application/json" and body.strip()[:1] not in (b"", b"{")


def read_body(target: Target, body: bytes) -> Query:
    """The request for the target of its path. Raises QueryError."""
    try:
        message = Request.FromString(body)
    except DecodeError as error:
        raise QueryError(f"the body is not a TapByResourceRequest: {error}") from None
    named = message.target.resource
    namespace = named.name if named.type == "namespace" else named.namespace
    if Target(namespace, named.type, named.name) != target:
        raise QueryError(f"target is not what the path names, {target} in {target.namespace}")
    parts = _parts(message.match)
    return check(
        Query(
            target,
            to=parts.get("to"),
            method=parts.get("method", "").upper(),
            path_prefix=parts.get("path", ""),
            authority=parts.get("authority", ""),
            scheme=parts.get("scheme", "").lower(),
            max_rps=message.maxRps or DEFAULT_RPS,
            headers=message.extract.http.WhichOneof("extract") == "headers",
        ),
        message.target.label_selector,
    )


def frame(message: Json) -> bytes:
    """An event as a frame; nothing for what is no event."""
    event = message.get("event")
    return framed(_event(event)) if event is not None else b""


def refusal(text: str) -> bytes:
    """What follows the error header."""
    return framed(viz_pb2.ApiError(error=text))


def framed(message: Message) -> bytes:
    """Its length in four bytes, little-endian, and the message."""
    data = message.SerializeToString()
    return struct.pack("<I", len(data)) + data


# --- the question ---------------------------------------------------------------------------


def _parts(match: Any) -> dict[str, Any]:
    """What a flat list of conditions says; each may be there once."""
    if match.WhichOneof("match") not in (None, "all"):
        raise Unimplemented("match: only `all` is understood")
    found: dict[str, Any] = {}
    for one in match.all.matches:
        name, value = _condition(one)
        if found.setdefault(name, value) != value:
            raise Unimplemented(f"match: {name} is there twice")
    return found


def _condition(match: Any) -> tuple[str, str | Peer]:
    kind = match.WhichOneof("match")
    if kind == "destinations":
        if match.destinations.label_selector:
            raise Unimplemented("match: destinations are not chosen by labels")
        resource = match.destinations.resource
        return "to", read_peer(resource.namespace, resource.type, resource.name)
    name = match.http.WhichOneof("match") if kind == "http" else None
    if name is None:
        raise Unimplemented(f"match: {kind} is not understood inside `all`")
    return name, str(getattr(match.http, name))


# --- the answer -----------------------------------------------------------------------------


def _event(event: Json) -> tap_pb2.TapEvent:
    found = tap_pb2.TapEvent(
        source=_address(event["source"]),
        source_meta=tap_pb2.TapEvent.EndpointMeta(labels=event["source"]["labels"]),
        destination=_address(event["destination"]),
        destination_meta=tap_pb2.TapEvent.EndpointMeta(labels=event["destination"]["labels"]),
        route_meta=tap_pb2.TapEvent.RouteMeta(labels=event.get("route", {})),
        proxy_direction=_DIRECTIONS.get(event["direction"], tap_pb2.TapEvent.UNKNOWN),
    )
    identity = _stream_id(event["id"])
    http = found.http
    if init := event.get("requestInit"):
        request = http.request_init
        request.id.CopyFrom(identity)
        request.method.CopyFrom(_method(init["method"]))
        request.scheme.CopyFrom(_scheme(init["scheme"]))
        request.authority, request.path = init["authority"], init["path"]
        request.headers.CopyFrom(_headers(init.get("headers", ())))
    elif init := event.get("responseInit"):
        response = http.response_init
        response.id.CopyFrom(identity)
        response.since_request_init.CopyFrom(_duration(init["sinceRequest"]))
        response.http_status = init["status"]
        response.headers.CopyFrom(_headers(init.get("headers", ())))
    elif last := event.get("responseEnd"):
        end = http.response_end
        end.id.CopyFrom(identity)
        end.since_request_init.CopyFrom(_duration(last["sinceRequest"]))
        end.since_response_init.CopyFrom(_duration(last["sinceResponse"]))
        end.response_bytes = int(last["responseBytes"])
        end.trailers.CopyFrom(_headers(last.get("trailers", ())))
        if "grpcStatus" in last:
            end.eos.grpc_status_code = last["grpcStatus"]
        elif "resetCode" in last:
            end.eos.reset_error_code = last["resetCode"]
    return found


def _address(peer: Json) -> common_net_pb2.TcpAddress:
    made = common_net_pb2.TcpAddress(port=peer["port"])
    ip = ipaddress.ip_address(peer["ip"])
    if ip.version == 4:
        made.ip.ipv4 = int(ip)
    else:
        made.ip.ipv6.first, made.ip.ipv6.last = divmod(int(ip), 1 << 64)
    return made


def _stream_id(text: str) -> tap_pb2.TapEvent.Http.StreamId:
    """Of `base:stream`, or `base:theirs.stream`: what the proxy calls a base becomes its upper half.

    The numbers are the proxy's own, of up to 32 and 64 bits; what does not fit is cut off.
    """
    base, _, stream = text.partition(":")
    upper, dot, lower = stream.partition(".")
    number = (int(upper) << 32) + int(lower) if dot else int(upper or 0)
    return tap_pb2.TapEvent.Http.StreamId(base=int(base), stream=number % (1 << 64))


def _method(name: str) -> viz_pb2.HttpMethod:
    if name in _METHODS:
        return viz_pb2.HttpMethod(registered=name)
    return viz_pb2.HttpMethod(unregistered=name)


def _scheme(name: str) -> viz_pb2.Scheme:
    if name.upper() in _SCHEMES:
        return viz_pb2.Scheme(registered=name.upper())
    return viz_pb2.Scheme(unregistered=name)


def _headers(headers: Iterable[Mapping[str, Any]]) -> viz_pb2.Headers:
    return viz_pb2.Headers(headers=[_header(one) for one in headers])


def _header(header: Mapping[str, Any]) -> viz_pb2.Headers.Header:
    made = viz_pb2.Headers.Header(name=header["name"])
    if "binary" in header:
        made.value_bin = base64.b64decode(header["binary"])
    else:
        made.value_str = REDACTED if header.get("redacted") else header.get("text", "")
    return made


def _duration(text: str) -> duration_pb2.Duration:
    """Of seconds with six decimals."""
    seconds, _, micros = text.removesuffix("s").partition(".")
    return duration_pb2.Duration(seconds=int(seconds), nanos=int(micros or 0) * 1000)
