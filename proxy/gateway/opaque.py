"""Connections nobody looks into that come by the gateway: their bytes go on as the outbound side's do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.discovery.policy import Protocol
from proxy.gateway.lookup import failure_of
from proxy.inbound.forwarding import while_admitted
from proxy.net.hello import HelloReader
from proxy.outbound.accept import Arrival
from proxy.outbound.flow import Flow

if TYPE_CHECKING:
    from proxy.discovery.cache import DiscoveryError
    from proxy.discovery.destination import NamedAddress
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.net.transport import Transport
    from proxy.outbound.accept import Outbound
    from proxy.outbound.logical import Logical
    from proxy.outbound.metrics import StreamMetrics


class Onward(Arrival):
    """A connection that names its destination, until that is found; it counts among the inbound
    side's until its bytes have ended, and ends when the port's policy no longer admits its client."""

    __slots__ = ("_cancel", "_context", "_data", "_inbound", "_passing")

    def __init__(
        self,
        inbound: Inbound,
        outbound: Outbound,
        context: Arrived,
        destination: NamedAddress,
        transport: Transport,
        data: bytes,
    ) -> None:
        """`data` was read from the transport already."""
        self._expect(outbound, destination)
        self._inbound = inbound
        self._context = context
        self._data = data
        self._passing: Flow | None = None
        self._transport = transport
        transport.receiver = self
        transport.pause()
        inbound.opened(self)
        self._cancel = while_admitted(inbound, context, self.stop)
        logical = outbound.find(destination)
        if logical is not None:
            self._known(logical)
        else:
            self._look_up()

    def _known(self, logical: Logical) -> None:
        """The header said that nobody should look into it; only policies about what is inside may."""
        self._logical = logical
        logical.connections += 1
        self._outbound.began(logical)
        data, self._data = self._data, b""
        if logical.protocol is Protocol.TLS:
            timeout = logical.target.policy.detect_timeout
            reader = HelloReader(self._transport, timeout, self._said_hello, self._left_early)
            self._transport.resume()
            if data:
                reader.on_data(data)
        elif logical.protocol is Protocol.OPAQUE:
            self._forward(data)
        else:
            self._opaque(data)

    def _unknown(self, error: DiscoveryError) -> None:
        failure = failure_of(error)
        self._refuse(failure.kind.name, failure.detail)

    def _flow(
        self, logical: Logical, data: bytes, counted: StreamMetrics, server_name: str | None
    ) -> Flow:
        transport = self._transport
        flow = self._passing = Flow(
            self._outbound, logical, transport, data, counted, server_name, over=self._over
        )
        return flow

    def _refused(self, name: str, detail: str) -> None:
        self._inbound.tcp_error(self._context.target, name, detail, self._context.client.ip)

    def _end(self) -> None:
        super()._end()
        self._over()

    def _over(self) -> None:
        self._cancel()
        self._inbound.closed(self)

    def stop(self) -> None:
        if self._passing is not None:
            self._passing.stop()
        else:
            super().stop()

    def __repr__(self) -> str:
        return f"<Onward from {self._context.client.ip} to {self._address}>"
