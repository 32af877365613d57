"""Waiting, not for long, for the bytes that tell what to do with a connection."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.transport import Transport

V = TypeVar("V")


class FirstBytes(ABC, Generic[V]):
    """Receiver of a connection nobody understands yet. Subclasses say what its bytes are."""

    __slots__ = ("_buffer", "_decide", "_gone", "_timer", "_transport")

    def __init__(
        self,
        transport: Transport,
        timeout: float,
        decide: Callable[[V | None, bytes], None],
        gone: Callable[[Exception | None], None],
    ) -> None:
        """`decide` gets the verdict, or None when the time was up, and every byte read so far; `gone`
        hears when the peer closes before it has said anything."""
        self._transport = transport
        self._buffer = b""
        self._decide = decide
        self._gone = gone
        transport.receiver = self
        self._timer = transport.reactor.call_later(timeout, self._overdue)

    @abstractmethod
    def on_data(self, data: bytes) -> None: ...

    @abstractmethod
    def _unfinished(self) -> V | None:
        """The verdict on bytes after which no more come."""

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_eof(self) -> None:
        if self._buffer:
            self._settle(self._unfinished())
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

    def _settle(self, verdict: V | None) -> None:
        self._timer.cancel()
        read, self._buffer = self._buffer, b""
        self._decide(verdict, read)
