"""Requests that come by the gateway: crossed over to the outbound side once they may pass.

The inbound side has authorized and counted a request before it asks where to send it; so nobody whom
the port's policy does not admit can make the gateway look anything up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.discovery.cache import DiscoveryError
from proxy.gateway import forwarded
from proxy.gateway.lookup import failure_of
from proxy.net.crossing import cross
from proxy.net.failure import Failure
from proxy.outbound.service import OutboundHttp
from weft import errors
from weft.authority import DEFAULT_PORT

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.discovery.cache import Target
    from proxy.discovery.destination import NamedAddress
    from proxy.gateway.gateway import Gateway
    from proxy.net.exchange import Call
    from proxy.outbound.logical import Logical
    from weft.errors import ErrorKind


class Refused:
    """Nothing lies behind the name, or not for this client."""

    __slots__ = ("_detail", "_kind")

    def __init__(self, kind: ErrorKind, detail: str) -> None:
        self._kind = kind
        self._detail = detail

    def start(self, call: Call, ends: bool) -> None:
        call.response_failed(Failure(self._kind, self._detail))

    def seems_to_leave(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


class Beyond:
    """What lies behind the name of one connection: looked up when the first request may pass."""

    __slots__ = ("_client", "_closed", "_destination", "_gateway", "_host", "_service", "_waiting")

    def __init__(self, gateway: Gateway, destination: NamedAddress, client: str) -> None:
        """`client` is the identity of whoever connected."""
        self._gateway = gateway
        self._destination = destination
        self._client = client
        self._host = destination.name if destination.port == DEFAULT_PORT else str(destination)
        self._service: OutboundHttp | None = None
        self._waiting: list[tuple[Call, int]] = []
        self._closed = False

    def start(self, call: Call, ends: bool) -> None:
        """Carry a call; it hears of every failure."""
        gateway = self._gateway
        head = call.head
        if forwarded.has_passed(head.headers, gateway.identity):
            detail = f"{gateway.identity} has forwarded this request before"
            call.response_failed(Failure(errors.GATEWAY_LOOP, detail))
            return
        self._readdress(head)
        if self._service is not None:
            cross(call, self._service, ends)
            return
        outbound = gateway.outbound
        logical = outbound.find(self._destination)
        if logical is not None:
            cross(call, self._use(logical), ends)
            return
        self._waiting.append((call, call.attempt))
        if len(self._waiting) == 1:
            outbound.discovery.request(self._destination, self._answered)

    def seems_to_leave(self) -> bool:
        """It is not this pod that the answer depends on."""
        return False

    def _readdress(self, head: RequestHead) -> None:
        """Note who passed here, and call HTTP/1's host what it is called in this cluster."""
        forwarded.note(
            head.headers, by=self._gateway.identity, client=self._client, host=self._host
        )
        if head.version != HTTP_2:
            head.authority = self._host
            head.headers["host"] = self._host
        elif not head.authority:
            head.authority = self._host

    def _answered(self, answer: Target | DiscoveryError) -> None:
        waiting, self._waiting = self._waiting, []
        outbound = self._gateway.outbound
        if isinstance(answer, DiscoveryError):
            for call, attempt in waiting:
                if call.awaits(attempt):
                    call.response_failed(failure_of(answer))
            return
        if self._closed:
            outbound.discovery.release(answer)
            return
        service = self._use(outbound.learned(answer))
        for call, attempt in waiting:
            if call.awaits(attempt):
                cross(call, service, call.bodiless)

    def _use(self, logical: Logical) -> OutboundHttp:
        logical.connections += 1
        self._service = OutboundHttp(self._gateway.outbound, logical)
        return self._service

    def close(self) -> None:
        """The connection has ended; may be told more than once."""
        self._closed = True
        service, self._service = self._service, None
        if service is not None:
            self._gateway.outbound.left(service.logical)

    def __repr__(self) -> str:
        return f"<Beyond {self._destination} for {self._client}>"
