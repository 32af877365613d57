"""The port numbers of the mesh, and port sets as annotations write them.

Numbers are Linkerd's, so that manifests, network policies and dashboards carry over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OUTBOUND = 4140  # the proxy, for connections of its own application
INBOUND = 4143  # the proxy, for connections from other pods
CONTROL = 4190  # the proxy's tap server
ADMIN = 4191  # the proxy's admin server

IDENTITY = 8080
DESTINATION = 8086
POLICY = 8090
VALIDATOR = 9443
INJECTOR = 8443
WEB = 8084
TAP = 8089
CONTROLLER_ADMIN = 9990
CONTROL_PLANE = (IDENTITY, WEB, DESTINATION, TAP, POLICY, INJECTOR, VALIDATOR, CONTROLLER_ADMIN)
"""Where its components listen, each in a pod with a proxy."""

DEFAULT_OPAQUE = "25,587,3306,4444,5432,6379,9300,11211"
"""Ports whose protocols let the server speak first; opaque unless an annotation says otherwise."""

MAX_PORT = 65_535


_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")


def is_port_name(text: str) -> bool:
    """RFC 6335's service name, as Kubernetes wants ports called: up to 15 of a-z, 0-9 and single inner dashes, one
    letter at least."""
    return len(text) <= 15 and _NAME.fullmatch(text) is not None


class PortError(ValueError):
    """A port or range that is not one; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports from `first` to `last`, both included."""

    first: int
    last: int

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class PortSet:
    """What `25,587,4000-5000` means. Keeps the author's order; membership is what matters."""

    ranges: tuple[PortRange, ...] = ()

    @classmethod
    def of(cls, ports: Iterable[int]) -> PortSet:
        return cls(tuple(PortRange(port, port) for port in ports))

    def __contains__(self, port: object) -> bool:
        return any(port in one for one in self.ranges)

    def __iter__(self) -> Iterator[int]:
        seen: set[int] = set()
        for one in self.ranges:
            for port in range(one.first, one.last + 1):
                if port not in seen:
                    seen.add(port)
                    yield port

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __str__(self) -> str:
        return ",".join(map(str, self.ranges))


def parse_port(text: str) -> int:
    """A port number from 1 to 65535. Raises PortError."""
    digits = text.strip()
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else 0
    if not 1 <= port <= MAX_PORT:
        raise PortError(f"{text!r} is not a port: allowed are whole numbers from 1 to {MAX_PORT}")
    return port


def parse_port_set(text: str) -> PortSet:
    """Ports and ranges separated by commas, as `skip-inbound-ports` and `opaque-ports` write them.

    Empty text is the empty set. Raises PortError.
    """
    return PortSet(tuple(_parse_range(part) for part in text.split(",") if part.strip()))


def _parse_range(text: str) -> PortRange:
    first, dash, last = text.partition("-")
    if not dash:
        port = parse_port(first)
        return PortRange(port, port)
    ends = PortRange(parse_port(first), parse_port(last))
    if ends.first > ends.last:
        raise PortError(f"{text.strip()!r} is not a port range: it ends before it begins")
    return ends
