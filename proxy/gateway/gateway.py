"""Which names this proxy forwards to, and for whom; of the others it says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.discovery.destination import NamedAddress, is_below, parse_destination
from proxy.gateway.http import Beyond, Refused
from proxy.gateway.opaque import Onward
from proxy.net.failure import Failure
from weft import errors
from weft.addresses import AddressError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.codec.transport_header import TransportHeader
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.net.transport import Transport
    from proxy.outbound.accept import Outbound


class Gateway:
    """Forwards what other clusters send, by the outbound side of the same proxy."""

    __slots__ = ("_suffixes", "identity", "outbound")

    def __init__(self, outbound: Outbound, suffixes: Sequence[str]) -> None:
        """Only names below one of the suffixes are served: without dots at the ends; an empty one is
        above all."""
        self.outbound = outbound
        self.identity = outbound.certificates.local_name
        self._suffixes = suffixes

    def requests(self, header: TransportHeader, context: Arrived) -> Beyond | Refused:
        """Where the requests of a connection go; what is refused hears so request by request."""
        try:
            destination, client = self._resolve(header, context)
        except Failure as refusal:
            return Refused(refusal.kind, refusal.detail)
        return Beyond(self, destination, client)

    def forward(
        self,
        header: TransportHeader,
        inbound: Inbound,
        context: Arrived,
        transport: Transport,
        data: bytes,
    ) -> None:
        """Take over a connection nobody looks into. Raises Failure for what is refused at once."""
        destination, _client = self._resolve(header, context)
        Onward(inbound, self.outbound, context, destination, transport, data)

    def _resolve(self, header: TransportHeader, context: Arrived) -> tuple[NamedAddress, str]:
        """The destination that is named and the client that names it. Raises Failure."""
        client = context.client.identity
        assert client is not None, "a transport header comes over mutual TLS"
        if client == self.identity:
            raise Failure(errors.GATEWAY_LOOP, f"{client} is this gateway itself")
        try:
            destination = parse_destination(f"{header.name}:{header.port}")
        except AddressError as error:
            raise Failure(errors.GATEWAY_DOMAIN_INVALID, str(error)) from error
        if not isinstance(destination, NamedAddress):
            raise Failure(errors.GATEWAY_DOMAIN_INVALID, f"{destination} is no name")
        if not is_below(destination.name, self._suffixes):
            allowed = ", ".join(self._suffixes)
            detail = f"{destination.name} is not served, only names below {allowed}"
            raise Failure(errors.GATEWAY_DOMAIN_INVALID, detail)
        return destination, client

    def __repr__(self) -> str:
        return f"<Gateway {self.identity} to {', '.join(self._suffixes) or 'every name'}>"
