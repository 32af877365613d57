"""Outbound policies as messages.

The messages of HTTP, gRPC, TLS and opaque routes are four sets of types with the same fields. What
they share is written once, for any of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from destination.model import Endpoint
from destination.policy.outbound import (
    Egress,
    EgressPolicy,
    OutboundPolicy,
    ServicePolicy,
    UndefinedPort,
)
from destination.policy.route import (
    CORE,
    EGRESS_NETWORK,
    POLICY_GROUP,
    SERVICE,
    Backend,
    Filter,
    Redirect,
    RequestHeaders,
    Route,
    Rule,
)
from destination.policy.traffic import (
    NO_TRAFFIC,
    Accrual,
    Penalty,
    Retry,
    Timeouts,
    Traffic,
    together,
)
from destination.translate import routes as to_routes
from destination.translate.endpoints import Http2Client, weighted_addr
from destination.translate.net import by_default, duration, resource
from kit.kube.objects import Key
from weft.addresses import SocketAddress
from weft.authority import service_name
from weftapi.proxy import grpc_route_pb2, http_route_pb2, meta_pb2, opaque_route_pb2
from weftapi.proxy import outbound_pb2 as pb

DETECT_TIMEOUT = 10.0
QUEUE_CAPACITY = 100
FAILFAST = 3.0
DEFAULT_RTT = 0.030
EWMA_DECAY = 10.0
RETRY_MAX_BYTES = 65_536
RETRY_BACKOFF = (0.025, 0.250, 1.0)  # least and most seconds, jitter ratio

HTTP_UNAVAILABLE, GRPC_UNAVAILABLE = 500, 13
"""What requests for a backend that cannot be reached are answered with."""
HTTP_FORBIDDEN, GRPC_FORBIDDEN = 403, 7
NOT_ALLOWED = "traffic not allowed"

_EGRESS = "egress-fallback"


@dataclass(frozen=True)
class Parent:
    """What all routes of one policy need to know."""

    backend: pb.Backend
    """Where traffic goes when a rule names no backend."""
    cluster_domain: str
    traffic: Traffic = NO_TRAFFIC
    allow: bool | None = None
    """Of an EgressNetwork: what becomes of the rest. None: there is no rest to speak of."""
    allow_l5d_headers: bool = False


def outbound_policy(
    policy: OutboundPolicy, cluster_domain: str, *, allow_l5d_headers: bool = False
) -> pb.OutboundPolicy:
    match policy:
        case ServicePolicy():
            metadata = _service_resource(policy.service, policy.port)
            backend = _balancer(policy.service, policy.port, cluster_domain, policy.traffic.penalty)
            parent = Parent(
                backend, cluster_domain, policy.traffic, allow_l5d_headers=allow_l5d_headers
            )
            protocol = _protocol(policy.protocol, policy.routes, parent)
        case EgressPolicy():
            at = policy.network
            port = policy.address.port
            metadata = resource(POLICY_GROUP, EGRESS_NETWORK, at.name, at.namespace, port)
            backend = _forward(metadata, policy.address)
            parent = Parent(
                backend, cluster_domain, policy.traffic, policy.allow, allow_l5d_headers
            )
            protocol = _protocol(policy.protocol, policy.routes, parent)
        case UndefinedPort():
            metadata = _service_resource(policy.service, policy.port)
            protocol = _undefined(metadata)
        case Egress():
            metadata = by_default(_EGRESS)
            parent = Parent(_forward(metadata, policy.address), cluster_domain)
            protocol = _protocol("detect", (), parent, names=(_EGRESS, _EGRESS))
    return pb.OutboundPolicy(protocol=protocol, metadata=metadata)


def _service_resource(at: Key, port: int) -> meta_pb2.Metadata:
    return resource(CORE, SERVICE, at.name, at.namespace, port)


# -- protocols -----------------------------------------------------------------------------------
def _protocol(
    protocol: str,
    routes: tuple[Route, ...],
    parent: Parent,
    names: tuple[str, str] = ("http", "opaq"),
) -> pb.ProxyProtocol:
    """`names` are those of the routes for everything, where nobody wrote routes."""
    kinds = pb.ProxyProtocol
    accrual = _accrual(parent.traffic.accrual)
    http_name, opaque_name = names
    match protocol:
        case "grpc":
            grpc = _or_default(_HTTP_LIKE["grpc"], routes, parent, "grpc")
            return kinds(grpc=kinds.Grpc(routes=grpc, failure_accrual=accrual))
        case "tls":
            tls = _or_default(_STREAMS["tls"], routes, parent, "tls")
            return kinds(tls=kinds.Tls(routes=tls))
        case "opaque":
            tcp = _or_default(_STREAMS["tcp"], routes, parent, opaque_name)
            return kinds(opaque=kinds.Opaque(routes=tcp))
    http = _or_default(_HTTP_LIKE["http"], routes, parent, http_name)
    http1 = kinds.Http1(routes=http, failure_accrual=accrual)
    http2 = kinds.Http2(routes=http, failure_accrual=accrual)
    match protocol:
        case "http1":
            return kinds(http1=http1)
        case "http2":
            return kinds(http2=http2)
    opaque = _or_default(_STREAMS["tcp"], (), parent, opaque_name)
    detect = kinds.Detect(
        timeout=duration(DETECT_TIMEOUT),
        opaque=kinds.Opaque(routes=opaque),
        http1=http1,
        http2=http2,
    )
    return kinds(detect=detect)


def _or_default(shape: "_Shape", routes: tuple[Route, ...], parent: Parent, name: str) -> list[Any]:
    """The routes, and one for everything where there are none or there is a rest to speak of."""
    made = [shape.route(route, parent) for route in routes]
    if parent.allow is not None:
        word = "allow" if parent.allow else "deny"
        made.append(shape.everything(f"{shape.name}-egress-{word}", parent, parent.allow))
    elif not made:
        made.append(shape.everything(name, parent, True))
    return made


def _undefined(metadata: meta_pb2.Metadata) -> pb.ProxyProtocol:
    parent = Parent(pb.Backend(metadata=metadata, queue=_queue()), "")
    route = _STREAMS["tcp"].everything("undefined-port", parent, False)
    return pb.ProxyProtocol(opaque=pb.ProxyProtocol.Opaque(routes=[route]))


# -- routes --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Shape:
    """How the routes of one protocol are written."""

    name: str
    kinds: Any
    """The class of the protocol's routes, with all others of it inside."""
    forbid: Callable[[], Any]
    """The filter that refuses traffic a policy forbids."""
    fail: Callable[[str], Any]
    """The filter that refuses traffic whose backend cannot be reached, saying why."""
    filters: Callable[[Iterable[Filter]], list[Any]]
    matches: Callable[[Iterable[Any]], list[Any]] | None = None
    """None for streams of bytes, which have no matches, time-outs and retries."""
    retry: Callable[[Retry], Any] = lambda retry: None
    hosts: tuple[str, Callable[[Iterable[str]], list[Any]]] | None = None
    """The field of host names, and how they are written."""

    def route(self, route: Route, parent: Parent) -> Any:
        at = route.key
        made = self.kinds(
            metadata=resource(route.group, route.kind, at.name, at.namespace),
            rules=[
                self._rule(rule, parent, together(parent.traffic, route.traffic))
                for rule in route.rules
            ],
        )
        if self.hosts is not None:
            field, write = self.hosts
            getattr(made, field).extend(write(route.hosts))
        return made

    def everything(self, name: str, parent: Parent, allowed: bool) -> Any:
        """The route of what no other speaks of, to where the parent's traffic goes."""
        rule = self._rule(Rule(), parent, parent.traffic)
        if not allowed:
            rule.filters.append(self.forbid())
        return self.kinds(metadata=by_default(name), rules=[rule])

    def _rule(self, rule: Rule, parent: Parent, asked: Traffic) -> Any:
        made = self.kinds.Rule(
            backends=self._distribution(rule.backends, parent),
            filters=self.filters(rule.filters),
        )
        if self.matches is None:
            return made
        made.matches.extend(self.matches(rule.matches))
        made.allow_l5d_request_headers = parent.allow_l5d_headers
        timeouts = _own(rule, asked.timeouts)
        if timeouts:
            made.timeouts.CopyFrom(_timeouts(timeouts))
            if timeouts.request is not None:
                made.requestTimeout.CopyFrom(duration(timeouts.request))
        retry = self.retry(asked.retry) if asked.retry is not None else None
        if retry is not None:
            made.retry.CopyFrom(retry)
        return made

    def _distribution(self, backends: tuple[Backend, ...], parent: Parent) -> Any:
        kinds = self.kinds
        if not backends:
            first = kinds.RouteBackend(backend=parent.backend)
            only = kinds.Distribution.FirstAvailable(backends=[first])
            return kinds.Distribution(first_available=only)
        weighted = [
            kinds.WeightedRouteBackend(backend=self._backend(one, parent), weight=one.weight)
            for one in backends
        ]
        some = kinds.Distribution.RandomAvailable(backends=weighted)
        return kinds.Distribution(random_available=some)

    def _backend(self, one: Backend, parent: Parent) -> Any:
        if one.problem:
            nowhere = pb.Backend(metadata=by_default("invalid"), queue=_queue())
            return self.kinds.RouteBackend(backend=nowhere, filters=[self.fail(one.problem)])
        if one.kind == EGRESS_NETWORK:
            backend = parent.backend
        else:
            penalty = parent.traffic.penalty
            backend = _balancer(one.key, one.port, parent.cluster_domain, penalty)
        return self.kinds.RouteBackend(backend=backend, filters=self.filters(one.filters))


