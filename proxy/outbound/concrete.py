"""Which endpoint of a backend: the one there is, or the less loaded of two that are ready.

Ready means connected: a request never waits for a connection to one endpoint while another has one,
and no handshake is taken for the latency of an answer. Cold endpoints are connected as requests come,
each request warming one, a few at a time, until enough are ready; the rest stay in reserve. So nobody
connects to ten thousand endpoints for one request, and a new endpoint is not met by all clients at
once. Connections that are forwarded as bytes are made for each client anyway: they draw from the cold
as from the ready.

Traffic for a balanced backend waits while no endpoint is ready. After the fail-fast time everything
that waits fails at once, and so does what comes, until an endpoint is ready again: an application
that retries should hear "no" quickly and not pile up behind a dead service.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from proxy.balance.p2c import Member, P2c
from proxy.discovery.endpoints import Endpoint
from proxy.net.failure import Failure
from proxy.outbound.endpoint import EndpointClient
from proxy.outbound.gate import Gate
from weft import errors

if TYPE_CHECKING:
    from proxy.discovery.policy import Backend, Balancer
    from proxy.net.wheel import Timer
    from proxy.outbound.accept import Outbound
    from proxy.outbound.metrics import BalancerMetrics
    from weft.addresses import SocketAddress

AT_ONCE = 4
"""Endpoints of one backend that are being connected at the same time, at most."""
ENOUGH = 100
"""Endpoints of one backend that are kept connected, at most: beyond that, more connections spread the
load no better and cost memory on both sides."""

EndpointMember = Member[Endpoint, EndpointClient]


class Traffic(Protocol):
    """A request or a connection that wants an endpoint."""

    def go(self, client: EndpointClient, member: EndpointMember | None) -> None:
        """Be sent there; `member` is to be told how it went."""

    def fail(self, failure: Failure) -> None:
        """There is no endpoint."""

    @property
    def ended(self) -> bool:
        """Nobody waits for it any more."""

    @property
    def began(self) -> float:
        """When it came, on the reactor's clock."""

    @property
    def dials(self) -> bool:
        """It gets a connection of its own, made when it is sent."""

    def waited(self, now: float) -> None:
        """It waited until now for an endpoint, and no endpoint is to blame for that."""


Again = Callable[[], "Concrete"]
"""The same backend, opened once more."""


class Concrete(Protocol):
    """One backend, whatever its kind."""

    @property
    def available(self) -> bool:
        """Whether traffic would find an endpoint now."""

    @property
    def balances(self) -> bool: ...

    @property
    def has_another(self) -> bool:
        """Whether what one endpoint did not take might be taken by one more."""

    def dispatch(self, traffic: Traffic) -> None: ...

    def close(self, again: Again | None = None) -> None:
        """Let go of the endpoints; what is in progress finishes. What still comes, because it waits or
        is to be tried once more, goes to what `again` gives."""


class Forwarded:
    """One fixed endpoint: failing to reach it is the answer."""

    __slots__ = ("_client",)

    balances = False
    has_another = False

    def __init__(self, outbound: Outbound, endpoint: Endpoint) -> None:
        self._client = outbound.endpoint(endpoint)
        self._client.use(self, lambda client: None)

    @property
    def available(self) -> bool:
        return not self._client.failing

    def dispatch(self, traffic: Traffic) -> None:
        traffic.go(self._client, None)

    def close(self, again: Again | None = None) -> None:
        self._client.release(self)


class Failed:
    """A backend the control plane could not resolve."""

    __slots__ = ("_message",)

    available = False
    balances = False
    has_another = False

    def __init__(self, message: str) -> None:
        self._message = message

    def dispatch(self, traffic: Traffic) -> None:
        traffic.fail(Failure(errors.NO_BACKEND, self._message))

    def close(self, again: Again | None = None) -> None:
        """Nothing is held."""


