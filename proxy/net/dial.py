"""Connections we make: never waited for, with a deadline on the wheel that covers the handshake."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.net.failure import Failure, connect_failure
from proxy.net.tls import TlsTransport
from proxy.net.transport import Receiver, Transport
from weft import errors

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
        try:
            transport = Transport(self.reactor, self._socket(address), receiver)
        except OSError as error:
            return self._unreachable(receiver, connect_failure(error, _where(address)))
        transport.connect((address.ip, address.port), self.settings.timeout)
        return transport

    def tls(
        self,
        address: SocketAddress,
        receiver: Receiver,
        context: ssl.SSLContext,
        server_name: str | None,
    ) -> Transport:
        """As `plain`; the receiver has yet to look at the certificate in `on_connected`."""
        try:
            sock = self._socket(address)
        except OSError as error:
            return self._unreachable(receiver, connect_failure(error, _where(address)))
        try:
            transport = TlsTransport(
                self.reactor,
                sock,
                receiver,
                context,
                server=False,
                server_name=server_name,
            )
        except (ValueError, TypeError) as error:
            sock.close()
            why = f"{_where(address)}: {server_name!r} is no server's name: {error}"
            return self._unreachable(receiver, Failure(errors.TLS_FAILED, why, unprocessed=True))
        transport.connect((address.ip, address.port), self.settings.timeout)
        return transport

    def _unreachable(self, receiver: Receiver, failure: Failure) -> Transport:
        transport = Transport(self.reactor, self._closed, receiver)
        self.reactor.call_soon(lambda: transport.lose(failure))
        return transport

    def _socket(self, address: SocketAddress) -> socket.socket:
        """Raises OSError: descriptors run out, and hosts are without IPv6."""
        family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
        sock = socket.socket(
            family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        for option in self._options:
            sock.setsockopt(*option)
        return sock


def _where(address: SocketAddress) -> str:
    """As transports name their peers."""
    return f"{address.ip}:{address.port}"


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
