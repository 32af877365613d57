"""A request whose route wants more than forwarding: filters, time-outs, retries, a traffic split.

A try that failed and is worth another is discarded before the application sees anything of it. Where
the outcome is only told after the head (gRPC's trailers), the head waits until it is known.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.net.failure import Failure
from proxy.net.filtering import act
from proxy.outbound import wishes
from proxy.outbound.call import CANONICAL, OutboundCall
from proxy.stack.classify import grpc_status
from proxy.stack.filters import RequestHeaderModifier
from proxy.stack.retry import Outcome, Terms, is_worth, retry_in
from proxy.stack.timeout import Deadlines, Expired
from proxy.telemetry.request import Scope
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import Headers, RequestHead, ResponseHead
    from proxy.discovery.policy import Retry, Timeouts
    from proxy.net.exchange import Downstream
    from proxy.net.wheel import Timer
    from proxy.outbound.call import Service
    from proxy.outbound.concrete import EndpointMember
    from proxy.outbound.course import Course, Plan
    from proxy.outbound.endpoint import EndpointClient
    from proxy.stack.filters import Filter, HeaderModifier
    from proxy.stack.match import Match
    from proxy.telemetry.request import Ending
    from proxy.telemetry.tally import Tally

_KINDS = {
    Expired.REQUEST: errors.REQUEST_TIMEOUT,
    Expired.RESPONSE: errors.RESPONSE_TIMEOUT,
    Expired.PATIENCE: errors.RESPONSE_TIMEOUT,
    Expired.IDLE: errors.IDLE_TIMEOUT,
}


class RoutedCall(OutboundCall):
    """A request that finds its plan when it begins."""

    __slots__ = (
        "_deadlines",
        "_held",
        "_match",
        "_modifiers",
        "_of_the_plan",
        "_patience",
        "_plan",
        "_retries",
        "_since",
        "_terms",
        "_timer",
        "_unfiltered",
        "_wake",
    )

    def __init__(
        self, head: RequestHead, downstream: Downstream, service: Service, course: Course | None
    ) -> None:
        super().__init__(head, downstream, service, course)
        self._since = self.began
        """When the request came; `began` is when the present try did."""
        self._plan: Plan | None = None
        self._match: Match
        self._modifiers: list[HeaderModifier] | None = None
        self._of_the_plan = 0
        """How many of the modifiers do not depend on the backend."""
        self._unfiltered: dict[str, list[bytes]] | None = None
        """What the request's headers were that filters of a backend may have changed."""
        self._deadlines: Deadlines | None = None
        self._timer: Timer | None = None
        self._terms: Terms | None = None
        self._patience: float | None = None
        self._retries = 0
        self._wake: Timer | None = None
        self._held: ResponseHead | None = None
        """A response whose outcome its trailers will tell, perhaps."""

    # --- the plan -------------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        if not self.accept():
            return
        logical = self._service.logical
        head = self.head
        try:
            plan, self._match = logical.plan(head)
            self._plan = plan
            timeouts, retry = plan.timeouts, plan.retry
            if plan.allow_wishes:
                timeouts, retry = wishes.take(head.headers, timeouts, retry)
            if plan.metrics.began is not None:
                plan.metrics.began.value += 1
            if logical.destination is not None:
                head.headers[CANONICAL] = logical.destination
            if plan.budget is not None:
                plan.budget.deposit(self.began)
            self._limit(timeouts, retry)
            if plan.filters:
                if self._filter(plan.filters):
                    return
                self._of_the_plan = len(self._modifiers or ())
            self._travel()
        except Failure as failure:
            self.answer(failure)

    def _limit(self, timeouts: Timeouts, retry: Retry | None) -> None:
        if retry is not None:
            self._terms = Terms(
                retry.max_retries,
                retry.max_request_bytes,
                retry.statuses,
                retry.grpc_codes,
                retry.backoff,
            )
            self._patience = retry.timeout
        if (
            timeouts.request is not None
            or timeouts.response is not None
            or timeouts.idle is not None
            or self._patience is not None
        ):
            self._deadlines = Deadlines(
                self.began,
                request=timeouts.request,
                response=timeouts.response,
                idle=timeouts.idle,
            )
            self._watch()

    def _travel(self) -> None:
        """Begin a try. Raises Failure when there is no backend."""
        plan = self._plan
        assert plan is not None
        course = self.course = plan.choose()
        if self._modifiers:
            del self._modifiers[self._of_the_plan :]
        if self._unfiltered is not None:
            self._undo_filters(self._unfiltered)
        if course.filters:
            self._remember(course.filters)
            if self._filter(course.filters):
                return
        course.concrete.dispatch(self)

    def go(self, client: EndpointClient, member: EndpointMember | None) -> None:
        super().go(client, member)
        if self._deadlines is not None and self.request_ended and not self.ended:
            self._sent()

    # --- filters --------------------------------------------------------------------------

    def _filter(self, filters: tuple[Filter, ...]) -> bool:
        """Let filters act; True when one of them answered. Raises Failure."""
        if self._modifiers is None:
            self._modifiers = []
        informational = self._service.informational
        head = act(filters, self.head, self._match, self._modifiers, informational=informational)
        if head is None:
            return False
        if self._service.outbound.observers and self.endpoint is None:
            self._observe("request")
        self.responded = True
        self._status = head.status
        self._grpc = grpc_status(head.headers)
        self.downstream.respond(head, True)
        self.finish(None, None)
        return True

    def _remember(self, filters: tuple[Filter, ...]) -> None:
        """Another try begins with the headers of the first, and may have another backend."""
        headers = self.head.headers
        self._unfiltered = {
            name: headers.get_all(name)
            for item in filters
            if isinstance(item, RequestHeaderModifier)
            for name in item.modifier.names
        }

    def _undo_filters(self, unfiltered: dict[str, list[bytes]]) -> None:
        headers = self.head.headers
        for name, values in unfiltered.items():
            if name in headers:
                del headers[name]
            for value in values:
                headers.add(name, value)
        self._unfiltered = None

    # --- the request moves ----------------------------------------------------------------

    def request_body(self, data: bytes, ends: bool) -> None:
        super().request_body(data, ends)
        self._moved()
        if ends:
            self._sent()

    def request_trailers(self, trailers: Headers) -> None:
        super().request_trailers(trailers)
        self._sent()

    def _moved(self) -> None:
        if self._deadlines is not None:
            self._deadlines.moved(self._clock())

    def _sent(self) -> None:
        """The try was sent whole: from now on the endpoint is waited for."""
        if self._deadlines is None or self._metrics is None or self.ended:
            return
        patience = self._patience
        if self._terms is None or self._retries >= self._terms.max_retries or not self.can_repeat:
            # Nothing would follow: a late answer is better than none.
            patience = None
        self._deadlines.attempt(self._clock(), None if self.responded else patience)
        self._watch()

    # --- time -----------------------------------------------------------------------------

    def _watch(self) -> None:
        """Look again when the first limit may have run out."""
        deadlines = self._deadlines
        assert deadlines is not None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = deadlines.next_at
        if when != float("inf"):
            wait = max(0.0, when - self._clock())
            self._timer = self._service.outbound.reactor.call_later(wait, self._look)

    def _look(self) -> None:
        self._timer = None
        deadlines = self._deadlines
        if self.ended or deadlines is None:
            return
        expired = deadlines.expired(self._clock())
        if expired is None:
            self._watch()
            return
        failure = Failure(_KINDS[expired])
        self._cancel_try()
        if (
            expired in (Expired.PATIENCE, Expired.RESPONSE)
            and not self.responded
            and self._again(Outcome(timed_out=True), failure)
        ):
            return
        self.settle_failure(failure)
        if self.responded:
            self._error = failure.kind.name
            self._service.outbound.request_failed(self, failure)
            self.downstream.abort(failure)
            self.finish(None, failure)
        else:
            self.answer(failure)

    def _cancel_try(self) -> None:
        upstream, self.upstream = self.upstream, None
        self.attempt += 1
        self._held = None
        if upstream is not None:
            upstream.cancel()

    # --- another try ----------------------------------------------------------------------

    def fail(self, failure: Failure) -> None:
        if not self._again(Outcome(unprocessed=True), failure):
            self.answer(failure)

    def _go_elsewhere(self, course: Course) -> None:
        # An answer may have begun, and been held back.
        self._held = None
        self._answered_at = 0.0
        super()._go_elsewhere(course)

    def give_up(self, failure: Failure) -> None:
        self._held = None
        if not self._again(Outcome(unprocessed=failure.unprocessed), failure):
            self.answer(failure)

    def _again(self, outcome: Outcome, failure: Failure | None) -> bool:
        """Whether another try follows the one that just ended like this."""
        plan = self._plan
        if plan is None:
            return False
        if plan.budget is not None:
            return self._again_on_budget(plan, outcome, failure)
        terms = self._terms
        retries = plan.metrics.retries
        if terms is None or retries is None or not is_worth(terms, outcome):
            return False
        if self._retries >= terms.max_retries:
            retries.exceeded()
            return False
        wait = None
        if self.can_repeat:
            chance = random.random()  # noqa: S311 (jitter)
            wait = retry_in(
                terms,
                outcome,
                retries=self._retries,
                body_bytes=self._kept_size,
                chance=chance,
            )
        if wait is None:
            retries.overflowed()
            return False
        retries.sent()
        self._end_try(failure)
        self._wake = self._service.outbound.reactor.call_later(wait, self._next)
        return True

    def _again_on_budget(self, plan: Plan, outcome: Outcome, failure: Failure | None) -> bool:
        budget = plan.budget
        assert budget is not None
        unknown = outcome.status is None
        if unknown and not outcome.unprocessed:
            return False
        if not unknown and plan.is_success(outcome.status or 0, outcome.grpc_status):
            return False
        if not self.can_repeat:
            return False
        affordable = budget.withdraw(self._clock())
        plan.metrics.retryable(affordable=affordable)
        if not affordable:
            return False
        self._end_try(failure)
        self._service.outbound.reactor.call_soon(self._next)
        return True

    def _end_try(self, failure: Failure | None) -> None:
        """Count the try that another will follow, and begin as if none had been."""
        now = self._clock()
        self._retries += 1
        ending = (self._status, self._grpc, failure.kind.name if failure is not None else None)
        metrics, self._metrics = self._metrics, None
        tally = None
        if metrics is not None:
            tally = metrics.outcome(ending, Scope.TRY)
            elapsed = (now - self.began) * 1000.0
            tally.observe(elapsed)
            self._correct(metrics, elapsed, now)
        if self._member is not None:
            if failure is not None:
                self.settle_failure(failure)
            else:
                self._teach(self._member, tally, now)
        self.attempt += 1
        self._tries = 0
        self._status = 0
        self._grpc = None
        self._answered_at = 0.0
        if self._deadlines is not None:
            self._deadlines.between()

    def _next(self) -> None:
        self._wake = None
        if self.ended:
            return
        self.began = self._given = self._clock()
        try:
            self._travel()
        except Failure as failure:
            self.answer(failure)

    # --- the response ---------------------------------------------------------------------

    def response(self, head: ResponseHead, ends: bool) -> None:
        self._moved()
        if self._terms is not None or self._budgeted:
            status, code = head.status, grpc_status(head.headers)
            if self._discard(Outcome(status, code), head, head.headers, ends):
                return
            if code is None and not ends and self._awaits_trailers(head):
                self._held = head
                return
        self._pass_on(head, ends)

    @property
    def _budgeted(self) -> bool:
        return self._plan is not None and self._plan.budget is not None

    def _awaits_trailers(self, head: ResponseHead) -> bool:
        """Whether a gRPC code that is still to come may ask for another try."""
        if head.version != HTTP_2 or not self.can_repeat:
            return False
        wanted = self._budgeted or (self._terms is not None and bool(self._terms.grpc_codes))
        return wanted and head.headers.get("content-type", b"").startswith(b"application/grpc")

    def _discard(self, outcome: Outcome, head: ResponseHead, said: Headers, ends: bool) -> bool:
        """Whether the response is dropped for another try; `said` tells its outcome."""
        self._status, self._grpc = head.status, outcome.grpc_status
        self._answered_at = self._clock()
        if head.status >= 400 or outcome.grpc_status:
            self._heed(said, self._answered_at)
        upstream = self.upstream
        if not self._again(outcome, None):
            return False
        self.upstream = None
        if upstream is not None and not ends:
            upstream.cancel()
        return True

    def _pass_on(self, head: ResponseHead, ends: bool) -> None:
        if self._deadlines is not None:
            self._deadlines.answered()
        if self._modifiers is not None:
            for modifier in self._modifiers:
                modifier.apply(head.headers)
        super().response(head, ends)

    def response_body(self, data: bytes, ends: bool) -> None:
        self._moved()
        held, self._held = self._held, None
        if held is not None:
            self._pass_on(held, False)
        super().response_body(data, ends)

    def response_trailers(self, trailers: Headers) -> None:
        held, self._held = self._held, None
        if held is not None:
            code = grpc_status(trailers)
            if self._discard(Outcome(held.status, code), held, trailers, True):
                return
            self._pass_on(held, False)
        super().response_trailers(trailers)

    # --- the end --------------------------------------------------------------------------

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wake is not None:
            self._wake.cancel()
        super().on_end(trailers, failure)

    def tally(self, ending: Ending) -> Tally:
        plan, metrics = self._plan, self._metrics
        if plan is None or (metrics is not None and not self._retries):
            return super().tally(ending)
        whole = plan.metrics.whole.outcome(ending)
        if self._retries and whole.success and plan.metrics.retries is not None:
            plan.metrics.retries.succeeded()
        if metrics is None:
            self.began = self._since
            return whole
        whole.observe((self._clock() - self._since) * 1000.0)
        return metrics.outcome(ending, Scope.TRY)
