"""Spans of outbound requests: one for each request, however many tries it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.outbound.call import OutboundCall
from proxy.trace.recorder import Recorder
from proxy.trace.span import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.net.exchange import Call
    from proxy.trace.recorder import Outcome
    from proxy.trace.span import Value


class OutboundRecorder(Recorder):
    kind = Kind.CLIENT
    direction = "outbound"

    def outcome(self, call: Call) -> Outcome:
        assert isinstance(call, OutboundCall)
        return call.outcome

    def peer(self, call: Call) -> Iterator[tuple[str, Value]]:
        assert isinstance(call, OutboundCall)
        if call.endpoint is None:
            return
        endpoint = call.endpoint.endpoint
        yield "network.peer.address", endpoint.address.ip
        yield "network.peer.port", endpoint.address.port
        if endpoint.identity:
            yield "server.id", endpoint.identity
