"""What a gateway is to the inbound side, which does not know how it finds its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.codec.transport_header import TransportHeader
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.net.exchange import Call
    from proxy.net.transport import Transport


class Reached(Protocol):
    """Where requests go once they may: the application, or what a gateway leads to."""

    def start(self, call: Call, ends: bool) -> None:
        """Carry a call; it hears of every failure."""

    def seems_to_leave(self) -> bool:
        """Whether it was there and is most likely about to end."""


class Beyond(Reached, Protocol):
    """What lies behind a gateway, for one connection."""

    def close(self) -> None:
        """The connection has ended; may be told more than once."""


class Gateway(Protocol):
    """Serves connections whose transport header names a destination."""

    def requests(self, header: TransportHeader, context: Arrived) -> Beyond:
        """Where the requests of a connection go."""

    def forward(
        self,
        header: TransportHeader,
        inbound: Inbound,
        context: Arrived,
        transport: Transport,
        data: bytes,
    ) -> None:
        """Take over a connection nobody looks into; `data` was read from it already. The policy of the
        port has admitted its client. Raises Failure for a destination that is not served."""
