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


LEAVING = 5.0
"""Seconds for which an application that was there and now refuses is taken to be on its way out."""


class Application:
    """Reached in plain text at the address its clients meant, as Linkerd does."""

    __slots__ = (
        "__weakref__",
        "_dialer",
        "_metrics",
        "_reached",
        "_refuses_since",
        "address",
        "http1",
        "http2",
    )

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
        self._reached = False
        self._refuses_since: float | None = None
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
        self._reached = True
        self._refuses_since = None
        transport.measure(self._metrics)
        return None

    def seems_to_leave(self) -> bool:
        """It refused a connection: whether it was there until a moment ago.

        A container that is stopped ends before its sidecar is told. For that moment its requests
        are better sent elsewhere; one that stays away, or never was there, is an error to explain.
        """
        now = self._dialer.reactor.clock()
        if self._refuses_since is None:
            self._refuses_since = now
        return self._reached and now - self._refuses_since < LEAVING

    def close(self) -> None:
        self.http1.close()
        self.http2.close()

    def __repr__(self) -> str:
        return f"<Application {self.address}: {self.http1!r}, {self.http2!r}>"
