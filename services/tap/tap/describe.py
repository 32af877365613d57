"""Events as the viewer reads them: JSON of `weft.tap.v1.TapMessage`, with names for addresses.

Written by hand rather than by protobuf's JSON printer, which costs ten times as much per event; a
test holds both against each other.
"""

import base64
import ipaddress
from collections.abc import Iterable
from typing import Any

from google.protobuf import duration_pb2

from tap.cluster import Cluster
from tap.redact import Policy
from weftapi.proxy import http_types_pb2, net_pb2, tap_pb2

Json = dict[str, Any]

_INBOUND = tap_pb2.TapEvent.INBOUND
_DIRECTIONS = {_INBOUND: "INBOUND", tap_pb2.TapEvent.OUTBOUND: "OUTBOUND"}
_METHODS = {value: name for name, value in http_types_pb2.HttpMethod.Registered.items()}
_SCHEMES = {value: name.lower() for name, value in http_types_pb2.Scheme.Registered.items()}


class Describer:
    """Knows whose addresses are whose, and what is held back."""

    def __init__(self, cluster: Cluster, policy: Policy) -> None:
        self._cluster = cluster
        self._policy = policy

    def event(self, pod: str, base: int, event: tap_pb2.TapEvent) -> Json:
        """One TapMessage. `base` makes the proxy's numbers unique among all that are merged."""
        source = self._peer(event.source, event.source_meta, named=True)
        inbound = event.proxy_direction == _INBOUND
        destination = self._peer(event.destination, event.destination_meta, named=inbound)
        found: Json = {
            "pod": pod,
            "direction": _DIRECTIONS.get(event.proxy_direction, "DIRECTION_UNSPECIFIED"),
            "id": f"{base}:{stream(event)}",
            "source": source,
            "destination": destination,
        }
        if event.route_meta.labels:
            found["route"] = dict(event.route_meta.labels)
        found.update(self._http(event.http))
        return {"event": found}

    def _peer(
        self, address: net_pb2.TcpAddress, meta: tap_pb2.TapEvent.EndpointMeta, *, named: bool
    ) -> Json:
        """What the proxy knows wins; what is known of the address fills in.

        An outbound destination's labels come from discovery, so they are `named` only where the
        proxy knew nothing.
        """
        ip = _ip(address.ip)
        known = dict(meta.labels)
        if named or "pod" not in known:
            known = {**self._cluster.describe(ip), **known}
        return {"ip": ip, "port": address.port, "labels": known}

    def _http(self, http: tap_pb2.TapEvent.Http) -> Json:
        kind = http.WhichOneof("event")
        if kind == "request_init":
            request = http.request_init
            init: Json = {
                "method": _method(request.method),
                "scheme": _scheme(request.scheme),
                "authority": request.authority,
                "path": self._policy.path(request.path),
            }
            return {"requestInit": self._with(init, "headers", request.headers)}
        if kind == "response_init":
            response = http.response_init
            answer: Json = {
                "sinceRequest": _seconds(response.since_request_init),
                "status": response.http_status,
            }
            return {"responseInit": self._with(answer, "headers", response.headers)}
        if kind == "response_end":
            end = http.response_end
            last: Json = {
                "sinceRequest": _seconds(end.since_request_init),
                "sinceResponse": _seconds(end.since_response_init),
                "responseBytes": str(end.response_bytes),
            }
            how = end.eos.WhichOneof("end")
            if how == "grpc_status_code":
                last["grpcStatus"] = end.eos.grpc_status_code
            elif how == "reset_error_code":
                last["resetCode"] = end.eos.reset_error_code
            return {"responseEnd": self._with(last, "trailers", end.trailers)}
        return {}

    def _with(self, found: Json, name: str, headers: http_types_pb2.Headers) -> Json:
        if headers.headers:
            found[name] = list(self._headers(headers.headers))
        return found

    def _headers(self, headers: Iterable[http_types_pb2.Headers.Header]) -> Iterable[Json]:
        for header in headers:
            if self._policy.hides(header.name):
                yield {"name": header.name, "redacted": True}
                continue
            try:
                yield {"name": header.name, "text": header.value.decode()}
            except UnicodeDecodeError:
                binary = base64.b64encode(header.value).decode()
                yield {"name": header.name, "binary": binary}


def stream(event: tap_pb2.TapEvent) -> str:
    """Which request of its proxy an event belongs to."""
    http = event.http
    kind = http.WhichOneof("event")
    if kind is None:
        return ""
    found = getattr(http, kind).id
    return f"{found.stream}" if not found.base else f"{found.base}.{found.stream}"


def _ip(address: net_pb2.IPAddress) -> str:
    if address.WhichOneof("ip") == "ipv6":
        return str(ipaddress.IPv6Address((address.ipv6.first << 64) | address.ipv6.last))
    return str(ipaddress.IPv4Address(address.ipv4))


def _method(method: http_types_pb2.HttpMethod) -> str:
    if method.WhichOneof("type") == "registered":
        return _METHODS.get(method.registered, "?")
    return method.unregistered


def _scheme(scheme: http_types_pb2.Scheme) -> str:
    if scheme.WhichOneof("type") == "registered":
        return _SCHEMES.get(scheme.registered, "?")
    return scheme.unregistered


def _seconds(duration: duration_pb2.Duration) -> str:
    """As protobuf's JSON writes a duration, to the microsecond."""
    return f"{duration.seconds}.{duration.nanos // 1000:06d}s"
