"""What a request became that switched protocols, or asked for a tunnel outright: bytes nobody looks into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.authz.decide import authorize_request
from proxy.codec.message import Headers
from proxy.inbound.forwarding import unless_admitted, while_admitted
from proxy.net.failure import Failure
from weft import errors

if TYPE_CHECKING:
    from proxy.authz.decide import Client
    from proxy.authz.policy import ServerPolicy
    from proxy.codec.message import RequestHead
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.net.relay import Done
    from proxy.net.transport import Transport


class Asked:
    """What routes see of a request, kept as it was asked: filters and gateways change its head."""

    __slots__ = ("authority", "headers", "method", "path")

    def __init__(self, head: RequestHead) -> None:
        self.method = head.method
        self.path = head.path
        self.authority = head.authority
        self.headers = Headers(list(head.headers.items()))


class Tunnel:
    """Ends both ways when the policy would no longer admit the request that opened it."""

    __slots__ = ("_asked", "_cancel", "_context", "_done", "_inbound", "_near", "_open")

    def __init__(
        self, inbound: Inbound, context: Arrived, asked: Asked, near: Transport, done: Done
    ) -> None:
        """`near` is the client's connection, about to be joined with the other; `done` hears what
        `over` hears."""
        self._inbound = inbound
        self._context = context
        self._asked = asked
        self._near = near
        self._done = done
        self._open = True
        self._cancel = while_admitted(inbound, context, self._end, self._admit)
        # The policy may have changed while the application thought about it.
        inbound.reactor.call_soon(self._look)

    def over(self, failure: Exception | None) -> None:
        """Both ways have ended."""
        self._open = False
        self._cancel()
        self._done(failure)

    def _look(self) -> None:
        if self._open:
            unless_admitted(self._inbound, self._context, self._end, self._admit)

    def _admit(self, policy: ServerPolicy, client: Client) -> None:
        authorize_request(policy, self._asked, client)

    def _end(self) -> None:
        self._near.lose(Failure(errors.DRAINING))

    def __repr__(self) -> str:
        return f"<Tunnel from {self._context.client.ip} to {self._context.target}>"
