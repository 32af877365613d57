"""One inbound request: its route, whether its client may, what the application sees, what is counted."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from proxy.authz.decide import Denied, RouteNotFound, authorize_http, find_route
from proxy.codec.message import HTTP_2
from proxy.codec.upgrade import note_response, restore_request, to_http1
from proxy.inbound.tunnel import Asked, Tunnel
from proxy.net.answer import answer
from proxy.net.exchange import TOGETHER, Call
from proxy.net.failure import Failure
from proxy.net.filtering import act
from proxy.net.http2_server import ServerStream
from proxy.stack.classify import grpc_status
from proxy.stack.match import takes_everything
from proxy.tap.downstream import untapped
from proxy.telemetry.tally import BOUNDS
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import Headers, RequestHead, ResponseHead
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.inbound.beyond import Reached
    from proxy.net.exchange import Downstream
    from proxy.net.relay import Done
    from proxy.net.transport import Transport
    from proxy.stack.filters import Filter, HeaderModifier
    from proxy.stack.limit import RateLimiter
    from proxy.stack.match import Match
    from proxy.telemetry.registry import Counter
    from proxy.telemetry.request import RequestMetrics

CLIENT_ID = "l5d-client-id"

MAX_REFUSALS = 3
"""Times a request is sent again to an application that says that it did not act on it; then its client hears so."""


class Passage:
    """What a request of one client that a route admits passes through, and where it is counted."""

    __slots__ = ("allowed", "filters", "match", "requests", "route")

    def __init__(
        self,
        requests: RequestMetrics,
        allowed: Counter,
        filters: tuple[Filter, ...],
        match: Match,
        route: str,
    ) -> None:
        self.requests = requests
        self.allowed = allowed
        self.filters = filters
        self.match = match
        self.route = route


class InboundHttp:
    """The service of one accepted HTTP connection."""

    __slots__ = (
        "_known",
        "application",
        "cell",
        "client_id",
        "clock",
        "context",
        "inbound",
        "limiter",
        "only",
        "reactor",
        "version",
    )

    def __init__(self, inbound: Inbound, context: Arrived) -> None:
        self.inbound = inbound
        self.context = context
        identity = context.client.identity
        self.client_id = identity.encode("ascii") if identity else None
        self.cell = context.cell
        self.reactor = inbound.reactor
        self.clock = inbound.reactor.clock
        target = context.target
        self.application: Reached | None = (
            None if inbound.is_own(target) else inbound.application(target)
        )
        """None: a request would come back to this proxy."""
        self.only: Passage | None = None
        """The passage of every request, once known to be the same for all."""
        self.limiter: RateLimiter | None = None
        self.version = -1
        """Of the policy that `only` and `limiter` were made from."""
        self._known: dict[tuple[int, int], Passage] = {}

    def call(self, head: RequestHead, downstream: Downstream) -> InboundCall:
        return InboundCall(head, downstream, self)

    @property
    def informational(self) -> bool:
        return self.client_id is not None

    def refused(self, failure: Failure) -> None:
        self.inbound.request_failed(self.context, failure, None)

    def authorize(self, head: RequestHead) -> Passage:
        """The passage of a request. Raises Denied or RouteNotFound.

        What a route's authorizations say of this client cannot change before the policy does, so
        it is decided once per route and connection.
        """
        cell = self.cell
        if self.version == cell.version:
            if self.only is not None:
                return self.only
        else:
            self.version = cell.version
            self._known.clear()
            self.only = None
            self.limiter = self.inbound.limiter(cell)
        policy = cell.current
        route, index, match = find_route(policy, head)
        key = (id(route), id(match))
        known = self._known.get(key)
        if known is None:
            allowed = authorize_http(policy, route, self.context.client)
            authorization = allowed.authorization.labels("authz")
            requests, counter = self.inbound.route(self.context, route, authorization)
            filters = route.rules[index].filters
            known = Passage(requests, counter, filters, match, route.meta.name)
            self._known[key] = known
            if takes_everything(policy.routes):
                self.only = known
        return known


class InboundCall(Call):
    """A request from another pod."""

    __slots__ = (
        "_asked",
        "_began",
        "_carried",
        "_error",
        "_grpc",
        "_passage",
        "_service",
        "_status",
    )

    def __init__(self, head: RequestHead, downstream: Downstream, service: InboundHttp) -> None:
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
        self._service = service
        self._carried = False
        self._metrics = None
        self._sent_at = 0.0
        self._reactor = service.reactor
        self._passage: Passage | None = None
        self._status = 0
        self._error: str | None = None
        self._grpc: int | None = None
        self._began = service.clock()
        service.inbound.in_flight += 1

    @property
    def service(self) -> InboundHttp:
        return self._service

    @property
    def outcome(self) -> tuple[int, int | None, str | None]:
        """HTTP status (0: no response yet), gRPC status, and the name of our own error."""
        return self._status, self._grpc, self._error

    # --- the request ----------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        service = self._service
        inbound = service.inbound
        if inbound.in_flight > inbound.max_in_flight:
            self._answer(Failure(errors.LOAD_SHED))
            return
        head = self.head
        if head.version == HTTP_2:
            self._carried = restore_request(head)
            if self._carried:
                to_http1(head)
        elif head.upgrade:
            self._asked = Asked(head)
            _replace_mesh_headers(self._asked.headers, service.client_id)
        _replace_mesh_headers(head.headers, service.client_id)
        if inbound.observers:
            self._observe("request")
        try:
            passage = service.only
            if passage is None or service.version != service.cell.version:
                passage = service.authorize(head)
        except Denied as denied:
            where = service.context.labels
            if denied.route is not None:
                where += denied.route.labels("route")
            inbound.denied.child(where).value += 1
            self._answer(Failure(errors.UNAUTHORIZED, str(denied)))
            return
        except RouteNotFound as missing:
            inbound.no_route.child(service.context.server + service.context.tls).value += 1
            self._answer(Failure(errors.ROUTE_NOT_FOUND, str(missing)))
            return
        passage.allowed.value += 1
        self._metrics = metrics = passage.requests
        self._passage = passage
        metrics.requests += 1
        if service.limiter is not None and self._exceeds(service.limiter):
            return
        if passage.filters and self._filter(passage):
            return
        application = service.application
        if application is None:
            self._answer(Failure(errors.LOOP_PREVENTED, str(service.context.target)))
        else:
            application.start(self, ends)

    def _exceeds(self, limiter: RateLimiter) -> bool:
        """Whether the port's rate limit refuses the request."""
        service = self._service
        context = service.context
        scope = limiter.check(self._began, context.client.identity)
        if scope is None:
            return False
        service.inbound.rate_limited(context, scope)
        self._answer(Failure(errors.RATE_LIMITED, f"limit of {scope}"))
        return True

    def _filter(self, passage: Passage) -> bool:
        """Let the route's filters act; True when one of them answered."""
        modifiers: list[HeaderModifier] = []
        informational = self._service.informational
        try:
            head = act(
                passage.filters, self.head, passage.match, modifiers, informational=informational
            )
        except Failure as failure:
            self._answer(failure)
            return True
        if modifiers:
            # No policy of a port has such a filter (they are refused when they arrive).
            self._answer(Failure(errors.INVALID_POLICY, "a response filter on an inbound route"))
            return True
        if head is None:
            return False
        self.responded = True
        self._status = head.status
        self._grpc = grpc_status(head.headers)
        self.downstream.respond(head, True)
        self.finish(None, None)
        return True

    def on_failure(self, failure: Failure) -> None:
        service = self._service
        downstream = untapped(self.downstream)
        lost = failure.unprocessed and failure.kind is errors.CONNECTION_LOST
        refused = lost and self.head.version == HTTP_2
        if lost and self.can_repeat and not (refused and self.attempt >= MAX_REFUSALS):
            # The application closed a kept connection just then; a fresh one tells the truth.
            assert service.application is not None
            self.attempt += 1
            service.application.start(self, self.bodiless)
        elif isinstance(downstream, ServerStream) and (refused or self._leaving(failure)):
            # The client's proxy may send this elsewhere.
            downstream.refuse()
            self._error = failure.kind.name
            self.finish(None, failure)
        else:
            self._answer(failure)

    def _leaving(self, failure: Failure) -> bool:
        """The application stopped, or is about to, and the request never reached it."""
        if not failure.unprocessed:
            return False
        if self._service.inbound.draining:
            return True
        application = self._service.application
        refused = failure.kind is errors.CONNECT_REFUSED
        return refused and application is not None and application.seems_to_leave()

    def _answer(self, failure: Failure) -> None:
        service = self._service
        kind = failure.kind
        self._error = kind.name
        inbound = service.inbound
        inbound.request_failed(service.context, failure, self._passage)
        self.responded = True
        head = answer(self.head, self.downstream, failure, informational=service.informational)
        self._status = head.status
        self._grpc = grpc_status(head.headers)
        self.finish(None, failure)

    # --- the response ---------------------------------------------------------------------

    def on_response(self, head: ResponseHead) -> None:
        self._status = head.status
        headers = head.headers
        if head.version != HTTP_2:
            if self._carried:
                note_response(head)
        else:
            self._grpc = grpc_status(headers)
        if self._service.inbound.observers:
            self._observe("response")

    def on_tunnel(self, near: Transport, done: Done) -> Done:
        service = self._service
        return Tunnel(service.inbound, service.context, self._asked, near, done).over

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        inbound = self._service.inbound
        inbound.in_flight -= 1
        if inbound.observers:
            if trailers is not None and self._grpc is None:
                self._grpc = grpc_status(trailers)
            self._observe("end")
        metrics = self._metrics
        status = self._status
        if metrics is None or not status:
            return
        grpc = self._grpc
        if trailers is not None and grpc is None:
            grpc = grpc_status(trailers)
        error = self._error
        if failure is not None and error is None and failure.kind is not errors.CLIENT_GONE:
            error = failure.kind.name
        ending = (status, grpc, error)
        tally = metrics.outcomes.get(ending) or metrics.outcome(ending)
        # As `Tally.observe` does; this is done for every request.
        now = self._service.clock()
        elapsed = (now - self._began) * 1000.0
        tally.counts[bisect_left(BOUNDS, elapsed)] += 1
        tally.sum += elapsed
        if self._sent_at - self._began > TOGETHER or not self.request_ended:
            metrics.waits.correct(elapsed, self.since_sent(now))

    def _observe(self, event: str) -> None:
        for observer in tuple(self._service.inbound.observers):
            observer(self, event)

    def __repr__(self) -> str:
        return f"<InboundCall {self.head!r}>"


def _replace_mesh_headers(headers: Headers, client_id: bytes | None) -> None:
    """No client may speak in the mesh's name: `l5d-*` is ours."""
    names = headers.keys()
    if "l5d-" in "\n".join(names):
        for name in names:
            if name.startswith("l5d-"):
                del headers[name]
    if client_id is not None:
        headers[CLIENT_ID] = client_id
