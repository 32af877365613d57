"""Waiting, not for long, for the first bytes that tell what a connection speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.detect.protocol import Detection, detect

if TYPE_CHECKING:
    from proxy.net.transport import Transport

Decide = Callable[[Detection | None, bytes], None]
"""Gets HTTP1, HTTP2 or OPAQUE, or None when the time was up, and every byte read so far."""


class Sniffer:
    """Receiver of a connection nobody understands yet."""

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

    def stop(self) -> bytes:
        """Decide nothing any more; every byte read so far."""
        self._timer.cancel()
        return self._buffer

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_data(self, data: bytes) -> None:
        self._buffer += data
        verdict = detect(self._buffer)
        if verdict is not Detection.NEED_MORE:
            self._settle(verdict)

    def on_eof(self) -> None:
        if self._buffer:
            self._settle(Detection.OPAQUE)
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
            self._decide(None, self._buffer)

    def _settle(self, verdict: Detection) -> None:
        self._timer.cancel()
        read, self._buffer = self._buffer, b""
        self._decide(verdict, read)