def _own(rule: Rule, timeouts: Timeouts) -> Timeouts:
    """Annotations outweigh what a rule says."""
    return Timeouts(
        rule.request if timeouts.request is None else timeouts.request,
        rule.response if timeouts.response is None else timeouts.response,
        timeouts.idle,
    )


# -- filters -------------------------------------------------------------------------------------
def _fail_http(message: str, status: int = HTTP_UNAVAILABLE) -> pb.HttpRoute.Filter:
    failure = http_route_pb2.HttpFailureInjector(status=status, message=message)
    return pb.HttpRoute.Filter(failure_injector=failure)


def _fail_grpc(message: str, code: int = GRPC_UNAVAILABLE) -> pb.GrpcRoute.Filter:
    failure = grpc_route_pb2.GrpcFailureInjector(code=code, message=message)
    return pb.GrpcRoute.Filter(failure_injector=failure)


def _http_filters(filters: Iterable[Filter]) -> list[pb.HttpRoute.Filter]:
    return [_http_filter(one) for one in filters]


def _http_filter(one: Filter) -> pb.HttpRoute.Filter:
    kinds = pb.HttpRoute
    if isinstance(one, RequestHeaders):
        return kinds.Filter(request_header_modifier=to_routes.request_headers(one.change))
    if isinstance(one, Redirect):
        return kinds.Filter(redirect=to_routes.redirect(one))
    return kinds.Filter(response_header_modifier=to_routes.response_headers(one.change))


