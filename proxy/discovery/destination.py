"""What is looked up: the address a connection was for, or the name a request asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft.addresses import AddressError, SocketAddress, parse_socket_address, split_host_port
from weft.authority import DEFAULT_PORT, canonical_host, is_host

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class NamedAddress:
    """A host's name, in canonical form, and a TCP port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


Destination = SocketAddress | NamedAddress


def parse_destination(text: str) -> Destination:
    """`web.emojivoto.svc.cluster.local:80` or `10.0.0.1:80`; the port defaults to 80.

    Raises AddressError.
    """
    host, given = split_host_port(text)
    port = DEFAULT_PORT if given is None else given
    name = canonical_host(host)
    literal = f"[{host}]" if ":" in host else host
    try:
        return parse_socket_address(f"{literal}:{port}")
    except AddressError:
        if not is_host(name) or name.rpartition(".")[2].isdigit():
            raise AddressError(f"{text!r} names no host: the form is HOST or HOST:PORT") from None
        return NamedAddress(name, port)


def is_below(name: str, suffixes: Iterable[str]) -> bool:
    """Whether a canonical name is below one of the suffixes: without dots at their ends; an empty one
    is above all."""
    return any(not suffix or name.endswith(f".{suffix}") for suffix in suffixes)
