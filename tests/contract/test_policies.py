"""Every kind of policy the destination service makes is one the proxy accepts, and means the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from destination.index import Reader
from destination.policy.inbound import InboundRules, inbound
from destination.policy.outbound import OutboundRules, outbound
from destination.tests.cluster import BASIC, Cluster, custom, pod, service
from destination.tests.routes import WEB, egress, route, to
from destination.translate.inbound import server
from destination.translate.outbound import outbound_policy
from kit.kube.objects import Key
from proxy.authz.policy import Protocol as PortProtocol
from proxy.control import translate_inbound, translate_outbound
from proxy.discovery.policy import Balancer, Failing, Forward, Protocol
from proxy.stack.filters import FailHttp, Forbidden, Invalid
from weft.addresses import SocketAddress, parse_networks

if TYPE_CHECKING:
    from kit.kube.objects import Object
    from proxy.authz.policy import ServerPolicy
    from proxy.discovery.policy import OutboundPolicy

NETWORKS = parse_networks("10.0.0.0/8")
AT = SocketAddress("10.96.0.1", 80)
OUTSIDE = SocketAddress("93.184.216.34", 443)
OUT = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "out", "port": 443}
SERVER = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}


def told(*objects: Object, at: SocketAddress = AT) -> OutboundPolicy:
    index = Cluster(*BASIC, *objects).index
    made = outbound(Reader(index), at, OutboundRules(NETWORKS), "ns")
    return translate_outbound.policy(outbound_policy(made, "cluster.local"))


def told_of_port(*objects: Object, protocol: str) -> ServerPolicy:
    spec = {"podSelector": {}, "port": 8080, "proxyProtocol": protocol}
    index = Cluster(pod(), custom("Server", "s", spec), *objects).index
    rules = InboundRules(cluster_networks=NETWORKS)
    made = inbound(Reader(index), Key("ns", "web-1"), 8080, rules)
    return translate_inbound.server(server(made, "ns"))


EVERYTHING: dict[str, Any] = {
    "timeout.linkerd.io/request": "3s",
    "timeout.linkerd.io/response": "1s",
    "timeout.linkerd.io/idle": "1m",
    "retry.linkerd.io/http": "5xx",
    "retry.linkerd.io/grpc": "unavailable",
    "retry.linkerd.io/limit": "2",
    "retry.linkerd.io/timeout": "300ms",
}
BALANCER = {
    "balancer.linkerd.io/failure-accrual": "unified",
    "balancer.alpha.linkerd.io/penalize-failures": "true",
}


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [
        ("HTTPRoute", Protocol.DETECT),
        ("PolicyHTTPRoute", Protocol.DETECT),
        ("GRPCRoute", Protocol.GRPC),
        ("TLSRoute", Protocol.TLS),
        ("TCPRoute", Protocol.OPAQUE),
    ],
)
def test_a_service_with_routes(kind: str, protocol: Protocol) -> None:
    annotated = service(annotations=BALANCER)
    found = told(annotated, route(kind, "one", to("web", "none"), annotations=EVERYTHING))
    assert found.protocol is protocol
    (one,) = found.http1 or found.grpc or found.tls or found.opaque
    (rule,) = one.rules
    good, lost = rule.backends.backends
    assert isinstance(good.backend.dispatcher, Balancer)
    assert good.backend.dispatcher.penalty is not None
    assert isinstance(lost.backend.dispatcher, Failing)
    (refusal,) = lost.filters
    if protocol in (Protocol.TLS, Protocol.OPAQUE):
        assert isinstance(refusal, Invalid)
        return
    assert rule.retry is not None
    assert (rule.retry.max_retries, rule.retry.timeout) == (2, 0.3)
    limits = rule.timeouts
    assert (limits.request, limits.response, limits.idle) == (3.0, 1.0, 60.0)
    assert good.backend.failure_accrual is not None


@pytest.mark.parametrize("kind", [None, "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"])
@pytest.mark.parametrize("asked", ["Allow", "Deny"])
def test_an_egress_network(kind: str | None, asked: str) -> None:
    routes = [] if kind is None else [route(kind, "one", {}, parent=OUT)]
    found = told(egress(policy=asked), *routes, at=OUTSIDE)
    every = found.http1 or found.grpc or found.tls or found.opaque
    rest = every[-1]
    assert rest.meta.name.endswith(f"-egress-{asked.lower()}")
    (rule,) = rest.rules
    (backend,) = rule.backends.backends
    assert isinstance(backend.backend.dispatcher, Forward)
    assert len(rule.filters) == (1 if asked == "Deny" else 0)
    if found.http1 and asked == "Deny":
        assert isinstance(rule.filters[0], FailHttp)
        assert isinstance(found.opaque[0].rules[0].filters[0], Forbidden)


@pytest.mark.parametrize("at", [AT, SocketAddress("10.96.0.1", 81), OUTSIDE])
def test_without_routes(at: SocketAddress) -> None:
    assert told(at=at).opaque


@pytest.mark.parametrize(
    ("kind", "protocol", "expected"),
    [
        ("HTTPRoute", "unknown", PortProtocol.DETECT),
        ("HTTPRoute", "HTTP/1", PortProtocol.HTTP1),
        ("HTTPRoute", "HTTP/2", PortProtocol.HTTP2),
        ("GRPCRoute", "gRPC", PortProtocol.GRPC),
    ],
)
def test_a_port_with_routes(kind: str, protocol: str, expected: PortProtocol) -> None:
    match = {"method": {"service": "a"}} if kind == "GRPCRoute" else {"method": "GET"}
    may = custom(
        "AuthorizationPolicy",
        "may",
        {
            "targetRef": {"group": "gateway.networking.k8s.io", "kind": kind, "name": "one"},
            "requiredAuthenticationRefs": [{"kind": "ServiceAccount", "name": "caller"}],
        },
    )
    limit = custom(
        "HTTPLocalRateLimitPolicy",
        "limit",
        {"targetRef": SERVER, "total": {"requestsPerSecond": 9}},
    )
    one = route(kind, "one", {"matches": [match]}, parent=SERVER)
    found = told_of_port(one, may, limit, protocol=protocol)
    assert found.protocol is expected
    (made,) = found.routes
    assert (made.meta.kind, made.meta.name, len(made.authorizations)) == (kind, "one", 1)
    assert (found.rate_limit is not None) is (expected is not PortProtocol.GRPC)


def test_a_parent_without_routes_is_told_the_same_as_before() -> None:
    refused = route("HTTPRoute", "bad", {"filters": [{"type": "RequestMirror"}]}, parent=WEB)
    assert told(refused) == told()
