"""Bytes nobody looks into on their way to the application."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.authz.decide import Denied, RouteNotFound, authorize
from proxy.net.failure import Failure, detail_of
from proxy.net.relay import Opening
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.authz.decide import Client
    from proxy.authz.policy import ServerPolicy
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.inbound.forward import Application
    from proxy.net.ear import Ear
    from proxy.net.transport import Transport
    from proxy.watchers import Cancel

    Admit = Callable[[ServerPolicy, Client], object]
    """Lets a client go on by a policy, or raises Denied or RouteNotFound."""

_log = logging.getLogger("proxy.inbound")


def while_admitted(
    inbound: Inbound, context: Arrived, end: Callable[[], None], admit: Admit = authorize
) -> Cancel:
    """Call `end` when the policy no longer admits the client of bytes that it had admitted: of a
    connection, unless `admit` asks for more."""
    return context.cell.watch(lambda: unless_admitted(inbound, context, end, admit))


def unless_admitted(
    inbound: Inbound, context: Arrived, end: Callable[[], None], admit: Admit
) -> None:
    """Call `end` if the policy in force does not admit the client; count and mention it then."""
    try:
        admit(context.cell.current, context.client)
    except (Denied, RouteNotFound) as refusal:
        inbound.tcp_terminated(context.labels)
        _log.info("connection ended: %s", refusal)
        end()


class Forwarding:
    """A relay to the application, ended when the policy no longer admits its client."""

    __slots__ = ("_cancel", "_context", "_inbound", "_opening", "_transport")

    def __init__(
        self,
        inbound: Inbound,
        context: Arrived,
        transport: Transport,
        application: Application,
        data: bytes,
        ear: Ear | None,
    ) -> None:
        """`ear` has a connection to the application already, unless it was lost."""
        self._inbound = inbound
        self._context = context
        self._transport = transport
        self._cancel = while_admitted(inbound, context, self.stop)
        self._opening = Opening(transport, data, application.verify, self._done)
        inbound.opened(self)
        if ear is None or ear.lost:
            self._opening.dialed(application.dial(self._opening))
        else:
            ear.hand_over(self._opening)

    def _done(self, failure: Exception | None) -> None:
        self._cancel()
        self._inbound.closed(self)
        if failure is not None:
            name = failure.kind.name if isinstance(failure, Failure) else "i/o"
            self._inbound.tcp_error(
                self._context.target, name, detail_of(failure), self._context.client.ip
            )

    def drain(self) -> None:
        """Bytes have no boundary to stop at: they flow until one side ends, or `stop`."""
        self._opening.drain()

    def stop(self) -> None:
        self._transport.lose(Failure(errors.DRAINING))

    def __repr__(self) -> str:
        return f"<Forwarding to {self._context.target}>"
