"""One outbound request, from its endpoint to the last byte of its response.

Most requests have one course: one route takes them all, one backend serves it, and nothing is to be
done but to forward. `OutboundCall` is such a request. `RoutedCall` is any other.
"""

from __future__ import annotations

from bisect import bisect_left
from time import time
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2, Headers
from proxy.codec.upgrade import restore_response
from proxy.net.answer import CONNECTION, answer, unreached, withhold
from proxy.net.exchange import TOGETHER, Call
from proxy.net.failure import Failure
from proxy.outbound.gate import is_busy
from proxy.stack import retry_after
from proxy.stack.classify import grpc_status
from proxy.stack.retry import IDEMPOTENT
from proxy.telemetry.tally import BOUNDS
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead, ResponseHead
    from proxy.net.exchange import Downstream
    from proxy.outbound.accept import Outbound
    from proxy.outbound.concrete import EndpointMember
    from proxy.outbound.course import Course
    from proxy.outbound.endpoint import EndpointClient
    from proxy.outbound.logical import Logical
    from proxy.telemetry.request import Ending, RequestMetrics
    from proxy.telemetry.tally import Tally

REQUIRE_ID = "l5d-require-id"
CANONICAL = "l5d-dst-canonical"
TIMEOUTS = (errors.REQUEST_TIMEOUT, errors.RESPONSE_TIMEOUT)
AVOIDED = 1.0
"""Seconds that an endpoint which did not take a request is believed to be slow by."""

MAX_TRIES = 4
"""Times a request that had no effect is sent: enough to get past endpoints that are just leaving."""


class Service:
    """What the calls of one accepted HTTP connection have in common."""

    __slots__ = ("clock", "logical", "outbound", "reactor")

    def __init__(self, outbound: Outbound, logical: Logical) -> None:
        self.outbound = outbound
        self.logical = logical
        self.reactor = outbound.reactor
        self.clock = outbound.reactor.clock

    @property
    def informational(self) -> bool:
        return not self.outbound.settings.disable_informational_headers

    def refused(self, failure: Failure) -> None:
        self.outbound.client_refused(self.logical, failure)

    def close(self) -> None:
        """The connection has ended."""


