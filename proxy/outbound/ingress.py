"""Ingress mode: a request may say where it goes, whatever address its connection was for.

An ingress controller resolves the Service and connects to a pod of its choice, so the address says
little. It names the Service in `l5d-dst-override`, which is taken off (Linkerd's `inject: ingress`). A name
that is none of the mesh's, and a request that names nothing, go by the address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.discovery.cache import DiscoveryError, UnknownNameError
from proxy.discovery.destination import parse_destination
from proxy.net.failure import Failure
from proxy.outbound.routed import RoutedCall
from proxy.outbound.service import OutboundHttp
from weft import errors
from weft.addresses import AddressError

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.discovery.cache import Target
    from proxy.net.exchange import Downstream
    from proxy.outbound.accept import Outbound
    from proxy.outbound.call import OutboundCall
    from proxy.outbound.logical import Logical

OVERRIDE = "l5d-dst-override"


class IngressHttp(OutboundHttp):
    """One accepted connection, and the destinations its requests have named."""

    __slots__ = ("_named",)

    def __init__(self, outbound: Outbound, logical: Logical) -> None:
        super().__init__(outbound, logical)
        self._named: dict[Logical, OutboundHttp] = {}

    def call(self, head: RequestHead, downstream: Downstream) -> OutboundCall:
        override = head.headers.get(OVERRIDE)
        if override is None:
            return super().call(head, downstream)
        del head.headers[OVERRIDE]
        return NamedCall(head, downstream, self, override.decode("latin-1"))

    def towards(self, logical: Logical) -> OutboundHttp:
        """The service of a destination that a request named; in use until this connection ends."""
        found = self._named.get(logical)
        if found is None:
            found = self._named[logical] = OutboundHttp(self.outbound, logical)
            logical.connections += 1
        return found

    def close(self) -> None:
        for logical in self._named:
            self.outbound.left(logical)
        self._named.clear()


class NamedCall(RoutedCall):
    """A request that names its destination, which may have to be looked up first."""

    __slots__ = ("_ingress", "_override")

    def __init__(
        self, head: RequestHead, downstream: Downstream, ingress: IngressHttp, override: str
    ) -> None:
        super().__init__(head, downstream, ingress, None)
        self._ingress = ingress
        self._override = override

    def begin(self, ends: bool) -> None:
        try:
            destination = parse_destination(self._override)
        except AddressError as error:
            self.answer(Failure(errors.BAD_REQUEST, f"{OVERRIDE}: {error}"))
            return
        outbound = self._ingress.outbound
        logical = outbound.find(destination)
        if logical is not None:
            self._go_towards(logical)
        else:
            outbound.discovery.request(destination, self._answered)

    def _answered(self, answer: Target | DiscoveryError) -> None:
        outbound = self._ingress.outbound
        if not isinstance(answer, DiscoveryError):
            if self.ended:
                outbound.discovery.release(answer)
            else:
                self._go_towards(outbound.learned(answer))
        elif self.ended:
            return
        elif isinstance(answer, UnknownNameError):
            super().begin(self.request_ended)
        else:
            self.answer(Failure(errors.DISCOVERY_UNAVAILABLE, str(answer)))

    def _go_towards(self, logical: Logical) -> None:
        self._service = self._ingress.towards(logical)
        super().begin(self.request_ended)
