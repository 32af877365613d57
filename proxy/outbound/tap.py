"""What a watcher is told of outbound requests: to which endpoint, by which route, under which proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.outbound.call import OutboundCall
from proxy.stack.match import find
from proxy.tap.downstream import TappedDownstream, client_of, header_fields
from proxy.tap.subject import Direction, Subject
from proxy.telemetry.labels import LOOPBACK
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from proxy.discovery.destination import Destination
    from proxy.discovery.endpoints import Endpoint
    from proxy.net.exchange import Call
    from proxy.tap.registry import Registry
    from proxy.tap.subject import Labels

UNSPECIFIED = "0.0.0.0"  # noqa: S104
"""Where a request goes that named its destination, until there is an endpoint."""
_SOURCE: Labels = (("tls", LOOPBACK),)


class OutboundTap:
    """Observer of outbound calls, present while somebody watches."""

    __slots__ = ("_registry",)

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(self, call: Call, event: str) -> None:
        assert isinstance(call, OutboundCall)
        downstream = call.downstream
        tapped = isinstance(downstream, TappedDownstream)
        if event == "request" and not tapped:
            watched = self._registry.begin(subject(call))
            if watched is not None:
                call.downstream = TappedDownstream(downstream, watched, call.service.clock)
        elif event == "end" and isinstance(downstream, TappedDownstream):
            downstream.over()


def subject(call: OutboundCall) -> Subject:
    """The request as its head and its endpoint describe it."""
    head = call.head
    logical = call.service.logical
    endpoint = call.endpoint.endpoint if call.endpoint is not None else None
    route = find(logical.routes(head), head)
    return Subject(
        direction=Direction.OUTBOUND,
        source=client_of(call.downstream),
        destination=_address(logical.target.address) if endpoint is None else endpoint.address,
        method=head.method,
        scheme=head.scheme,
        authority=head.authority,
        path=head.path,
        headers=header_fields(head.headers),
        source_labels=_SOURCE,
        destination_labels=() if endpoint is None else _endpoint(endpoint),
        route_labels=() if route is None else _route(route[0].meta.labels("route")),
    )


def _address(destination: Destination) -> SocketAddress:
    if isinstance(destination, SocketAddress):
        return destination
    return SocketAddress(UNSPECIFIED, destination.port)


def _endpoint(endpoint: Endpoint) -> Labels:
    """Labels without the prefix that metrics need to tell two ends apart."""
    named = tuple((key.removeprefix("dst_"), value) for key, value in endpoint.labels)
    if endpoint.identity is None:
        return (("tls", endpoint.no_tls_reason), *named)
    return (("tls", "true"), ("server_id", endpoint.identity), *named)


def _route(labels: Labels) -> Labels:
    return (("route", dict(labels)["route_name"]), *labels)
