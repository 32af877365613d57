"""Listening sockets: accepted in batches, refused kindly when descriptors run out."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.net.dial import tcp_options

if TYPE_CHECKING:
    from proxy.net.reactor import Reactor
    from weft.addresses import SocketAddress

_log = logging.getLogger("proxy.net")

BATCH = 32
"""Connections accepted before others get their turn."""
PAUSE = 0.1
"""Seconds without accepting after the process ran out of descriptors or memory."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Accept = Callable[[socket.socket, tuple[str, int]], None]
"""Gets a non-blocking socket and the client's IP and port."""


def bind(
    address: SocketAddress,
    *,
    backlog: int = 1024,
    keepalive: float | None = None,
    user_timeout: float | None = None,
    shared: bool = False,
) -> socket.socket:
    """A listening socket whose accepted connections inherit their options. Raises OSError.

    `shared`: others of this user may listen there as well, and the kernel spreads connections.
    """
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address.ip == "::" else 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in tcp_options(keepalive, user_timeout):
            sock.setsockopt(*option)
        sock.bind((address.ip, address.port))
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


class Listener:
    """One listening socket in the reactor."""

    __slots__ = ("_accept", "_fd", "_reactor", "_sock", "closed")

    def __init__(self, reactor: Reactor, sock: socket.socket, accept: Accept) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reactor = reactor
        self._sock = sock
        self._fd = sock.fileno()
        self._accept = accept
        self.closed = False
        reactor.register(self._fd, self)

    def on_ready(self, events: int) -> None:
        for _ in range(BATCH):
            try:
                sock, address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._rest(error)
                return
            sock.setblocking(False)
            try:
                self._accept(sock, address[:2])
            except Exception:
                self._reactor.failures += 1
                _log.exception("a connection from %s failed on arrival", address[0])
                sock.close()

    def _rest(self, error: OSError) -> None:
        """The backlog stays ready: without a pause the loop would do nothing but fail."""
        _log.error("cannot accept connections: %s", error)
        self._reactor.unregister(self._fd)
        self._reactor.call_later(PAUSE, self._go_on)

    def _go_on(self) -> None:
        if not self.closed:
            self._reactor.register(self._fd, self)

    def on_failure(self, error: Exception) -> None:
        """A listener outlives a failure of its own."""

    def close(self) -> None:
        """Accept no more; connections that wait in the backlog are reset by the kernel."""
        if not self.closed:
            self.closed = True
            self._reactor.forget(self._fd)
            self._sock.close()

    def __repr__(self) -> str:
        return f"<Listener fd {self._fd}{' closed' if self.closed else ''}>"