class OutboundCall(Call):
    """A request of the application."""

    dials = False

    __slots__ = (
        "_answered_at",
        "_authority",
        "_clock",
        "_error",
        "_given",
        "_grpc",
        "_member",
        "_required",
        "_service",
        "_status",
        "_tries",
        "began",
        "carried",
        "course",
        "endpoint",
    )

    def __init__(
        self, head: RequestHead, downstream: Downstream, service: Service, course: Course | None
    ) -> None:
        # What `Call` says is repeated here: one object per request, and `super` costs a call.
        self.head = head
        self.downstream = downstream
        self.upstream = None
        self.attempt = 0
        self.request_ended = False
        self.responded = False
        self.ended = False
        self.kept = None
        self._kept_size = 0
        self._replayable = True
        self._trailers = None
        self._blocked = False
        self.carried = False
        """The request travels as HTTP/2 and was HTTP/1."""
        self.course = course
        self.endpoint: EndpointClient | None = None
        self._service = service
        self._member: EndpointMember | None = None
        self._metrics = None
        self._sent_at = 0.0
        self._reactor = service.reactor
        self._required: str | None = None
        """The identity the endpoint must have, because the request says so."""
        self._authority: str | None = None
        """What the client wrote, once an endpoint wanted another."""
        self._status = 0
        self._grpc: int | None = None
        self._error: str | None = None
        self._tries = 0
        self._answered_at = 0.0
        self._clock = clock = service.clock
        self.began = clock()
        """When the present try came."""
        self._given = self.began
        """When an endpoint began to be responsible for the present try."""
        service.outbound.in_flight += 1

    @property
    def service(self) -> Service:
        return self._service

    @property
    def outcome(self) -> tuple[int, int | None, str | None]:
        """HTTP status (0: no response yet), gRPC status, and the name of our own error."""
        return self._status, self._grpc, self._error

    # --- the request ----------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        head = self.head
        service = self._service
        if (
            not head.authority
            or REQUIRE_ID in head.headers
            or service.outbound.in_flight > service.outbound.max_in_flight
        ) and not self.accept():
            return
        assert self.course is not None
        self.course.concrete.dispatch(self)

    def accept(self) -> bool:
        """Whether the request may go on; otherwise it was answered."""
        service = self._service
        if service.outbound.in_flight > service.outbound.max_in_flight:
            self.answer(Failure(errors.LOAD_SHED))
            return False
        head = self.head
        if not head.authority:
            # HTTP/1.0 without Host: the address is all the application said.
            head.authority = str(service.logical.target.address)
            if head.version != HTTP_2:
                head.headers["host"] = head.authority
        required = head.headers.get(REQUIRE_ID)
        if required is not None:
            self._required = required.decode("latin-1")
            del head.headers[REQUIRE_ID]
        return True

    def go(self, client: EndpointClient, member: EndpointMember | None) -> None:
        """Be sent to an endpoint."""
        self._tries += 1
        self.endpoint = client
        if self._service.outbound.observers:
            self._observe("request")
        if self._required is not None and self._required != client.endpoint.identity:
            shown = client.endpoint.identity or "has no identity"
            detail = f"{client.endpoint.address} should be {self._required}: {shown}"
            self.answer(Failure(errors.IDENTITY_MISMATCH, detail))
            return
        if member is not None:
            member.pending += 1
            self._member = member
            if member.gate is not None:
                member.gate.start()
        if client.override is not None or self._authority is not None:
            self._rename(client.override)
        course = self.course
        assert course is not None
        metrics = self._metrics = course.measured.get(client) or course.measure(client)
        metrics.requests += 1
        client.start(self, (self.request_ended and self.kept is None) or self.bodiless)

    def _rename(self, override: str | None) -> None:
        """Call the service what this endpoint calls it, or again what the client did."""
        head = self.head
        if self._authority is None:
            self._authority = head.authority
        head.authority = override or self._authority
        if "host" in head.headers:
            head.headers["host"] = head.authority
        if override is not None and CANONICAL in head.headers:
            del head.headers[CANONICAL]

    def waited(self, now: float) -> None:
        self._given = now

    def on_carried(self) -> None:
        self._given = self._clock()

    def fail(self, failure: Failure) -> None:
        """There is no endpoint."""
        self.answer(failure)

    def on_failure(self, failure: Failure) -> None:
        self.settle_failure(failure)
        course = self.course
        if (
            course is not None
            and self.can_repeat
            and self._tries < MAX_TRIES
            and (course.concrete.balances or failure.kind is errors.CONNECTION_LOST)
            and (failure.unprocessed or self._may_be_done_twice(failure))
        ):
            self._go_elsewhere(course)
        else:
            self.give_up(failure)

    def _go_elsewhere(self, course: Course) -> None:
        self.attempt += 1
        self._given = self._clock()
        course.concrete.dispatch(self)

    def _may_be_done_twice(self, failure: Failure) -> bool:
        """Once only: a request that brings its server down should not go round them all."""
        return failure.broken and self._tries == 1 and self.head.method in IDEMPOTENT

    def give_up(self, failure: Failure) -> None:
        """The try failed, and sending it elsewhere at once is no help."""
        self.answer(failure)

    # --- the response ---------------------------------------------------------------------

    def declines(self, head: ResponseHead) -> bool:
        """The endpoint's proxy could not connect to the application, which is not up yet or down already.
        The request had no effect: another endpoint may do."""
        if CONNECTION not in head.headers:
            return False
        failure, course, client = unreached(head.headers), self.course, self.endpoint
        if (
            failure is None
            or course is None
            or client is None
            or client.endpoint.identity is None  # only a proxy knows
            or not course.concrete.has_another
            or not self.can_repeat
            or self._tries >= MAX_TRIES
        ):
            return False
        upstream, self.upstream = self.upstream, None
        if upstream is not None and not self.request_ended:
            upstream.cancel()
        self.settle_failure(failure)
        client.rest()
        self._go_elsewhere(course)
        return True

    def on_response(self, head: ResponseHead) -> None:
        self._answered_at = self._clock()
        self._status = head.status
        headers = head.headers
        if head.version == HTTP_2 and not (self.carried and restore_response(head)):
            # Also of what the endpoint's proxy itself answers to gRPC that is carried (gRPC-Web).
            self._grpc = grpc_status(headers)
        if head.status >= 400 or self._grpc:
            self._heed(headers, self._answered_at)
            if not self._service.informational:
                withhold(headers)
            if CONNECTION in headers:
                del headers[CONNECTION]
                if self._member is None and self.downstream.is_http1:
                    self.downstream.close_after_response()
        if self._service.outbound.observers:
            self._observe("response")

    def _heed(self, said: Headers, now: float) -> None:
        """Leave the endpoint alone for as long as its answer asks for, where the policy wants that."""
        member = self._member
        if member is not None and member.patience:
            wait = retry_after.asked(self._status, self._grpc, said, time())
            if wait:
                member.heed(wait, now)

    def answer(self, failure: Failure) -> None:
        """Respond with what went wrong."""
        outbound = self._service.outbound
        if self.endpoint is None and outbound.observers:
            self._observe("request")
        self._error = failure.kind.name
        outbound.request_failed(self, failure)
        self.responded = True
        head = answer(
            self.head, self.downstream, failure, informational=self._service.informational
        )
        self._status = head.status
        self._grpc = grpc_status(head.headers)
        self.finish(None, failure)

    # --- the end --------------------------------------------------------------------------

    def settle_failure(self, failure: Failure) -> None:
        """The endpoint's part is over, and it was not well done."""
        member, self._member = self._member, None
        if member is None:
            return
        now = self._clock()
        if failure.unprocessed and failure.kind is errors.CONNECTION_LOST:
            member.service.rest()
        if member.penalty:
            member.finish(max(member.penalty, now - self._given), now)
        elif self._answered_at or failure.kind in TIMEOUTS:
            member.finish((self._answered_at or now) - self._given, now)
        elif failure.unprocessed or failure.broken:
            # It is leaving, or cannot be reached: what is repeated should find another first.
            member.finish(max(AVOIDED, now - self._given), now)
        else:
            member.release()
        if member.gate is not None:
            leaving = failure.unprocessed and failure.kind is errors.CONNECTION_LOST
            if leaving or failure.kind is errors.IDLE_TIMEOUT:
                # An endpoint that says it is leaving does not fail, nor one that has nothing to say.
                member.gate.abandon()
            else:
                member.gate.failure(now)

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        outbound = self._service.outbound
        outbound.in_flight -= 1
        now = self._clock()
        if trailers is not None and self._grpc is None:
            self._grpc = grpc_status(trailers)
            if self._grpc:
                self._heed(trailers, now)
        if outbound.observers:
            self._observe("end")
        error = self._error
        gone = failure is not None and failure.kind is errors.CLIENT_GONE
        if failure is not None and error is None and not gone:
            error = failure.kind.name
        tally = None
        status = self._status
        if status:
            ending = (status, self._grpc, error)
            metrics = self._metrics
            if metrics is None or self.attempt:
                tally = self.tally(ending)
            else:
                tally = metrics.outcomes.get(ending) or metrics.outcome(ending)
            # As `Tally.observe` does; this is done for every request.
            elapsed = (now - self.began) * 1000.0
            tally.counts[bisect_left(BOUNDS, elapsed)] += 1
            tally.sum += elapsed
            if self._sent_at - self.began > TOGETHER or not self.request_ended:
                self._correct(metrics, elapsed, now)
        member = self._member
        if member is not None:
            if member.gate is None and self._answered_at and not member.penalty:
                member.finish(self._answered_at - self._given, now)
            else:
                self._teach(member, None if gone else tally, now)

    def _correct(self, metrics: RequestMetrics | None, elapsed: float, now: float) -> None:
        """Count the wait for a try's response from the end of the request; `elapsed` milliseconds
        have been counted from the try's beginning."""
        late = self._sent_at - self.began > TOGETHER or not self.request_ended
        if metrics is not None and late:
            metrics.waits.correct(elapsed, self.since_sent(now))

    def tally(self, ending: Ending) -> Tally:
        """Where a request is counted that was tried more than once, or never."""
        metrics = self._metrics or self.unplaced
        return metrics.outcomes.get(ending) or metrics.outcome(ending)

    @property
    def unplaced(self) -> RequestMetrics:
        """Where it is counted while it has no endpoint, or never gets to one."""
        course = self.course
        if course is not None:
            return course.plan.metrics.whole
        return self._service.outbound.metrics.unrouted

    def _teach(self, member: EndpointMember, tally: Tally | None, now: float) -> None:
        """Tell balancer and breaker how the endpoint did; without a tally, nothing is known."""
        self._member = None
        if (
            member.penalty
            and tally is not None
            and (not tally.success or is_busy(self._status, self._grpc))
        ):
            # Refusing is quick work: what is asked too much would look like the one with time to spare.
            member.finish(max(member.penalty, now - self._given), now)
        elif self._answered_at:
            member.finish(self._answered_at - self._given, now)
        else:
            member.release()
        gate = member.gate
        if gate is not None:
            if tally is None:
                gate.abandon()
            else:
                gate.answered(now, self._status, self._grpc, success=tally.success)

    def _observe(self, event: str) -> None:
        for observer in tuple(self._service.outbound.observers):
            observer(self, event)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.head!r} to {self.endpoint!r}>"
