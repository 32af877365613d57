"""Which connection to an endpoint carries the next call.

HTTP/1 keeps idle connections, the one used last first, so that the others may grow old and close.
HTTP/2 has one connection per endpoint; when it retires, the next call makes another while the old
one finishes what it carries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from proxy.net.http1_client import Http1Client
from proxy.net.http2_client import Http2Client

if TYPE_CHECKING:
    from proxy.codec.http2 import Http2Settings
    from proxy.net.exchange import Call
    from proxy.net.failure import Failure
    from proxy.net.reactor import Reactor
    from proxy.net.transport import Receiver, Transport


Made = Callable[["Failure | None"], None]
"""Hears, before any call does, that a connection was made or why it could not be."""
Ended = Callable[[], None]
"""Hears, before any call does, that there is no connection any more that takes requests."""


class Peer(Protocol):
    """The endpoint as its pools see it."""

    def dial(self, receiver: Receiver) -> Transport:
        """Begin a connection."""

    def verify(self, transport: Transport) -> Failure | None:
        """A connection was made; say what is wrong with whom it reached."""


class Http1Pool:
    """HTTP/1 connections to one peer."""

    __slots__ = (
        "_all",
        "_closed",
        "_generation",
        "_idle",
        "_idle_timeout",
        "_max_idle",
        "_on_made",
        "_peer",
        "_reactor",
        "_sweeping",
    )

    def __init__(
        self,
        reactor: Reactor,
        peer: Peer,
        *,
        max_idle: int,
        idle_timeout: float,
        on_made: Made | None = None,
    ) -> None:
        """At most `max_idle` connections are kept, each for `idle_timeout` seconds
        and half as long again at most."""
        self._reactor = reactor
        self._peer = peer
        self._max_idle = max_idle
        self._idle_timeout = idle_timeout
        self._idle: list[Http1Client] = []
        self._all: set[Http1Client] = set()
        self._on_made = on_made
        self._sweeping = False
        self._generation = 0
        self._closed = False

    def start(self, call: Call, ends: bool) -> None:
        """Carry a call; the call hears of every failure."""
        if self._idle:
            self._idle.pop().start(call, ends)
            return
        self._connect().start(call, ends)

    def start_alone(self, call: Call, ends: bool) -> None:
        """Carry a call that may take the connection with it."""
        self._connect().start(call, ends)

    def connect(self) -> None:
        """Make a connection for a call to come."""
        self._connect()

    def _connect(self) -> Http1Client:
        client = Http1Client(self)
        client.transport = self._peer.dial(client)
        self._all.add(client)
        return client

    # --- keeper of its connections --------------------------------------------------------

    def verify(self, transport: Transport) -> Failure | None:
        return self._peer.verify(transport)

    def idle(self, connection: Http1Client) -> None:
        was_made = connection.requests == 0
        if self._closed or len(self._idle) >= self._max_idle:
            connection.close()
            self._all.discard(connection)
        else:
            self._keep(connection)
        if was_made and self._on_made is not None:
            # Also of one that is not kept: it has shown that the peer can be reached.
            self._on_made(None)

    def _keep(self, connection: Http1Client) -> None:
        connection.idle_since = self._generation
        self._idle.append(connection)
        if not self._sweeping:
            self._sweeping = True
            self._reactor.call_later(self._idle_timeout / 2, self._sweep)

    def gone(self, connection: Http1Client, failure: Failure | None) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if failure is not None and self._on_made is not None:
            self._on_made(failure)

    def _sweep(self) -> None:
        """One timer for all: close what two sweeps have found idle."""
        self._sweeping = False
        self._generation += 1
        oldest = self._generation - 2
        old = [client for client in self._idle if client.idle_since <= oldest]
        if old:
            self._idle = [client for client in self._idle if client.idle_since > oldest]
            for client in old:
                self._all.discard(client)
                client.close()
        if self._idle:
            self._sweeping = True
            self._reactor.call_later(self._idle_timeout / 2, self._sweep)

    def close(self) -> None:
        """Close what is idle; the others close when their calls are done."""
        self._closed = True
        idle, self._idle = self._idle, []
        for client in idle:
            self._all.discard(client)
            client.close()

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"<Http1Pool {len(self._all)} connections, {len(self._idle)} idle>"


class Http2Pool:
    """The HTTP/2 connection to one peer."""

    __slots__ = ("_all", "_closed", "_on_ended", "_on_made", "_peer", "_settings", "current")

    def __init__(
        self,
        peer: Peer,
        settings: Http2Settings,
        *,
        on_made: Made | None = None,
        on_ended: Ended | None = None,
    ) -> None:
        self._peer = peer
        self._settings = settings
        self._on_made = on_made
        self._on_ended = on_ended
        self.current: Http2Client | None = None
        """The connection that takes requests, if there is one."""
        self._all: set[Http2Client] = set()
        self._closed = False

    def start(self, call: Call, ends: bool) -> None:
        current = self.current
        if current is None:
            current = self.connect()
        current.start(call, ends)

    def connect(self) -> Http2Client:
        """A fresh connection, for the calls from now on."""
        client = Http2Client(self, self._settings)
        # May raise: nothing is kept then.
        client.transport = self._peer.dial(client)
        self._all.add(client)
        self.current = client
        return client

    # --- keeper of its connections --------------------------------------------------------

    def verify(self, transport: Transport) -> Failure | None:
        return self._peer.verify(transport)

    def ready(self, connection: Http2Client) -> None:
        if self._on_made is not None:
            self._on_made(None)
        if self._closed:
            # For what came too late, which is sent before this happens.
            connection.transport.reactor.call_soon(connection.retire)

    def retired(self, connection: Http2Client) -> None:
        if self.current is connection:
            self.current = None
            if self._on_ended is not None:
                self._on_ended()

    def gone(self, connection: Http2Client, failure: Failure | None) -> None:
        self._all.discard(connection)
        if not connection.connected and failure is not None and self._on_made is not None:
            self._on_made(failure)
        self.retired(connection)

    def close(self) -> None:
        """Let the connections finish what they carry, and what still comes."""
        self._closed = True
        for client in list(self._all):
            client.retire()

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"<Http2Pool {len(self._all)} connections>"
