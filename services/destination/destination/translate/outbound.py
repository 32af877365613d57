"""Outbound policies as messages."""

from destination.model import Endpoint
from destination.policy.outbound import Egress, OutboundPolicy, ServicePolicy, UndefinedPort
from destination.policy.traffic import Accrual, Retry, Timeouts
from destination.translate.endpoints import Http2Client, weighted_addr
from destination.translate.net import by_default, duration, resource
from weft.authority import service_name
from weftapi.proxy import http_route_pb2, meta_pb2, opaque_route_pb2
from weftapi.proxy import outbound_pb2 as pb

DETECT_TIMEOUT = 10.0
QUEUE_CAPACITY = 100
FAILFAST = 3.0
DEFAULT_RTT = 0.030
EWMA_DECAY = 10.0
RETRY_MAX_BYTES = 65_536
RETRY_BACKOFF = (0.025, 0.250, 1.0)  # least and most seconds, jitter ratio

_EGRESS = "egress-fallback"


def outbound_policy(policy: OutboundPolicy, cluster_domain: str) -> pb.OutboundPolicy:
    match policy:
        case ServicePolicy():
            return _service(policy, cluster_domain)
        case UndefinedPort():
            return _undefined(policy)
        case Egress():
            return _egress(policy)


def _service(policy: ServicePolicy, cluster_domain: str) -> pb.OutboundPolicy:
    at = policy.service
    metadata = resource("core", "Service", at.name, at.namespace, policy.port)
    name = service_name(at.name, at.namespace, cluster_domain=cluster_domain)
    backend = _balancer(metadata, f"{name}:{policy.port}")
    http = [_http_route(by_default("http"), backend, policy.traffic.timeouts, policy.traffic.retry)]
    opaque = [_opaque_route(by_default("opaq"), backend)]
    accrual = _accrual(policy.traffic.accrual)
    kinds = pb.ProxyProtocol
    http1 = kinds.Http1(routes=http, failure_accrual=accrual)
    http2 = kinds.Http2(routes=http, failure_accrual=accrual)
    match policy.protocol:
        case "http1":
            protocol = kinds(http1=http1)
        case "http2":
            protocol = kinds(http2=http2)
        case "opaque":
            protocol = kinds(opaque=kinds.Opaque(routes=opaque))
        case _:
            detect = kinds.Detect(
                timeout=duration(DETECT_TIMEOUT),
                opaque=kinds.Opaque(routes=opaque),
                http1=http1,
                http2=http2,
            )
            protocol = kinds(detect=detect)
    return pb.OutboundPolicy(protocol=protocol, metadata=metadata)


def _undefined(policy: UndefinedPort) -> pb.OutboundPolicy:
    at = policy.service
    metadata = resource("core", "Service", at.name, at.namespace, policy.port)
    forbidden = pb.OpaqueRoute.Filter(forbidden=opaque_route_pb2.Forbidden())
    backend = pb.Backend(metadata=metadata, queue=_queue())
    route = _opaque_route(by_default("undefined-port"), backend)
    route.rules[0].filters.append(forbidden)
    opaque = pb.ProxyProtocol.Opaque(routes=[route])
    return pb.OutboundPolicy(protocol=pb.ProxyProtocol(opaque=opaque), metadata=metadata)


def _egress(policy: Egress) -> pb.OutboundPolicy:
    metadata = by_default(_EGRESS)
    backend = pb.Backend(
        metadata=metadata,
        queue=_queue(),
        forward=weighted_addr(Endpoint(policy.address), "", Http2Client()),
    )
    backend.forward.weight = 1
    http = [_http_route(metadata, backend, Timeouts(), None)]
    detect = pb.ProxyProtocol.Detect(
        timeout=duration(DETECT_TIMEOUT),
        opaque=pb.ProxyProtocol.Opaque(routes=[_opaque_route(metadata, backend)]),
        http1=pb.ProxyProtocol.Http1(routes=http),
        http2=pb.ProxyProtocol.Http2(routes=http),
    )
    return pb.OutboundPolicy(protocol=pb.ProxyProtocol(detect=detect), metadata=metadata)


