"""Which endpoint of a backend: the one there is, or the less loaded of two that are ready.

Traffic for a balanced backend waits while no endpoint is ready. After the fail-fast time everything
that waits fails at once, and so does what comes, until an endpoint is ready again: an application
that retries should hear "no" quickly and not pile up behind a dead service.
"""

from __future__ import annotations

from collections import deque
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


class Concrete(Protocol):
    """One backend, whatever its kind."""

    @property
    def available(self) -> bool:
        """Whether traffic would find an endpoint now."""

    @property
    def balances(self) -> bool: ...

    def dispatch(self, traffic: Traffic) -> None: ...

    def close(self) -> None:
        """Let go of the endpoints; what is in progress finishes."""


class Forwarded:
    """One fixed endpoint: failing to reach it is the answer."""

    __slots__ = ("_client",)

    balances = False

    def __init__(self, outbound: Outbound, endpoint: Endpoint) -> None:
        self._client = outbound.endpoint(endpoint)
        self._client.use(self, lambda client: None)

    @property
    def available(self) -> bool:
        return self._client.ready

    def dispatch(self, traffic: Traffic) -> None:
        traffic.go(self._client, None)

    def close(self) -> None:
        self._client.release(self)


class Failed:
    """A backend the control plane could not resolve."""

    __slots__ = ("_message",)

    available = False
    balances = False

    def __init__(self, message: str) -> None:
        self._message = message

    def dispatch(self, traffic: Traffic) -> None:
        traffic.fail(Failure(errors.NO_BACKEND, self._message))

    def close(self) -> None:
        """Nothing is held."""


class Balanced:
    """Every endpoint of an authority."""

    __slots__ = (
        "_authority",
        "_backend",
        "_cancel",
        "_failing",
        "_outbound",
        "_p2c",
        "_penalty",
        "_set",
        "_timer",
        "_waiting",
    )

    balances = True

    def __init__(self, outbound: Outbound, backend: Backend, balancer: Balancer) -> None:
        self._outbound = outbound
        self._backend = backend
        self._authority = balancer.authority
        self._penalty = balancer.penalty.latency if balancer.penalty is not None else 0.0
        self._p2c: P2c[Endpoint, EndpointClient] = P2c(
            self._use, balancer.default_rtt, balancer.decay
        )
        self._waiting: deque[Traffic] = deque()
        self._timer: Timer | None = None
        self._failing = False
        self._set = outbound.discovery.endpoints(balancer.authority)
        self._cancel = self._set.watch(self._update)
        if self._set.known:
            self._update()

    @property
    def available(self) -> bool:
        return self._p2c.ready_count > 0

    @property
    def counts(self) -> tuple[int, int, int]:
        """Endpoints that are ready, those that are not, and requests that wait."""
        ready = self._p2c.ready_count
        return ready, len(self._p2c) - ready, len(self._waiting)

    def dispatch(self, traffic: Traffic) -> None:
        member = self._p2c.pick(traffic.began)
        if member is not None:
            traffic.go(member.service, member)
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

    # --- endpoints come, go, and change their minds ----------------------------------------

    def _use(self, endpoint: Endpoint) -> EndpointClient:
        client = self._outbound.endpoint(endpoint)
        client.use(self, self._ready_changed)
        return client

    def _update(self) -> None:
        changes = self._p2c.update(self._set.endpoints, self._outbound.reactor.clock())
        accrual = self._backend.failure_accrual
        for member in changes.added:
            if accrual is not None:
                member.gate = Gate(
                    accrual, member, self._outbound.reactor, self._readiness_may_differ
                )
            member.penalty = self._penalty
            if not member.service.ready:
                self._p2c.mark_unready(member)
        for member in changes.removed:
            if isinstance(member.gate, Gate):
                member.gate.close()
            current = self._p2c.get(member.address)
            if current is None or current.service is not member.service:
                member.service.release(self)
        self._go_on()

    def _ready_changed(self, client: EndpointClient) -> None:
        member = self._p2c.get(client.endpoint.address)
        if member is not None and member.service is client:
            self._readiness_may_differ(member)

    def _readiness_may_differ(self, member: EndpointMember) -> None:
        gate = member.gate
        if not member.service.ready or (isinstance(gate, Gate) and not gate.admits):
            self._p2c.mark_unready(member)
        elif not member.ready:
            self._p2c.mark_ready(member)
            self._go_on()

    def _go_on(self) -> None:
        """An endpoint may be ready: send what waits."""
        if not self._p2c.ready_count:
            return
        self._failing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, deque()
        for traffic in waiting:
            if not traffic.ended:
                self.dispatch(traffic)

    # --- nothing is ready -----------------------------------------------------------------

    def _give_up(self) -> None:
        self._timer = None
        self._failing = True
        waiting, self._waiting = self._waiting, deque()
        failure = self._why()
        for traffic in waiting:
            if not traffic.ended:
                traffic.fail(failure)

    def _why(self) -> Failure:
        if not self._set.known:
            return Failure(errors.FAILFAST, f"{self._authority}: discovery has not answered")
        count = len(self._p2c)
        return Failure(errors.FAILFAST, f"{self._authority}: none of {count} endpoints is ready")

    def close(self) -> None:
        self._cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._give_up_quietly()
        for member in self._p2c.members():
            if isinstance(member.gate, Gate):
                member.gate.close()
            member.service.release(self)
        self._outbound.discovery.release_endpoints(self._set)

    def _give_up_quietly(self) -> None:
        """The route changed under what waits: it asks again and finds the new one."""
        waiting, self._waiting = self._waiting, deque()
        for traffic in waiting:
            if not traffic.ended:
                traffic.fail(Failure(errors.NO_BACKEND, "the route changed"))

    def __repr__(self) -> str:
        return f"<Balanced {self._authority}: {self._p2c!r}, {len(self._waiting)} wait>"
