"""`outbound.proto` to plain values: how to treat traffic for a destination.

What the proxy refuses is Linkerd's list (client-policy validation): anything that would have to be
guessed makes the whole policy unusable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from proxy.control import translate
from proxy.control.translate_destination import endpoint
from proxy.control.watch import UnusableMessageError
from proxy.discovery.policy import (
    DEFAULT_DECAY,
    DEFAULT_RTT,
    Backend,
    Balancer,
    ConsecutiveFailures,
    Distribution,
    DistributionKind,
    Failing,
    FailureAccrual,
    Forward,
    OutboundPolicy,
    Penalty,
    Protocol,
    Retry,
    Route,
    RouteBackend,
    Rule,
    Timeouts,
    UnifiedFailures,
)
from proxy.stack.backoff import Backoff
from proxy.stack.filters import Filter, Forbidden, Invalid, ResponseHeaderModifier
from weftapi.proxy import http_route_pb2, outbound_pb2

if TYPE_CHECKING:
    from google.protobuf import duration_pb2

_HttpLikeRule = outbound_pb2.HttpRoute.Rule | outbound_pb2.GrpcRoute.Rule
_StreamRoute = outbound_pb2.OpaqueRoute | outbound_pb2.TlsRoute
_AnyDistribution = (
    outbound_pb2.HttpRoute.Distribution
    | outbound_pb2.GrpcRoute.Distribution
    | outbound_pb2.OpaqueRoute.Distribution
    | outbound_pb2.TlsRoute.Distribution
)
_AnyRouteBackend = (
    outbound_pb2.HttpRoute.RouteBackend
    | outbound_pb2.GrpcRoute.RouteBackend
    | outbound_pb2.OpaqueRoute.RouteBackend
    | outbound_pb2.TlsRoute.RouteBackend
)
_F = TypeVar("_F")
_FilterOf = Callable[[_F], Filter]


def policy(message: outbound_pb2.OutboundPolicy) -> OutboundPolicy:
    """Raises UnusableMessageError."""
    parent = translate.meta(message.metadata)
    kind = message.protocol.WhichOneof("kind")
    protocol = message.protocol
    if kind == "detect":
        return _detect(protocol.detect, message)
    if kind == "opaque":
        return OutboundPolicy(
            Protocol.OPAQUE, parent, opaque=tuple(map(_opaque_route, protocol.opaque.routes))
        )
    if kind == "http1":
        return OutboundPolicy(Protocol.HTTP1, parent, http1=_http_routes(protocol.http1))
    if kind == "http2":
        return OutboundPolicy(Protocol.HTTP2, parent, http2=_http_routes(protocol.http2))
    if kind == "grpc":
        return OutboundPolicy(Protocol.GRPC, parent, grpc=_grpc_routes(protocol.grpc))
    if kind == "tls":
        return OutboundPolicy(Protocol.TLS, parent, tls=tuple(map(_tls_route, protocol.tls.routes)))
    raise UnusableMessageError("the protocol of a policy is missing")


def _detect(
    detect: outbound_pb2.ProxyProtocol.Detect, message: outbound_pb2.OutboundPolicy
) -> OutboundPolicy:
    for field in ("timeout", "opaque", "http1", "http2"):
        if not detect.HasField(field):
            raise UnusableMessageError(f"protocol detection comes without {field}")
    return OutboundPolicy(
        Protocol.DETECT,
        translate.meta(message.metadata),
        translate.seconds(detect.timeout),
        http1=_http_routes(detect.http1),
        http2=_http_routes(detect.http2),
        opaque=tuple(map(_opaque_route, detect.opaque.routes)),
    )


# --- routes ---------------------------------------------------------------------------------


def _http_routes(
    message: outbound_pb2.ProxyProtocol.Http1 | outbound_pb2.ProxyProtocol.Http2,
) -> tuple[Route, ...]:
    accrual = _accrual_of(message)
    return tuple(
        Route(
            translate.meta(one.metadata),
            tuple(_http_rule(rule, accrual) for rule in one.rules),
            tuple(map(translate.host, one.hosts)),
        )
        for one in message.routes
    )


def _grpc_routes(message: outbound_pb2.ProxyProtocol.Grpc) -> tuple[Route, ...]:
    accrual = _accrual_of(message)
    return tuple(
        Route(
            translate.meta(one.metadata),
            tuple(_grpc_rule(rule, accrual) for rule in one.rules),
            tuple(map(translate.host, one.hosts)),
        )
        for one in message.routes
    )


def _opaque_route(message: outbound_pb2.OpaqueRoute) -> Route:
    return Route(translate.meta(message.metadata), _stream_rules(message))


def _tls_route(message: outbound_pb2.TlsRoute) -> Route:
    return Route(
        translate.meta(message.metadata),
        _stream_rules(message),
        tuple(map(translate.host, message.snis)),
    )


def _stream_rules(message: _StreamRoute) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            _distribution(rule.backends, _stream_filter, None),
            filters=tuple(map(_stream_filter, rule.filters)),
        )
        for rule in message.rules
    )


def _http_rule(message: outbound_pb2.HttpRoute.Rule, accrual: FailureAccrual | None) -> Rule:
    return Rule(
        _distribution(message.backends, _http_filter, accrual),
        tuple(map(translate.http_match, message.matches)),
        tuple(map(_http_filter, message.filters)),
        _timeouts(message),
        _http_retry(message.retry) if message.HasField("retry") else None,
        message.allow_l5d_request_headers,
    )


def _grpc_rule(message: outbound_pb2.GrpcRoute.Rule, accrual: FailureAccrual | None) -> Rule:
    return Rule(
        _distribution(message.backends, _grpc_filter, accrual),
        tuple(map(translate.grpc_match, message.matches)),
        tuple(map(_grpc_filter, message.filters)),
        _timeouts(message),
        _grpc_retry(message.retry) if message.HasField("retry") else None,
        message.allow_l5d_request_headers,
    )


# --- timeouts and retries -------------------------------------------------------------------


def _timeouts(message: _HttpLikeRule) -> Timeouts:
    """`timeouts` when sent, else the deprecated `requestTimeout` beside it."""
    if message.HasField("timeouts"):
        given: http_route_pb2.Timeouts = message.timeouts
        return Timeouts(
            request=_optional(given.request, given.HasField("request")),
            response=_optional(given.response, given.HasField("response")),
            idle=_optional(given.idle, given.HasField("idle")),
        )
    return Timeouts(request=_optional(message.requestTimeout, message.HasField("requestTimeout")))


def _http_retry(message: outbound_pb2.HttpRoute.Retry) -> Retry:
    if not (message.HasField("conditions") and message.HasField("backoff")):
        raise UnusableMessageError("a retry comes without conditions or without back-off")
    return Retry(
        message.max_retries,
        message.max_request_bytes,
        statuses=tuple((one.start, one.end) for one in message.conditions.status_ranges),
        timeout=_optional(message.timeout, message.HasField("timeout")),
        backoff=_backoff(message.backoff),
    )


def _grpc_retry(message: outbound_pb2.GrpcRoute.Retry) -> Retry:
    if not (message.HasField("conditions") and message.HasField("backoff")):
        raise UnusableMessageError("a retry comes without conditions or without back-off")
    given = message.conditions
    codes = {
        1: given.cancelled,
        4: given.deadine_exceeded,
        8: given.resource_exhausted,
        13: given.internal,
        14: given.unavailable,
    }
    return Retry(
        message.max_retries,
        message.max_request_bytes,
        grpc_codes=frozenset(code for code, retried in codes.items() if retried),
        timeout=_optional(message.timeout, message.HasField("timeout")),
        backoff=_backoff(message.backoff),
    )


def _backoff(message: outbound_pb2.ExponentialBackoff) -> Backoff:
    minimum, maximum = (
        translate.seconds(message.min_backoff),
        translate.seconds(message.max_backoff),
    )
    if minimum > maximum:
        raise UnusableMessageError(f"a back-off from {minimum}s to {maximum}s")
    if not 0 <= message.jitter_ratio <= 100:
        raise UnusableMessageError(f"a back-off with jitter {message.jitter_ratio}")
    return Backoff(minimum, maximum, message.jitter_ratio)


def _optional(message: duration_pb2.Duration, given: bool) -> float | None:
    return translate.seconds(message) if given else None


# --- filters --------------------------------------------------------------------------------


def _http_filter(message: outbound_pb2.HttpRoute.Filter) -> Filter:
    kind = message.WhichOneof("kind")
    if kind == "failure_injector":
        return translate.fail_http(message.failure_injector)
    if kind == "request_header_modifier":
        return translate.request_header_modifier(message.request_header_modifier)
    if kind == "redirect":
        return translate.redirect(message.redirect)
    if kind == "response_header_modifier":
        return ResponseHeaderModifier(translate.header_modifier(message.response_header_modifier))
    raise UnusableMessageError("an HTTP filter is of a kind this proxy does not know")


def _grpc_filter(message: outbound_pb2.GrpcRoute.Filter) -> Filter:
    kind = message.WhichOneof("kind")
    if kind == "failure_injector":
        return translate.fail_grpc(message.failure_injector)
    if kind == "request_header_modifier":
        return translate.request_header_modifier(message.request_header_modifier)
    raise UnusableMessageError("a gRPC filter is of a kind this proxy does not know")


def _stream_filter(
    message: outbound_pb2.OpaqueRoute.Filter | outbound_pb2.TlsRoute.Filter,
) -> Filter:
    kind = message.WhichOneof("kind")
    if kind == "invalid":
        return Invalid(message.invalid.message)
    if kind == "forbidden":
        return Forbidden()
    raise UnusableMessageError("a TCP filter is of a kind this proxy does not know")


# --- backends -------------------------------------------------------------------------------


def _distribution(
    message: _AnyDistribution, to_filter: _FilterOf[_F], accrual: FailureAccrual | None
) -> Distribution:
    kind = message.WhichOneof("kind")
    if kind == "empty":
        return Distribution(DistributionKind.EMPTY)
    if kind == "first_available":
        first = message.first_available.backends
        backends = tuple(_route_backend(one, 1, to_filter, accrual) for one in first)
        found = Distribution(DistributionKind.FIRST_AVAILABLE, backends)
    elif kind == "random_available":
        weighted = message.random_available.backends
        backends = tuple(
            _route_backend(one.backend, one.weight, to_filter, accrual) for one in weighted
        )
        found = Distribution(DistributionKind.RANDOM_AVAILABLE, backends)
    else:
        raise UnusableMessageError("a rule does not say where traffic goes")
    if not backends:
        raise UnusableMessageError("a rule has no backends")
    return found


def _route_backend(
    message: _AnyRouteBackend,
    weight: int,
    to_filter: _FilterOf[_F],
    accrual: FailureAccrual | None,
) -> RouteBackend:
    if not message.HasField("backend"):
        raise UnusableMessageError("a route's backend is missing")
    filters: Sequence[_F] = message.filters  # type: ignore[assignment]
    return RouteBackend(_backend(message.backend, accrual), weight, tuple(map(to_filter, filters)))


def _backend(message: outbound_pb2.Backend, accrual: FailureAccrual | None) -> Backend:
    if not (message.HasField("queue") and message.queue.HasField("failfast_timeout")):
        raise UnusableMessageError("a backend comes without a queue or its failfast timeout")
    meta = translate.meta(message.metadata)
    dispatcher: Forward | Balancer | Failing
    kind = message.WhichOneof("kind")
    if kind == "forward":
        dispatcher = Forward(endpoint(message.forward))
    elif kind == "balancer":
        dispatcher = _balancer(message.balancer)
    else:
        dispatcher = Failing(f"{meta.kind} {meta.name} has no dispatcher")
    return Backend(
        meta,
        dispatcher,
        message.queue.capacity,
        translate.seconds(message.queue.failfast_timeout),
        accrual,
    )


def _balancer(message: outbound_pb2.Backend.BalanceP2c) -> Balancer:
    if message.discovery.WhichOneof("kind") != "dst":
        raise UnusableMessageError("a balancer does not say whose endpoints it balances over")
    authority = message.discovery.dst.path
    load = message.WhichOneof("load")
    if load == "peak_ewma":
        ewma = message.peak_ewma
        if not (ewma.HasField("default_rtt") and ewma.HasField("decay")):
            raise UnusableMessageError("a balancer's load comes without default_rtt or decay")
        return Balancer(
            authority, translate.seconds(ewma.default_rtt), translate.seconds(ewma.decay)
        )
    if load == "penalty_peak_ewma":
        return _penalty_balancer(authority, message.penalty_peak_ewma)
    raise UnusableMessageError("a balancer does not say how load is measured")


def _penalty_balancer(
    authority: str, message: outbound_pb2.Backend.BalanceP2c.PenaltyPeakEwma
) -> Balancer:
    def given(field: str, default: float) -> float:
        if not message.HasField(field):
            return default
        return translate.seconds(getattr(message, field))

    usual = Penalty()
    return Balancer(
        authority,
        given("default_rtt", DEFAULT_RTT),
        given("decay", DEFAULT_DECAY),
        Penalty(
            given("penalty", usual.latency),
            given("penalty_decay", usual.decay),
            given("max_retry_after", usual.max_retry_after),
        ),
    )


# --- failure accrual ------------------------------------------------------------------------


def _accrual_of(
    message: outbound_pb2.ProxyProtocol.Http1
    | outbound_pb2.ProxyProtocol.Http2
    | outbound_pb2.ProxyProtocol.Grpc,
) -> FailureAccrual | None:
    if not message.HasField("failure_accrual"):
        return None
    accrual = message.failure_accrual
    kind = accrual.WhichOneof("kind")
    if kind == "consecutive_failures":
        if not accrual.consecutive_failures.HasField("backoff"):
            raise UnusableMessageError("a failure accrual comes without back-off")
        return ConsecutiveFailures(
            accrual.consecutive_failures.max_failures,
            _backoff(accrual.consecutive_failures.backoff),
        )
    if kind == "unified":
        return _unified(accrual.unified)
    raise UnusableMessageError("a failure accrual is of a kind this proxy does not know")


def _unified(message: outbound_pb2.FailureAccrual.Unified) -> UnifiedFailures:
    threshold, window = message.success_rate_threshold, translate.seconds(message.decay)
    if not 0 <= threshold <= 1:
        raise UnusableMessageError(f"a success rate threshold of {threshold}")
    if threshold and (window < 0.01 or message.min_requests > 1_000_000):
        raise UnusableMessageError(
            f"a success rate over {window}s and {message.min_requests} requests"
        )
    if not message.HasField("backoff"):
        raise UnusableMessageError("a failure accrual comes without back-off")
    return UnifiedFailures(
        threshold,
        window,
        message.min_requests,
        message.max_consecutive_failures,
        _backoff(message.backoff),
    )
