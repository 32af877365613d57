"""Socket addresses and networks: small frozen values instead of bare tuples and strings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from weft.ports import PortError, parse_port

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressError(ValueError):
    """Text that is not an address; the message names it and the form it should have."""


@dataclass(frozen=True, slots=True, order=True)
class SocketAddress:
    """An IP address and a TCP port. `ip` is in canonical text form, so equal addresses are equal."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.ip).is_loopback


def parse_socket_address(text: str) -> SocketAddress:
    """`127.0.0.1:4140` or `[::1]:4140`. Raises AddressError."""
    host, port = split_host_port(text)
    if port is None:
        raise AddressError(f"{text!r} has no port: the form is IP:PORT")
    try:
        return SocketAddress(str(ipaddress.ip_address(host)), port)
    except ValueError:
        raise AddressError(
            f"{text!r} does not begin with an IP address: the form is IP:PORT"
        ) from None


def split_host_port(text: str) -> tuple[str, int | None]:
    """`host`, `host:80`, `10.0.0.1:80`, `[::1]:80` or a bare IPv6 address. Raises AddressError."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressError(
                f"{text!r} is not HOST:PORT: a bracket is not closed before the port"
            )
        port = rest[1:]
        if rest == ":":
            raise AddressError(f"{text!r} ends where a port should be")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not port:
            raise AddressError(f"{text!r} ends where a port should be")
    if not host:
        raise AddressError(f"{text!r} has no host: the form is HOST or HOST:PORT")
    try:
        return host, parse_port(port) if port else None
    except PortError as error:
        raise AddressError(str(error)) from None


def is_address(text: str) -> bool:
    """An IPv4 or IPv6 address, without brackets or a port."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parse_network(text: str) -> IPNetwork:
    """`10.0.0.0/8`, or one address. Host bits must be zero. Raises AddressError."""
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise AddressError(f"{text!r} is not a network: {error}") from None


def parse_networks(text: str) -> tuple[IPNetwork, ...]:
    """Networks separated by commas; empty text is none. Raises AddressError."""
    return tuple(parse_network(part) for part in text.split(",") if part.strip())
