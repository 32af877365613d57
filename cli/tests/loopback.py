"""Port-forwards without an API server: streams to ports of this host."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cli.cluster.portforward import ForwardError, Stream


class LocalPort:
    """A websocket whose other end is a port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5)
        self._greeting = [b"\x00\x00\x00", b"\x01\x00\x00"]

    def send(self, message: bytes) -> None:
        self._socket.sendall(message[1:])

    def recv(self, timeout: float | None = None) -> bytes:
        if self._greeting:
            return self._greeting.pop(0)
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(7)  # so that nothing comes whole
        except OSError:
            data = b""
        if not data:
            raise ForwardError("the connection was closed")
        return b"\x00" + data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        self._socket.close()


@contextmanager
def forward_to(port: int) -> Iterator[Stream]:
    """What `forward` yields. Raises ForwardError when nothing listens."""
    try:
        local = LocalPort(port)
    except OSError as error:
        raise ForwardError(f"pod p port {port}: {error.strerror}") from None
    try:
        yield Stream(local, f"pod p port {port}")
    finally:
        local.release()
