"""One outbound request, from its route to the last byte of its response."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_1_1, HTTP_2, Headers, ResponseHead
from proxy.codec.upgrade import restore_response
from proxy.net.answer import CONNECTION, answer
from proxy.net.exchange import Call
from proxy.net.failure import Failure
from proxy.stack.classify import grpc_status, is_success
from proxy.stack.filters import (
    FailGrpc,
    FailHttp,
    Forbidden,
    Invalid,
    Redirect,
    RequestHeaderModifier,
    ResponseHeaderModifier,
    injects,
)
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.net.exchange import Downstream
    from proxy.outbound.accept import Outbound
    from proxy.outbound.concrete import Concrete, EndpointMember
    from proxy.outbound.endpoint import EndpointClient
    from proxy.outbound.logical import Logical
    from proxy.stack.filters import Filter, HeaderModifier
    from proxy.telemetry.request import RequestMetrics

REQUIRE_ID = "l5d-require-id"
MAX_TRIES = 4
"""Times a request that had no effect is sent: enough to get past endpoints that are just leaving."""


class OutboundHttp:
    """The service of one accepted HTTP connection."""

    __slots__ = ("clock", "logical", "max_in_flight", "outbound")

    def __init__(self, outbound: Outbound, logical: Logical) -> None:
        self.outbound = outbound
        self.logical = logical
        self.clock = outbound.reactor.clock
        self.max_in_flight = outbound.settings.max_in_flight

    def call(self, head: RequestHead, downstream: Downstream) -> OutboundCall:
        return OutboundCall(head, downstream, self)


class OutboundCall(Call):
    """A request of the application."""

    __slots__ = (
        "_answered_at",
        "_clock",
        "_error",
        "_grpc",
        "_member",
        "_metrics",
        "_modifiers",
        "_required",
        "_service",
        "_status",
        "_tries",
        "began",
        "carried",
        "concrete",
        "endpoint",
    )

    def __init__(self, head: RequestHead, downstream: Downstream, service: OutboundHttp) -> None:
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
        self.carried = False
        """The request travels as HTTP/2 and was HTTP/1."""
        self.concrete: Concrete | None = None
        self.endpoint: EndpointClient | None = None
        self._service = service
        self._member: EndpointMember | None = None
        self._metrics: RequestMetrics | None = None
        self._modifiers: list[HeaderModifier] | None = None
        self._required: str | None = None
        """The identity the endpoint must have, because the request says so."""
        self._status = 0
        self._grpc: int | None = None
        self._error: str | None = None
        self._tries = 0
        self._answered_at = 0.0
        self._clock = clock = service.clock
        self.began = clock()
        service.outbound.in_flight += 1

    @property
    def service(self) -> OutboundHttp:
        return self._service

    # --- the request ----------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        service = self._service
        outbound = service.outbound
        if outbound.in_flight > service.max_in_flight:
            self._answer(Failure(errors.LOAD_SHED))
            return
        head = self.head
        logical = service.logical
        if not head.authority:
            # HTTP/1.0 without Host: the address is all the application said.
            head.authority = str(logical.target.address)
            if head.version != HTTP_2:
                head.headers["host"] = head.authority
        required = head.headers.get(REQUIRE_ID)
        if required is not None:
            self._required = required.decode("latin-1")
            del head.headers[REQUIRE_ID]
        try:
            rule, concrete = logical.only.get(head.version == HTTP_2) or logical.route(head)
            if rule.filters and self._filter(rule.filters):
                return
        except Failure as failure:
            self._answer(failure)
            return
        self.concrete = concrete
        concrete.dispatch(self)

    def _filter(self, filters: tuple[Filter, ...]) -> bool:
        """Act on the route's filters; True when one of them answered. Raises Failure."""
        chance = random.random()  # noqa: S311 (which requests fail, not a secret)
        for item in filters:
            if isinstance(item, RequestHeaderModifier):
                item.modifier.apply(self.head.headers)
            elif isinstance(item, ResponseHeaderModifier):
                self._modifiers = [*(self._modifiers or ()), item.modifier]
            elif isinstance(item, FailHttp):
                if injects(item, chance):
                    self._respond(item.status, item.message)
                    return True
            elif isinstance(item, FailGrpc):
                if injects(item, chance):
                    headers = Headers([("content-type", b"application/grpc")])
                    headers["grpc-status"] = str(item.code)
                    self._respond(200, item.message, headers)
                    return True
            elif isinstance(item, Redirect):
                raise Failure(errors.INVALID_POLICY, "redirects are not served by this proxy")
            elif isinstance(item, Forbidden):
                raise Failure(errors.FORBIDDEN_ROUTE)
            elif isinstance(item, Invalid):
                raise Failure(errors.INVALID_POLICY, item.message)
        return False

    def go(self, client: EndpointClient, member: EndpointMember | None, authority: str) -> None:
        """Be sent to an endpoint."""
        self._tries += 1
        self.endpoint = client
        if self._service.outbound.observers:
            self._observe("request")
        if self._required is not None and self._required != client.endpoint.identity:
            shown = client.endpoint.identity or "has no identity"
            detail = f"{client.endpoint.address} should be {self._required}: {shown}"
            self._answer(Failure(errors.IDENTITY_MISMATCH, detail))
            return
        if member is not None:
            member.pending += 1
            self._member = member
        metrics = self._metrics = client.measured.get(authority) or client.metrics(authority)
        metrics.request.value += 1
        client.start(self, (self.request_ended and self.kept is None) or self.bodiless)

    def fail(self, failure: Failure) -> None:
        """There is no endpoint."""
        self._answer(failure)

    def on_failure(self, failure: Failure) -> None:
        self._let_go()
        concrete = self.concrete
        if (
            failure.unprocessed
            and concrete is not None
            and self.can_repeat
            and self._tries < MAX_TRIES
            and (concrete.balances or failure.kind is errors.CONNECTION_LOST)
        ):
            concrete.dispatch(self)
        else:
            self._answer(failure)

    # --- the response ---------------------------------------------------------------------

    def on_response(self, head: ResponseHead) -> None:
        self._answered_at = self._clock()
        self._status = head.status
        headers = head.headers
        if head.version == HTTP_2:
            if self.carried:
                restore_response(head)
            else:
                self._grpc = grpc_status(headers)
        if head.status >= 400 and CONNECTION in headers:
            del headers[CONNECTION]
            if self._member is None and self.downstream.is_http1:
                self.downstream.close_after_response()
        if self._modifiers is not None:
            for modifier in self._modifiers:
                modifier.apply(headers)
        if self._service.outbound.observers:
            self._observe("response")

    def _answer(self, failure: Failure) -> None:
        outbound = self._service.outbound
        if self.endpoint is None and outbound.observers:
            self._observe("request")
        kind = failure.kind
        self._error = kind.name
        outbound.http_errors.child((("error", kind.name),)).value += 1
        self.responded = True
        head = answer(
            self.head,
            self.downstream,
            failure,
            informational=not outbound.settings.disable_informational_headers,
        )
        self._status = head.status
        self._grpc = grpc_status(head.headers)
        self.finish(None, failure)

    def _respond(self, status: int, message: str, headers: Headers | None = None) -> None:
        """An answer the policy asks for, which is not a fault."""
        if self._service.outbound.observers:
            self._observe("request")
        self.responded = True
        if headers is None:
            headers = Headers([("content-length", b"0")])
        if message:
            headers["l5d-proxy-error"] = message.encode("ascii", "replace")
        self._status = status
        self.downstream.respond(ResponseHead(status, headers, HTTP_1_1, None), True)
        self.finish(None, None)

    # --- the end --------------------------------------------------------------------------

    def _let_go(self) -> None:
        """This endpoint's part is over; teach the balancer if there was an answer."""
        member, self._member = self._member, None
        if member is not None:
            if self._answered_at:
                member.finish(self._answered_at - self.began, self._clock())
            else:
                member.release()

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        outbound = self._service.outbound
        outbound.in_flight -= 1
        now = self._clock()
        member = self._member
        if member is not None:
            self._member = None
            if self._answered_at:
                member.finish(self._answered_at - self.began, now)
            else:
                member.release()
        if outbound.observers:
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
        latency.observe((now - self.began) * 1000.0)

    def _observe(self, event: str) -> None:
        for observer in tuple(self._service.outbound.observers):
            observer(self, event)

    def __repr__(self) -> str:
        return f"<OutboundCall {self.head!r} to {self.endpoint!r}>"
