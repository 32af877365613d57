"""A breaker before one endpoint of a backend: while it is shut the balancer does not pick it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.balance import breaker
from proxy.balance.breaker import State
from proxy.discovery.policy import ConsecutiveFailures, FailureAccrual

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.reactor import Reactor
    from proxy.net.wheel import Timer
    from proxy.outbound.concrete import EndpointMember

_log = logging.getLogger("proxy.outbound")

RATE_LIMITED = 429
RESOURCE_EXHAUSTED = 8


class Gate:
    """Tells its breaker how requests end, and the balancer when that changes who is ready."""

    __slots__ = ("_breaker", "_changed", "_closed", "_member", "_reactor", "_strict", "_timer")

    def __init__(
        self,
        accrual: FailureAccrual,
        member: EndpointMember,
        reactor: Reactor,
        changed: Callable[[EndpointMember], None],
    ) -> None:
        """`changed` is called whenever `admits` may be another."""
        self._breaker = make(accrual)
        self._strict = not isinstance(accrual, ConsecutiveFailures)
        self._member = member
        self._reactor = reactor
        self._changed = changed
        self._closed = False
        self._timer: Timer | None = None

    @property
    def admits(self) -> bool:
        return self._breaker.admits

    def start(self) -> None:
        if self._breaker.state is not State.OPEN:
            self._breaker.start()
            self._tell()

    def answered(self, now: float, status: int, grpc: int | None, *, success: bool) -> None:
        """A response ended; the stricter breaker takes "too many requests" for a failure, too."""
        if success and not (self._strict and is_busy(status, grpc)):
            self._success(now)
        else:
            self.failure(now)

    def _success(self, now: float) -> None:
        before = self._breaker.state
        self._breaker.success(now)
        if before is not self._breaker.state:
            _log.info("endpoint %s works again: its breaker opens", self._member.address)
            self._tell()

    def failure(self, now: float) -> None:
        before = self._breaker.state
        self._breaker.failure(now)
        if before is not self._breaker.state and not self._closed:
            wait = self._breaker.shut_until - now
            _log.warning("endpoint %s fails: not used for %.1f s", self._member.address, wait)
            self._timer = self._reactor.call_later(wait, self._elapsed)
            self._tell()

    def abandon(self) -> None:
        before = self._breaker.state
        self._breaker.abandon()
        if before is not self._breaker.state:
            self._tell()

    def close(self) -> None:
        """The endpoint was removed; requests on their way may still report, and nobody else hears of it."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _elapsed(self) -> None:
        self._timer = None
        self._breaker.elapse()
        self._tell()

    def _tell(self) -> None:
        # Its address may be another endpoint's by now.
        if not self._closed:
            self._changed(self._member)

    def __repr__(self) -> str:
        return f"<Gate of {self._member.address}: {self._breaker!r}>"


def is_busy(status: int, grpc: int | None) -> bool:
    """Whether an endpoint has answered that it is asked too much."""
    return status == RATE_LIMITED or grpc == RESOURCE_EXHAUSTED


def make(accrual: FailureAccrual) -> breaker.ConsecutiveFailures:
    """The breaker a policy asks for. No failures in a row and no share means that it never shuts."""
    if isinstance(accrual, ConsecutiveFailures):
        return breaker.ConsecutiveFailures(max(accrual.max_failures, 1), accrual.backoff)
    return breaker.UnifiedFailures(
        accrual.success_rate_threshold,
        accrual.window,
        accrual.min_requests,
        accrual.max_failures,
        accrual.backoff,
    )
