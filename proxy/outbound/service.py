"""The service of one accepted HTTP connection: which kind of call each request becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.outbound.call import OutboundCall, Service
from proxy.outbound.routed import RoutedCall

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.net.exchange import Downstream


class OutboundHttp(Service):
    """Sends requests whose course is known down it; the others find theirs."""

    __slots__ = ()

    def call(self, head: RequestHead, downstream: Downstream) -> OutboundCall:
        course = self.logical.only.get(head.version == HTTP_2)
        if course is None:
            return RoutedCall(head, downstream, self, None)
        return OutboundCall(head, downstream, self, course)