def _grpc_filters(filters: Iterable[Filter]) -> list[pb.GrpcRoute.Filter]:
    return [
        pb.GrpcRoute.Filter(request_header_modifier=to_routes.request_headers(one.change))
        for one in filters
        if isinstance(one, RequestHeaders)
    ]


def _no_filters(filters: Iterable[Filter]) -> list[Any]:
    """Nothing can be done to bytes nobody looks into; such routes are read without filters."""
    return []


def _invalid(filters: Any, message: str) -> Any:
    return filters(invalid=opaque_route_pb2.Invalid(message=message))


def _forbidden(filters: Any) -> Any:
    return filters(forbidden=opaque_route_pb2.Forbidden())


# -- retries and time-outs -----------------------------------------------------------------------
def _timeouts(timeouts: Timeouts) -> http_route_pb2.Timeouts:
    message = http_route_pb2.Timeouts()
    if timeouts.request is not None:
        message.request.CopyFrom(duration(timeouts.request))
    if timeouts.response is not None:
        message.response.CopyFrom(duration(timeouts.response))
    if timeouts.idle is not None:
        message.idle.CopyFrom(duration(timeouts.idle))
    return message


def _http_retry(retry: Retry) -> pb.HttpRoute.Retry | None:
    if not retry.statuses:
        return None
    kinds = pb.HttpRoute.Retry
    ranges = [kinds.Conditions.StatusRange(start=a, end=b) for a, b in retry.statuses]
    return kinds(conditions=kinds.Conditions(status_ranges=ranges), **_terms(retry))


def _grpc_retry(retry: Retry) -> pb.GrpcRoute.Retry | None:
    if not retry.codes:
        return None
    kinds = pb.GrpcRoute.Retry
    conditions = kinds.Conditions(
        cancelled=1 in retry.codes,
        deadine_exceeded=4 in retry.codes,
        resource_exhausted=8 in retry.codes,
        internal=13 in retry.codes,
        unavailable=14 in retry.codes,
    )
    return kinds(conditions=conditions, **_terms(retry))


