"""Who serves a name: one `Endpoint` per address, and the set of them that changes over time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from proxy.watchers import Cancel, Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from proxy.codec.http2 import KeepAlive
    from weft.addresses import SocketAddress

NOT_PROVIDED = "not_provided_by_service_discovery"
"""The reason label of an endpoint for which the control plane promised no identity."""


class Hint(Enum):
    """What the control plane says the peer understands."""

    UNKNOWN = auto()
    """Speak to it whatever the application speaks."""
    H2 = auto()
    """A meshed proxy: HTTP/1 may travel as HTTP/2."""
    OPAQUE = auto()
    """Bytes only; never detect a protocol."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address that serves a destination."""

    address: SocketAddress
    weight: int = 10_000
    """Share of the load in units of 1/10,000."""
    identity: str | None = None
    """DNS name the server certificate must carry; None means plaintext."""
    server_name: str | None = None
    """SNI to send; the identity itself when the control plane names none."""
    hint: Hint = Hint.UNKNOWN
    transport_port: int | None = None
    """Peer proxy's inbound port for opaque transport: dial it, and send a transport header."""
    labels: tuple[tuple[str, str], ...] = ()
    """Metric labels of the endpoint, already `dst_`-prefixed, sorted by name."""
    authority_override: str | None = None
    """Authority to put into requests instead of the client's (mirrored services)."""
    no_tls_reason: str = NOT_PROVIDED
    """Why there is no TLS; meaningful only while `identity` is None."""
    resource: str | None = None
    """Namespace and name of the pod, for people: `emojivoto/web-0`."""
    keep_alive: KeepAlive | None = None
    """How an HTTP/2 connection to it finds out that it has vanished; None: not by PINGs."""


class EndpointSet:
    """The live endpoints of one authority: a cell that changes under its readers.

    `known` turns true with the first answer and stays so: when the stream breaks the last
    endpoints stay in force.
    """

    __slots__ = ("_watchers", "authority", "endpoints", "exists", "known", "version")

    def __init__(self, authority: str) -> None:
        self.authority = authority
        self.endpoints: dict[SocketAddress, Endpoint] = {}
        self.version = 0
        """Bumped on every change, so that a reader can tell whether to look again."""
        self.known = False
        self.exists = True
        """False once the control plane said that there is no such destination."""
        self._watchers = Watchers(f"endpoints of {authority}")

    def watch(self, callback: Callable[[], None]) -> Cancel:
        """Run `callback` after every change until cancelled."""
        return self._watchers.add(callback)

    def add(self, endpoints: Iterable[Endpoint]) -> None:
        """Add addresses, or change what is known of them."""
        self.endpoints.update((endpoint.address, endpoint) for endpoint in endpoints)
        self._changed(exists=True)

    def remove(self, addresses: Iterable[SocketAddress]) -> None:
        for address in addresses:
            self.endpoints.pop(address, None)
        self._changed(exists=self.exists)

    def replace(self, endpoints: Iterable[Endpoint]) -> None:
        """A complete picture, such as the first message of a stream."""
        fresh = {endpoint.address: endpoint for endpoint in endpoints}
        if self.known and self.exists and fresh == self.endpoints:
            return
        self.endpoints = fresh
        self._changed(exists=True)

    def clear(self, *, exists: bool) -> None:
        """No endpoints; `exists` tells an empty Service from an unknown one."""
        self.endpoints = {}
        self._changed(exists=exists)

    def _changed(self, *, exists: bool) -> None:
        self.exists = exists
        self.known = True
        self.version += 1
        self._watchers.notify()

    def __repr__(self) -> str:
        state = "unknown" if not self.known else f"{len(self.endpoints)} endpoints"
        return f"<EndpointSet {self.authority}: {state}, version {self.version}>"