class Balanced:
    """Every endpoint of an authority."""

    __slots__ = (
        "_again",
        "_authority",
        "_backend",
        "_cancel",
        "_cold",
        "_failing",
        "_given",
        "_measured",
        "_outbound",
        "_p2c",
        "_patience",
        "_penalty",
        "_set",
        "_timer",
        "_waiting",
        "_warming",
    )

    balances = True

    def __init__(
        self,
        outbound: Outbound,
        backend: Backend,
        balancer: Balancer,
        measured: BalancerMetrics,
    ) -> None:
        self._outbound = outbound
        self._backend = backend
        self._measured = measured
        self._given = 0
        """Requests that were given an endpoint and are not shown yet."""
        self._authority = balancer.authority
        penalty = balancer.penalty
        self._penalty = penalty.latency if penalty is not None else 0.0
        self._patience = penalty.max_retry_after if penalty is not None else 0.0
        self._p2c: P2c[Endpoint, EndpointClient] = P2c(
            self._use, balancer.default_rtt, balancer.decay
        )
        self._cold: OrderedDict[SocketAddress, EndpointMember] = OrderedDict()
        self._warming: set[SocketAddress] = set()
        self._waiting: deque[Traffic] = deque()
        self._timer: Timer | None = None
        self._failing = False
        self._again: Again | None = None
        self._set = outbound.discovery.endpoints(balancer.authority)
        self._cancel = self._set.watch(self._update)
        if self._set.known:
            self._update()

    @property
    def available(self) -> bool:
        return self._p2c.ready_count > 0 or bool(self._cold or self._warming)

    @property
    def has_another(self) -> bool:
        return self._p2c.ready_count > 1 or bool(self._cold)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Endpoints that are ready, those that are not, and requests that wait."""
        ready = self._p2c.ready_count
        return ready, len(self._p2c) - ready, len(self._waiting)

    def show(self, *, ready: int, pending: int, waiting: int) -> None:
        """Bring the metrics up to date, with the counts of all that are shown as one with it."""
        given, self._given = self._given, 0
        self._measured.show(ready=ready, pending=pending, waiting=waiting, given=given)

    def dispatch(self, traffic: Traffic) -> None:
        member = self._p2c.pick(traffic.began)
        if self._cold:
            if traffic.dials:
                member = self._draw(member, traffic.began)
            else:
                self._warm_one()
                if member is None:
                    # The first may be slow to connect, or gone.
                    self._warm_one()
        if member is not None:
            if not traffic.dials:
                self._given += 1
            traffic.go(member.service, member)
        elif self._again is not None:
            self._again().dispatch(traffic)
        elif self._failing:
            traffic.fail(self._why())
        elif len(self._waiting) >= self._backend.queue_capacity:
            traffic.fail(Failure(errors.LOAD_SHED, f"{len(self._waiting)} requests wait already"))
        else:
            self._waiting.append(traffic)
            if self._timer is None:
                self._timer = self._outbound.reactor.call_later(
                    self._backend.failfast_timeout, self._give_up
                )

    def _draw(self, ready: EndpointMember | None, now: float) -> EndpointMember:
        """For a connection: the least loaded of the next two cold endpoints and one that is ready.
        Their turn comes round."""
        cold = self._cold
        first = next(iter(cold))
        cold.move_to_end(first)
        drawn = [cold[first], cold[next(iter(cold))]]
        if ready is not None:
            drawn.append(ready)
        return min(drawn, key=lambda member: member.load(now))

    def _warm_one(self) -> None:
        """Let another endpoint connect, unless enough are or do."""
        warming = self._warming
        if self._cold and len(warming) < AT_ONCE and self._p2c.ready_count + len(warming) < ENOUGH:
            address, member = self._cold.popitem(last=False)
            warming.add(address)
            member.service.warm()

    # --- endpoints come, go, and change their minds ----------------------------------------

    def _use(self, endpoint: Endpoint) -> EndpointClient:
        client = self._outbound.endpoint(endpoint)
        client.use(self, self._ready_changed)
        return client

    def _update(self) -> None:
        now = self._outbound.reactor.clock()
        changes = self._p2c.update(self._set.endpoints, now)
        self._measured.updated(added=len(changes.added), removed=len(changes.removed))
        accrual = self._backend.failure_accrual
        for member in changes.removed:
            self._cold.pop(member.address, None)
            self._warming.discard(member.address)
        # Not every client of a service should begin with the same endpoint.
        for member in random.sample(changes.added, len(changes.added)):
            if accrual is not None:
                member.gate = Gate(
                    accrual, member, self._outbound.reactor, self._readiness_may_differ
                )
            member.penalty = self._penalty
            member.patience = self._patience
            if member.service.ready:
                self._p2c.mark_unready(member)
                self._p2c.renew(member, now)
            self._place(member)
        for member in changes.removed:
            if isinstance(member.gate, Gate):
                member.gate.close()
            current = self._p2c.get(member.address)
            if current is None or current.service is not member.service:
                member.service.release(self)
        self._go_on()

    def _ready_changed(self, client: EndpointClient) -> None:
        member = self._p2c.get(client.endpoint.address)
        if member is None or member.service is not client:
            return
        self._warming.discard(member.address)
        if client.ready and not member.ready:
            self._p2c.renew(member, self._outbound.reactor.clock())
        self._readiness_may_differ(member)
        if client.failing and self._waiting:
            self._warm_one()

    def _readiness_may_differ(self, member: EndpointMember) -> None:
        if self._place(member):
            self._go_on()

    def _place(self, member: EndpointMember) -> bool:
        """Put it among the ready or the cold, or neither; whether traffic may find it now."""
        gate = member.gate
        client = member.service
        self._cold.pop(member.address, None)
        admitted = not isinstance(gate, Gate) or gate.admits
        if admitted and client.ready:
            was_ready = member.ready
            self._p2c.mark_ready(member)
            return not was_ready
        self._p2c.mark_unready(member)
        if admitted and client.cold:
            self._cold[member.address] = member
            return True
        return False

    def _go_on(self) -> None:
        """An endpoint may be of use: send what waits, or let it wait for that."""
        ready = self._p2c.ready_count > 0
        if ready:
            if self._failing:
                self._measured.found()
            self._failing = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif not self._cold:
            return
        elif self._failing:
            # What comes is not kept waiting, so nobody else would try.
            self._warm_one()
        waiting, self._waiting = self._waiting, deque()
        now = self._outbound.reactor.clock()
        for traffic in waiting:
            if not traffic.ended:
                if ready and not traffic.dials:
                    self._measured.waited(now - traffic.began)
                traffic.waited(now)
                self.dispatch(traffic)

    # --- nothing is ready -----------------------------------------------------------------

    def _give_up(self) -> None:
        self._timer = None
        self._failing = True
        self._measured.given_up()
        waiting, self._waiting = self._waiting, deque()
        failure = self._why()
        for traffic in waiting:
            if not traffic.ended:
                traffic.fail(failure)

    def _why(self) -> Failure:
        if not self._set.known:
            return Failure(errors.FAILFAST, f"{self._authority}: discovery has not answered")
        count = len(self._p2c)
        detail = f"{self._authority}: none of {count} endpoints is ready"
        troubles = (member.service.trouble for member in self._p2c.members())
        trouble = next(filter(None, troubles), None)
        if trouble is not None:
            detail += f"; one of them: {trouble}"
        return Failure(errors.FAILFAST, detail)

    def close(self, again: Again | None = None) -> None:
        self._cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._again = again
        self._failing = True
        self._cold.clear()
        # What a member gives back when it is released must not find another that will be, too.
        for member in self._p2c.update({}, self._outbound.reactor.clock()).removed:
            if isinstance(member.gate, Gate):
                member.gate.close()
            member.service.release(self)
        self._measured.close(given=self._given)
        self._outbound.discovery.release_endpoints(self._set)
        waiting, self._waiting = self._waiting, deque()
        for traffic in waiting:
            if not traffic.ended:
                self.dispatch(traffic)

    def __repr__(self) -> str:
        return f"<Balanced {self._authority}: {self._p2c!r}, {len(self._waiting)} wait>"
