"""What a watcher is told of inbound requests: from whom, by what proof, for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.authz.decide import RouteNotFound, find_route
from proxy.inbound.route import InboundCall
from proxy.tap.downstream import TappedDownstream, client_of, header_fields
from proxy.tap.subject import Direction, Subject

if TYPE_CHECKING:
    from proxy.net.exchange import Call
    from proxy.tap.registry import Registry
    from proxy.tap.subject import Labels


class InboundTap:
    """Observer of inbound calls, present while somebody watches."""

    __slots__ = ("_registry",)

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(self, call: Call, event: str) -> None:
        assert isinstance(call, InboundCall)
        downstream = call.downstream
        if event == "request":
            watched = self._registry.begin(subject(call))
            if watched is not None:
                call.downstream = TappedDownstream(downstream, watched, call.service.clock)
        elif event == "end" and isinstance(downstream, TappedDownstream):
            downstream.over()


def subject(call: InboundCall) -> Subject:
    """The request as its head and connection describe it."""
    context = call.service.context
    head = call.head
    return Subject(
        direction=Direction.INBOUND,
        source=client_of(call.downstream),
        destination=context.target,
        method=head.method,
        scheme=head.scheme,
        authority=head.authority,
        path=head.path,
        headers=header_fields(head.headers),
        source_labels=_tls(context.tls),
        route_labels=_route(call),
    )


def _tls(found: Labels) -> Labels:
    """Metric labels as tap writes them: the reason itself stands where "true" would."""
    known = dict(found)
    reason = known.get("no_tls_reason")
    return (("tls", reason),) if reason else found


def _route(call: InboundCall) -> Labels:
    try:
        route, *_ = find_route(call.service.cell.current, call.head)
    except RouteNotFound:
        return ()
    return (("route", route.meta.name), *route.meta.labels("route"))