def _queue() -> pb.Queue:
    return pb.Queue(capacity=QUEUE_CAPACITY, failfast_timeout=duration(FAILFAST))


def _balancer(metadata: meta_pb2.Metadata, path: str) -> pb.Backend:
    discovery = pb.Backend.EndpointDiscovery(
        dst=pb.Backend.EndpointDiscovery.DestinationGet(path=path)
    )
    load = pb.Backend.BalanceP2c.PeakEwma(
        default_rtt=duration(DEFAULT_RTT), decay=duration(EWMA_DECAY)
    )
    return pb.Backend(
        metadata=metadata,
        queue=_queue(),
        balancer=pb.Backend.BalanceP2c(discovery=discovery, peak_ewma=load),
    )


def _http_route(
    metadata: meta_pb2.Metadata, backend: pb.Backend, timeouts: Timeouts, retry: Retry | None
) -> pb.HttpRoute:
    kinds = pb.HttpRoute
    first = kinds.Distribution.FirstAvailable(backends=[kinds.RouteBackend(backend=backend)])
    rule = kinds.Rule(
        matches=[http_route_pb2.HttpRouteMatch(path=http_route_pb2.PathMatch(prefix="/"))],
        backends=kinds.Distribution(first_available=first),
    )
    if timeouts:
        rule.timeouts.CopyFrom(_timeouts(timeouts))
        if timeouts.request is not None:
            rule.requestTimeout.CopyFrom(duration(timeouts.request))
    if retry is not None:
        rule.retry.CopyFrom(_retry(retry))
    return kinds(metadata=metadata, rules=[rule])


def _opaque_route(metadata: meta_pb2.Metadata, backend: pb.Backend) -> pb.OpaqueRoute:
    kinds = pb.OpaqueRoute
    first = kinds.Distribution.FirstAvailable(backends=[kinds.RouteBackend(backend=backend)])
    rule = kinds.Rule(backends=kinds.Distribution(first_available=first))
    return kinds(metadata=metadata, rules=[rule])


def _timeouts(timeouts: Timeouts) -> http_route_pb2.Timeouts:
    message = http_route_pb2.Timeouts()
    if timeouts.request is not None:
        message.request.CopyFrom(duration(timeouts.request))
    if timeouts.response is not None:
        message.response.CopyFrom(duration(timeouts.response))
    if timeouts.idle is not None:
        message.idle.CopyFrom(duration(timeouts.idle))
    return message


def _retry(retry: Retry) -> pb.HttpRoute.Retry:
    kinds = pb.HttpRoute.Retry
    ranges = [kinds.Conditions.StatusRange(start=a, end=b) for a, b in retry.statuses]
    least, most, jitter = RETRY_BACKOFF
    message = kinds(
        max_retries=retry.limit,
        max_request_bytes=RETRY_MAX_BYTES,
        conditions=kinds.Conditions(status_ranges=ranges),
        backoff=_backoff(least, most, jitter),
    )
    if retry.timeout is not None:
        message.timeout.CopyFrom(duration(retry.timeout))
    return message


def _accrual(accrual: Accrual | None) -> pb.FailureAccrual | None:
    if accrual is None:
        return None
    return pb.FailureAccrual(
        consecutive_failures=pb.FailureAccrual.ConsecutiveFailures(
            max_failures=accrual.max_failures,
            backoff=_backoff(accrual.min_penalty, accrual.max_penalty, accrual.jitter),
        )
    )


def _backoff(least: float, most: float, jitter: float) -> pb.ExponentialBackoff:
    return pb.ExponentialBackoff(
        min_backoff=duration(least), max_backoff=duration(most), jitter_ratio=jitter
    )