def _terms(retry: Retry) -> dict[str, Any]:
    """What retries of either protocol say in the same words."""
    return {
        "max_retries": retry.limit,
        "max_request_bytes": RETRY_MAX_BYTES,
        "backoff": _backoff(*RETRY_BACKOFF),
        "timeout": None if retry.timeout is None else duration(retry.timeout),
    }


_HTTP_LIKE = {
    "http": _Shape(
        "http",
        pb.HttpRoute,
        partial(_fail_http, NOT_ALLOWED, HTTP_FORBIDDEN),
        _fail_http,
        _http_filters,
        to_routes.http_matches,
        _http_retry,
        ("hosts", to_routes.hosts),
    ),
    "grpc": _Shape(
        "grpc",
        pb.GrpcRoute,
        partial(_fail_grpc, NOT_ALLOWED, GRPC_FORBIDDEN),
        _fail_grpc,
        _grpc_filters,
        to_routes.grpc_matches,
        _grpc_retry,
        ("hosts", to_routes.hosts),
    ),
}
_STREAMS = {
    "tls": _Shape(
        "tls",
        pb.TlsRoute,
        partial(_forbidden, pb.TlsRoute.Filter),
        partial(_invalid, pb.TlsRoute.Filter),
        _no_filters,
        hosts=("snis", to_routes.snis),
    ),
    "tcp": _Shape(
        "tcp",
        pb.OpaqueRoute,
        partial(_forbidden, pb.OpaqueRoute.Filter),
        partial(_invalid, pb.OpaqueRoute.Filter),
        _no_filters,
    ),
}


# -- backends ------------------------------------------------------------------------------------
def _queue() -> pb.Queue:
    return pb.Queue(capacity=QUEUE_CAPACITY, failfast_timeout=duration(FAILFAST))


def _forward(metadata: meta_pb2.Metadata, address: SocketAddress) -> pb.Backend:
    endpoint = weighted_addr(Endpoint(address), "", Http2Client())
    endpoint.weight = 1
    return pb.Backend(metadata=metadata, queue=_queue(), forward=endpoint)


def _balancer(at: Key, port: int, cluster_domain: str, penalty: Penalty | None) -> pb.Backend:
    kinds = pb.Backend
    name = service_name(at.name, at.namespace, cluster_domain=cluster_domain)
    path = kinds.EndpointDiscovery.DestinationGet(path=f"{name}:{port}")
    discovery = kinds.EndpointDiscovery(dst=path)
    if penalty is None:
        balancer = kinds.BalanceP2c(
            discovery=discovery,
            peak_ewma=kinds.BalanceP2c.PeakEwma(
                default_rtt=duration(DEFAULT_RTT), decay=duration(EWMA_DECAY)
            ),
        )
    else:
        balancer = kinds.BalanceP2c(
            discovery=discovery,
            penalty_peak_ewma=kinds.BalanceP2c.PenaltyPeakEwma(
                default_rtt=duration(DEFAULT_RTT),
                decay=duration(EWMA_DECAY),
                penalty=duration(penalty.latency),
                penalty_decay=duration(EWMA_DECAY),
                max_retry_after=duration(penalty.max_retry_after),
            ),
        )
    return kinds(metadata=_service_resource(at, port), queue=_queue(), balancer=balancer)


def _accrual(accrual: Accrual | None) -> pb.FailureAccrual | None:
    if accrual is None:
        return None
    kinds = pb.FailureAccrual
    backoff = _backoff(accrual.min_penalty, accrual.max_penalty, accrual.jitter)
    backoff.respect_retry_after_hint = accrual.honor_retry_after
    rate = accrual.success_rate
    if rate is None:
        failures = kinds.ConsecutiveFailures(max_failures=accrual.max_failures, backoff=backoff)
        return kinds(consecutive_failures=failures)
    unified = kinds.Unified(
        success_rate_threshold=rate.threshold,
        decay=duration(rate.window),
        min_requests=rate.min_requests,
        max_consecutive_failures=accrual.max_failures,
        backoff=backoff,
    )
    return kinds(unified=unified)


def _backoff(least: float, most: float, jitter: float) -> pb.ExponentialBackoff:
    return pb.ExponentialBackoff(
        min_backoff=duration(least), max_backoff=duration(most), jitter_ratio=jitter
    )
