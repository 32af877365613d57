"""Waiting for a TLS ClientHello, which says where its client wants to go."""

from __future__ import annotations

from proxy.detect.client_hello import ClientHello, NoHello, read_client_hello
from proxy.net.first_bytes import FirstBytes


class HelloReader(FirstBytes[ClientHello]):
    """Decides for the hello, or None as well when something else came."""

    __slots__ = ()

    def on_data(self, data: bytes) -> None:
        self._buffer += data
        hello = read_client_hello(self._buffer)
        if hello is not NoHello.NEED_MORE:
            self._settle(hello if isinstance(hello, ClientHello) else None)

    def _unfinished(self) -> None:
        return None
