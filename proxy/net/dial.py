"""Connections we make: never waited for, with a deadline on the wheel that covers the handshake."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.net.tls import TlsTransport
from proxy.net.transport import Receiver, Transport

if TYPE_CHECKING:
    import ssl

    from proxy.net.reactor import Reactor
    from weft.addresses import SocketAddress

_NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass(frozen=True, slots=True)
class ConnectSettings:
    """How connections are made, in seconds; None leaves the kernel's default."""

    timeout: float = 1.0
    """After which an endpoint counts as unreachable."""
    keepalive: float | None = None
    user_timeout: float | None = None


class Dialer:
    """Makes connections in one direction."""

    __slots__ = ("_closed", "_options", "reactor", "settings")

    def __init__(self, reactor: Reactor, settings: ConnectSettings) -> None:
        self.reactor = reactor
        self.settings = settings
        self._options = (_NODELAY, *tcp_options(settings.keepalive, settings.user_timeout))
        self._closed = socket.socket()
        """Stands for a socket that could not be made: all that is done with it fails."""
        self._closed.close()

    def plain(self, address: SocketAddress, receiver: Receiver) -> Transport:
        """`receiver` hears `on_connected` or `on_lost` later, never from inside this call."""
        sock, error = self._socket(address)
        transport = Transport(self.reactor, sock, receiver)
        self._connect(transport, address, error)
        return transport

    def tls(
        self,
        address: SocketAddress,
        receiver: Receiver,
        context: ssl.SSLContext,
        server_name: str | None,
    ) -> TlsTransport:
        """As `plain`; the receiver has yet to look at the certificate in `on_connected`."""
        sock, error = self._socket(address)
        transport = TlsTransport(
            self.reactor,
            sock,
            receiver,
            context,
            server=False,
            server_name=server_name,
        )
        self._connect(transport, address, error)
        return transport

    def _connect(self, transport: Transport, address: SocketAddress, error: OSError | None) -> None:
        where = (address.ip, address.port)
        if error is None:
            transport.connect(where, self.settings.timeout)
        else:
            transport.cannot_connect(where, error)

    def _socket(self, address: SocketAddress) -> tuple[socket.socket, OSError | None]:
        """A socket, or why there is none: descriptors run out, and hosts are without IPv6."""
        family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
        try:
            sock = socket.socket(
                family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            )
        except OSError as error:
            return self._closed, error
        for option in self._options:
            sock.setsockopt(*option)
        return sock, None


def tcp_options(
    keepalive: float | None, user_timeout: float | None
) -> tuple[tuple[int, int, int], ...]:
    """Socket options for a keep-alive interval and a bound on unacknowledged data, in seconds."""
    options: list[tuple[int, int, int]] = []
    if keepalive is not None:
        seconds = max(1, round(keepalive))
        options += [
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds),
        ]
    if user_timeout is not None:
        milliseconds = max(1, round(user_timeout * 1000))
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds))
    return tuple(options)
