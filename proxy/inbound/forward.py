"""The application behind one address: the connections that reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.net.pool import Http1Pool, Http2Pool

if TYPE_CHECKING:
    from proxy.codec.http2 import Http2Settings
    from proxy.net.dial import Dialer
    from proxy.net.exchange import Call
    from proxy.net.failure import Failure
    from proxy.net.transport import Receiver, Transport
    from proxy.settings import PoolSettings
    from proxy.telemetry.transport import TransportMetrics
    from weft.addresses import SocketAddress


class Application:
    """Reached in plain text at the address its clients meant, as Linkerd does."""

    __slots__ = ("_dialer", "_metrics", "address", "http1", "http2")

    def __init__(
        self,
        address: SocketAddress,
        dialer: Dialer,
        pool: PoolSettings,
        http2: Http2Settings,
        metrics: TransportMetrics,
    ) -> None:
        self.address = address
        self._dialer = dialer
        self._metrics = metrics
        self.http1 = Http1Pool(
            dialer.reactor,
            self,
            max_idle=pool.max_idle_per_endpoint,
            idle_timeout=pool.idle_timeout,
        )
        self.http2 = Http2Pool(self, http2)

    def start(self, call: Call, ends: bool) -> None:
        """Carry a call in the version of its request."""
        if call.head.version == "HTTP/2":
            self.http2.start(call, ends)
        elif call.head.upgrade:
            self.http1.start_alone(call, ends)
        else:
            self.http1.start(call, ends)

    def dial(self, receiver: Receiver) -> Transport:
        return self._dialer.plain(self.address, receiver)

    def verify(self, transport: Transport) -> Failure | None:
        """The application proves nothing; the connection is counted."""
        transport.measure(self._metrics)
        return None

    def close(self) -> None:
        self.http1.close()
        self.http2.close()

    def __repr__(self) -> str:
        return f"<Application {self.address}: {self.http1!r}, {self.http2!r}>"
