"""One HTTP/1 exchange with a pod, in clear or over TLS, and what came of it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, or why there was none."""

    status: int | None
    why: str = ""


def ask(
    address: tuple[str, int],
    *,
    path: str = "/",
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> Answer:
    """GET once on a connection of its own."""
    try:
        with socket.create_connection(address, WITHIN) as plain:
            if tls is None:
                return get(plain, address, path)
            with tls.wrap_socket(plain, server_hostname=server_name) as wrapped:
                return get(wrapped, address, path)
    except (ssl.SSLError, OSError) as error:
        return Answer(None, f"{type(error).__name__}: {error}")


def peer_names(
    address: tuple[str, int], tls: ssl.SSLContext, server_name: str
) -> tuple[list[str], str | None]:
    """The DNS names of the certificate shown, and the TLS version. Raises OSError, ssl.SSLError."""
    with (
        socket.create_connection(address, WITHIN) as plain,
        tls.wrap_socket(plain, server_hostname=server_name) as wrapped,
    ):
        shown = wrapped.getpeercert() or {}
        names = shown.get("subjectAltName", ())
        assert isinstance(names, tuple)
        return [str(value) for kind, value in names if kind == "DNS"], wrapped.version()


def get(sock: socket.socket, address: tuple[str, int], path: str) -> Answer:
    """On a connection that stands. Raises OSError, ssl.SSLError."""
    host = "{}:{}".format(*address)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head = sock.recv(4096)
    if not head.startswith(b"HTTP/1."):
        return Answer(None, f"answered {head[:40]!r}" if head else "closed without an answer")
    return Answer(int(head.split(b" ", 2)[1]))
