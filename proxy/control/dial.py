"""Ways to a gRPC service: over TCP, by its name and with mutual TLS, or over a Unix socket of this machine.

Over TCP the name is resolved afresh each time and the addresses are tried in random order. Over anything
but loopback it is mutual TLS, and the server must prove the identity the settings name.
"""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.identity.peer import peer_names, proves
from proxy.stack.backoff import Backoff

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

CONNECT_TIMEOUT = 3.0
BACKOFF = Backoff(0.1, 3.0, 0.5)
"""Bounded low: what changed during an outage is wanted as soon as it is over."""
LOCAL_BACKOFF = Backoff(0.1, 1.0, 0.5)
"""A service in our own pod or machine starts when we do, and is ours alone to ask: keep trying."""


class WrongServerError(OSError):
    """Whoever answered is not who the settings name."""


class Address(Protocol):
    """Where the service is, and who it must prove to be (None over loopback)."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def name(self) -> str | None: ...
    @property
    def is_loopback(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Link:
    """A connection that was made, and what its requests say of it."""

    stream: trio.abc.Stream
    target: object
    """The socket address it goes to."""
    authority: str
    scheme: str


class Dialer(Protocol):
    """`str` of it says where it leads."""

    @property
    def backoff(self) -> Backoff:
        """Between attempts, if the caller has no other wish."""

    async def dial(self, avoid: object) -> Link:
        """Connect; to the target `avoid` only if there is no other.

        Raises OSError, trio.BrokenResourceError or trio.TooSlowError.
        """


class TcpDialer:
    def __init__(
        self,
        address: Address,
        tls: Callable[[], ssl.SSLContext],
        *,
        timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        """`tls` gives the context for the next connection; it is asked only when there is a name."""
        self._address = address
        self._tls = tls
        self._timeout = timeout
        self.backoff = LOCAL_BACKOFF if address.is_loopback else BACKOFF

    def __str__(self) -> str:
        return str(self._address)

    async def dial(self, avoid: object) -> Link:
        host = self._address.host
        if self._address.is_loopback:
            host = host.removesuffix(".")  # /etc/hosts knows `localhost`, a DNS server may not
        addresses = await trio.socket.getaddrinfo(host, self._address.port, type=socket.SOCK_STREAM)
        random.shuffle(addresses)
        addresses.sort(key=lambda one: one[4] == avoid)
        failure: Exception = OSError(f"{self._address.host} has no address")
        for family, kind, protocol, _, target in addresses:
            try:
                with trio.fail_after(self._timeout):
                    return await self._dial_one(family, kind, protocol, target)
            except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
                failure = error
        raise failure

    async def _dial_one(self, family: int, kind: int, protocol: int, target: object) -> Link:
        authority = f"{self._address.host}:{self._address.port}"
        sock = trio.socket.socket(family, kind, protocol)
        try:
            await sock.connect(target)
            _detect_dead_peers(sock)
            transport = trio.SocketStream(sock)
            if self._address.name is None:
                return Link(transport, target, authority, "http")
            secured = trio.SSLStream(
                transport, self._tls(), server_hostname=self._address.name, https_compatible=True
            )
            await secured.do_handshake()
            certificate = secured.getpeercert()
            if not proves(certificate, self._address.name):
                names = ", ".join(peer_names(certificate)) or "no name"
                raise WrongServerError(f"the server proved to be {names}, not {self._address.name}")
            return Link(secured, target, authority, "https")
        except BaseException:
            sock.close()
            raise


class UnixDialer:
    """Plaintext: the kernel tells either side who the other is."""

    backoff = LOCAL_BACKOFF

    def __init__(self, path: str) -> None:
        self._path = path

    def __str__(self) -> str:
        return f"unix:{self._path}"

    async def dial(self, avoid: object) -> Link:
        with trio.fail_after(CONNECT_TIMEOUT):
            stream = await trio.open_unix_socket(self._path)
        return Link(stream, self._path, "localhost", "http")


def _detect_dead_peers(sock: trio.socket.SocketType) -> None:
    """A silent stream must notice within half a minute that its server is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000)
