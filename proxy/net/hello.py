"""Waiting, not for long, for a TLS ClientHello, which says where its client wants to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.detect.client_hello import ClientHello, NoHello, read_client_hello

if TYPE_CHECKING:
    from proxy.net.transport import Transport

Decide = Callable[[ClientHello | None, bytes], None]
"""Gets the hello, or None when something else came or the time was up, and every byte read so far."""


class HelloReader:
    """Receiver of a connection that should begin with TLS."""

    __slots__ = ("_buffer", "_decide", "_gone", "_timer", "_transport")

    def __init__(
        self,
        transport: Transport,
        timeout: float,
        decide: Decide,
        gone: Callable[[Exception | None], None],
    ) -> None:
        """`gone` hears when the peer closes before it has said anything."""
        self._transport = transport
        self._buffer = b""
        self._decide = decide
        self._gone = gone
        transport.receiver = self
        self._timer = transport.reactor.call_later(timeout, self._overdue)

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_data(self, data: bytes) -> None:
        self._buffer += data
        hello = read_client_hello(self._buffer)
        if hello is not NoHello.NEED_MORE:
            self._settle(hello if isinstance(hello, ClientHello) else None)

    def on_eof(self) -> None:
        if self._buffer:
            self._settle(None)
        else:
            self._timer.cancel()
            self._transport.close()
            self._gone(None)

    def on_lost(self, failure: Exception) -> None:
        self._timer.cancel()
        self._gone(failure)

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""

    def _overdue(self) -> None:
        if not self._transport.closed:
            self._settle(None)

    def _settle(self, hello: ClientHello | None) -> None:
        self._timer.cancel()
        self._decide(hello, self._buffer)
