"""What the inbound and the outbound side have in common: listeners, and connections that end."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.codec.http2 import KEEP_ALIVE_TIMEOUT, Http2Settings, KeepAlive
from proxy.net.dial import ConnectSettings
from proxy.net.failure import Failure
from proxy.net.http1_server import Http1Bounds
from proxy.net.listen import Listener
from weft import errors
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from proxy.net.reactor import Reactor
    from proxy.settings import DirectionSettings

OriginalDestination = Callable[[socket.socket], SocketAddress]
"""Where a redirected connection was going. Raises OSError for one that was not redirected."""


class Connection(Protocol):
    """An accepted connection in some stage of its life."""

    def drain(self) -> None:
        """Finish what is in progress, begin nothing, then close."""

    def stop(self) -> None:
        """Close now."""


class Front:
    """The accepting side of one direction. Subclasses say what becomes of a connection."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.draining = False
        self.max_connections = sys.maxsize
        self.max_in_flight = sys.maxsize
        """Requests at once; more are refused."""
        self._shedding = False
        self._may_be_in_flight = 0
        self.connections: dict[Connection, None] = {}
        self._listeners: list[Listener] = []
        self._empty: trio.Event | None = None

    def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections from these listening sockets."""
        self._listeners += [Listener(self.reactor, sock, self._admit) for sock in sockets]

    def bound(self, settings: DirectionSettings) -> None:
        """Hold to what the settings allow."""
        self.max_connections = settings.bounds.max_connections
        self.max_in_flight = settings.max_in_flight

    def shed(self, shedding: bool) -> None:
        """Turn away every new connection and request, or no longer."""
        if shedding is self._shedding:
            return
        self._shedding = shedding
        if shedding:
            self._may_be_in_flight, self.max_in_flight = self.max_in_flight, 0
        else:
            self.max_in_flight = self._may_be_in_flight

    def _admit(self, sock: socket.socket, client: tuple[str, int]) -> None:
        if self._shedding:
            self._turned_away(Failure(errors.MEMORY_CEILING), client[0])
        elif len(self.connections) >= self.max_connections:
            held = f"{len(self.connections)} are open"
            self._turned_away(Failure(errors.TOO_MANY_CONNECTIONS, held), client[0])
        else:
            self._accept(sock, client)
            return
        sock.close()

    def _turned_away(self, failure: Failure, client: str) -> None:
        """A connection is closed as it comes."""

    def _accept(self, sock: socket.socket, client: tuple[str, int]) -> None:
        raise NotImplementedError

    def opened(self, connection: Connection) -> None:
        self.connections[connection] = None
        if self.draining:
            connection.drain()

    def closed(self, connection: Connection) -> None:
        self.connections.pop(connection, None)
        if self._empty is not None and not self.connections:
            self._empty.set()

    def begin_drain(self) -> None:
        """Accept no more, and let every connection finish."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.drain()

    async def drain(self) -> None:
        """Accept no more; returns when every connection has finished. Bound it with a deadline."""
        self.begin_drain()
        if self.connections:
            self._empty = trio.Event()
            await self._empty.wait()

    def stop(self) -> None:
        """Close everything now."""
        self.begin_drain()
        for connection in list(self.connections):
            connection.stop()
        self.connections.clear()


def http2_settings(settings: DirectionSettings) -> Http2Settings:
    """What HTTP/2 peers are granted, the proxy's defaults filled in."""
    given = settings.http2
    default = Http2Settings()
    return Http2Settings(
        stream_window=given.initial_stream_window_size or default.stream_window,
        connection_window=given.initial_connection_window_size or default.connection_window,
        max_frame_size=given.max_frame_size or default.max_frame_size,
        max_header_list=given.max_header_list_size or default.max_header_list,
        max_streams=given.max_concurrent_streams or default.max_streams,
        send_buffer=given.max_send_buf_size or default.send_buffer,
        keep_alive=KeepAlive(
            given.keep_alive_interval, given.keep_alive_timeout or KEEP_ALIVE_TIMEOUT
        )
        if given.keep_alive_interval
        else None,
        noise=given.max_control_frames or default.noise,
        resets=given.max_pending_accept_reset_streams or default.resets,
    )


def http1_bounds(settings: DirectionSettings) -> Http1Bounds:
    bounds = settings.bounds
    return Http1Bounds(bounds.max_header_size, bounds.header_timeout, bounds.body_timeout)


def connect_settings(settings: DirectionSettings) -> ConnectSettings:
    connect = settings.connect
    return ConnectSettings(connect.timeout, connect.socket.keepalive, connect.socket.user_timeout)
