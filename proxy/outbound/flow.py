"""Bytes nobody looks into on their way to an endpoint, and connections made before anybody spoke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.net.ear import Ear
from proxy.net.failure import Failure, detail_of
from proxy.net.relay import Opening
from proxy.outbound.call import AVOIDED, MAX_TRIES
from proxy.outbound.metrics import ended_by
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.relay import Verify
    from proxy.net.transport import Transport
    from proxy.outbound.accept import Outbound
    from proxy.outbound.concrete import EndpointMember
    from proxy.outbound.endpoint import EndpointClient
    from proxy.outbound.logical import Logical
    from proxy.outbound.metrics import StreamMetrics


class Overture:
    """A connection to an endpoint for a client that has not spoken yet."""

    dials = True

    __slots__ = ("_spoke", "began", "ear", "ended", "member", "verify")

    def __init__(self, now: float, spoke: Callable[[], None]) -> None:
        """`spoke` is called when the endpoint speaks first."""
        self.began = now
        self.ended = False
        self.ear: Ear | None = None
        self.member: EndpointMember | None = None
        self.verify: Verify | None = None
        self._spoke = spoke

    @property
    def is_open(self) -> bool:
        """Whether there is a connection to go on with, made or in the making."""
        return self.ear is not None and not self.ear.lost

    def waited(self, now: float) -> None:
        """Only answers are timed."""

    def go(self, client: EndpointClient, member: EndpointMember | None) -> None:
        self.member = member
        if member is not None:
            member.start()
            if member.gate is not None:
                member.gate.start()
        self.verify = client.verify
        self.ear = Ear(client.verify, self._spoke)
        client.open(self.ear)

    def fail(self, failure: Failure) -> None:
        """There is no endpoint; whoever needs one hears why."""

    def cancel(self) -> None:
        """It was HTTP, or nothing."""
        self.ended = True
        if self.ear is not None:
            self.ear.abandon()
        member, self.member = self.member, None
        if member is not None:
            member.release()
            if member.gate is not None:
                member.gate.abandon()

    def __repr__(self) -> str:
        return f"<Overture {self.ear!r}>"


class Flow:
    """Bytes of a connection nobody looks into, on their way to an endpoint."""

    dials = True

    __slots__ = (
        "_counted",
        "_data",
        "_logical",
        "_member",
        "_opening",
        "_outbound",
        "_over",
        "_server_name",
        "_transport",
        "_tries",
        "began",
        "ended",
    )

    def __init__(
        self,
        outbound: Outbound,
        logical: Logical,
        transport: Transport,
        data: bytes,
        counted: StreamMetrics,
        server_name: str | None = None,
        over: Callable[[], None] | None = None,
    ) -> None:
        """`counted` has counted the connection as opened; `server_name` is what its TLS asked for; `over` is
        called when the bytes have ended."""
        self._counted = counted
        self._server_name = server_name
        self._over = over
        self.ended = False
        self.began = outbound.reactor.clock()
        self._outbound = outbound
        self._logical = logical
        self._transport = transport
        self._data = data
        self._member: EndpointMember | None = None
        self._opening: Opening | None = None
        self._tries = 0
        transport.receiver = self

    def waited(self, now: float) -> None:
        """Only answers are timed."""

    def go(self, client: EndpointClient, member: EndpointMember | None) -> None:
        self._tries += 1
        self._member = member
        if member is not None:
            member.start()
            if member.gate is not None:
                member.gate.start()
        client.open(self._prepare(client.verify))

    def _prepare(self, verify: Verify) -> Opening:
        data, self._data = self._data, b""
        opening = self._opening = Opening(
            self._transport, data, verify, self._done, self._elsewhere
        )
        if self._outbound.draining:
            opening.drain()
        return opening

    def _elsewhere(self, failure: Exception) -> bool:
        """The endpoint could not be reached, and nothing was sent: another may do."""
        if not isinstance(failure, Failure) or not failure.unprocessed:
            return False
        member, self._member = self._member, None
        if member is not None:
            member.finish(AVOIDED, self._outbound.reactor.clock())
            if member.gate is not None:
                member.gate.abandon()
        try:
            concrete = self._logical.connect(self._server_name)
        except Failure:
            return False
        if self._tries >= MAX_TRIES or not concrete.balances:
            return False
        assert self._opening is not None
        self._data = self._opening.early
        self._transport.receiver = self
        concrete.dispatch(self)
        return True

    def take_over(self, overture: Overture) -> None:
        """The endpoint was reached for already."""
        ear = overture.ear
        assert ear is not None
        assert overture.verify is not None
        self._member = overture.member
        self._tries = 1
        ear.hand_over(self._prepare(overture.verify))

    def fail(self, failure: Failure) -> None:
        self._transport.close(linger=True)
        self._done(failure)

    def _done(self, failure: Exception | None) -> None:
        if self.ended:
            return
        self.ended = True
        outbound = self._outbound
        outbound.closed(self)
        outbound.left(self._logical)
        member = self._member
        if member is not None:
            member.release()
            if member.gate is not None:
                # Only HTTP says whether it went well.
                member.gate.abandon()
        self._counted.closed(failure)
        if failure is not None:
            address = str(self._logical.target.address)
            outbound.tcp_error(ended_by(failure), detail_of(failure), address)
        if self._over is not None:
            self._over()

    # --- receiver while it waits for an endpoint ------------------------------------------

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_data(self, data: bytes) -> None:
        raise AssertionError("a paused connection is not read")

    def on_eof(self) -> None:
        """Told again when there is somebody to tell."""

    def on_lost(self, failure: Exception) -> None:
        self._done(failure)

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""

    def drain(self) -> None:
        """Bytes have no boundary to stop at: they flow until one side ends, or `stop`."""
        if self._opening is not None:
            self._opening.drain()

    def stop(self) -> None:
        self._transport.lose(Failure(errors.DRAINING))

    def __repr__(self) -> str:
        return f"<Flow to {self._logical.target.address}>"
