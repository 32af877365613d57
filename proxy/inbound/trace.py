"""Spans of inbound requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.inbound.route import InboundCall
from proxy.trace.recorder import Recorder
from proxy.trace.span import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.net.exchange import Call
    from proxy.trace.recorder import Outcome
    from proxy.trace.span import Value


class InboundRecorder(Recorder):
    kind = Kind.SERVER
    direction = "inbound"

    def outcome(self, call: Call) -> Outcome:
        assert isinstance(call, InboundCall)
        return call.outcome

    def peer(self, call: Call) -> Iterator[tuple[str, Value]]:
        assert isinstance(call, InboundCall)
        client = call.service.context.client
        yield "client.address", client.ip
        if client.identity:
            yield "client.id", client.identity
