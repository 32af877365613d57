"""One inbound request: its route, whether its client may, what the application sees, what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.authz.decide import Denied, RouteNotFound, authorize_http, find_route
from proxy.codec.message import HTTP_2
from proxy.codec.upgrade import note_response, restore_request, to_http1
from proxy.net.answer import answer
from proxy.net.exchange import Call
from proxy.net.failure import Failure
from proxy.net.http2_server import ServerStream
from proxy.stack.classify import grpc_status, is_success
from proxy.stack.match import takes_everything
from proxy.tap.downstream import untapped
from proxy.telemetry import labels
from weft import errors

if TYPE_CHECKING:
    from proxy.authz.policy import Route
    from proxy.codec.message import Headers, RequestHead, ResponseHead
    from proxy.inbound.accept import Arrived, Inbound
    from proxy.net.exchange import Downstream
    from proxy.telemetry.registry import Counter, Labels
    from proxy.telemetry.request import RequestMetrics

CLIENT_ID = "l5d-client-id"


class RouteMetrics:
    """The series of one route, client and authorization."""

    __slots__ = ("allowed", "requests")

    def __init__(self, requests: RequestMetrics, allowed: Counter) -> None:
        self.requests = requests
        self.allowed = allowed


class InboundHttp:
    """The service of one accepted HTTP connection."""

    __slots__ = (
        "_known",
        "_version",
        "application",
        "cell",
        "client_id",
        "clock",
        "context",
        "inbound",
        "max_in_flight",
        "only",
    )

    def __init__(self, inbound: Inbound, context: Arrived) -> None:
        self.inbound = inbound
        self.context = context
        identity = context.client.identity
        self.client_id = identity.encode("ascii") if identity else None
        self.cell = context.cell
        self.clock = inbound.reactor.clock
        self.max_in_flight = inbound.settings.max_in_flight
        target = context.target
        self.application = None if inbound.is_own(target) else inbound.application(target)
        """None: a request would come back to this proxy."""
        self.only: RouteMetrics | None = None
        """Where every request is counted that may pass, once known to be the same for all."""
        self._version = -1
        self._known: dict[int, RouteMetrics] = {}

    def call(self, head: RequestHead, downstream: Downstream) -> InboundCall:
        return InboundCall(head, downstream, self)

    def authorize(self, head: RequestHead) -> RouteMetrics:
        """Where to count a request that may pass. Raises Denied or RouteNotFound.

        What a route's authorizations say of this client cannot change before the policy does, so
        it is decided once per route and connection.
        """
        cell = self.cell
        if self._version == cell.version:
            if self.only is not None:
                return self.only
        else:
            self._version = cell.version
            self._known.clear()
            self.only = None
        policy = cell.current
        route, _rule = find_route(policy, head)
        known = self._known.get(id(route))
        if known is None:
            allowed = authorize_http(policy, route, self.context.client)
            known = self._resolve(route, allowed.authorization.labels("authz"))
            self._known[id(route)] = known
            if takes_everything(policy.routes):
                self.only = known
        return known

    def _resolve(self, route: Route, authorization: Labels) -> RouteMetrics:
        key = self.context.labels + route.meta.labels("route") + authorization
        inbound = self.inbound
        found = inbound.routes.get(key)
        if found is None:
            found = RouteMetrics(
                inbound.http_metrics.requests(labels.INBOUND + key), inbound.allowed.child(key)
            )
            if len(inbound.routes) < 10_000:
                inbound.routes[key] = found
        return found


class InboundCall(Call):
    """A request from another pod."""

    __slots__ = ("_began", "_carried", "_error", "_grpc", "_metrics", "_service", "_status")

    def __init__(self, head: RequestHead, downstream: Downstream, service: InboundHttp) -> None:
        # What `Call` says is repeated here: one object per request, and `super` costs a call.
        self.head = head
        self.downstream = downstream
        self.upstream = None
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
        self._metrics: RequestMetrics | None = None
        self._status = 0
        self._error: str | None = None
        self._grpc: int | None = None
        self._began = service.clock()
        service.inbound.in_flight += 1

    @property
    def service(self) -> InboundHttp:
        return self._service

    # --- the request ----------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        service = self._service
        inbound = service.inbound
        if inbound.in_flight > service.max_in_flight:
            self._answer(Failure(errors.LOAD_SHED))
            return
        head = self.head
        if head.version == HTTP_2:
            self._carried = restore_request(head)
            if self._carried:
                to_http1(head)
        _replace_mesh_headers(head.headers, service.client_id)
        if inbound.observers:
            self._observe("request")
        try:
            known = service.authorize(head)
        except Denied as denied:
            context = service.context
            inbound.denied.child(context.labels).value += 1
            self._answer(Failure(errors.UNAUTHORIZED, str(denied)))
            return
        except RouteNotFound as missing:
            inbound.no_route.child(service.context.server + service.context.tls).value += 1
            self._answer(Failure(errors.ROUTE_NOT_FOUND, str(missing)))
            return
        known.allowed.value += 1
        self._metrics = metrics = known.requests
        metrics.request.value += 1
        application = service.application
        if application is None:
            self._answer(Failure(errors.LOOP_PREVENTED, str(service.context.target)))
        else:
            application.start(self, ends)

    def on_failure(self, failure: Failure) -> None:
        service = self._service
        inbound = service.inbound
        downstream = untapped(self.downstream)
        if failure.unprocessed and failure.kind is errors.CONNECTION_LOST and self.can_repeat:
            # The application closed a kept connection just then; a fresh one tells the truth.
            assert service.application is not None
            service.application.start(self, self.bodiless)
        elif failure.unprocessed and inbound.draining and isinstance(downstream, ServerStream):
            # The application stopped first. The client's proxy may send this elsewhere.
            downstream.refuse()
            self._error = failure.kind.name
            self.finish(None, failure)
        else:
            self._answer(failure)

    def _answer(self, failure: Failure) -> None:
        service = self._service
        kind = failure.kind
        self._error = kind.name
        inbound = service.inbound
        where = labels.target(service.context.target)
        inbound.http_errors.child((*where, ("error", kind.name))).value += 1
        self.responded = True
        head = answer(
            self.head, self.downstream, failure, informational=service.client_id is not None
        )
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

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        inbound = self._service.inbound
        inbound.in_flight -= 1
        if inbound.observers:
            self._observe("end")
        metrics = self._metrics
        status = self._status
        if metrics is None or (not status and self._error is None):
            return
        grpc = self._grpc
        if trailers is not None and grpc is None:
            grpc = grpc_status(trailers)
        error = self._error
        if failure is not None and error is None and failure.kind is not errors.CLIENT_GONE:
            error = failure.kind.name
        count, latency = metrics.response(
            status, error is None and is_success(status, grpc), grpc, error
        )
        count.value += 1
        latency.observe((self._service.clock() - self._began) * 1000.0)

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
