"""Outbound policies: which of the cases a target is, and that the proxy can use the message."""

import logging
from collections.abc import Iterator

import pytest

from destination.index import Reader
from destination.policy.outbound import (
    Egress,
    OutboundPolicy,
    OutboundRules,
    UndefinedPort,
    outbound,
)
from destination.policy.traffic import Accrual, Retry, statuses_of
from destination.profiles import Target
from destination.tests.cluster import BASIC, Cluster, service
from destination.translate.outbound import outbound_policy
from kit.kube.objects import Key
from kit.rpc.status import NotFound
from weft.addresses import SocketAddress, parse_networks
from weft.authority import ServiceAuthority
from weft.labels import OPAQUE_PORTS
from weftapi.proxy import outbound_pb2 as pb

RULES = OutboundRules(parse_networks("10.0.0.0/8"))
AT = SocketAddress("10.96.0.1", 80)


def ask(cluster: Cluster, target: Target = AT) -> OutboundPolicy:
    return outbound(Reader(cluster.index), target, RULES)


def said(cluster: Cluster, target: Target = AT) -> pb.OutboundPolicy:
    return outbound_policy(ask(cluster, target), "cluster.local")


def http_routes(policy: pb.OutboundPolicy) -> list[pb.HttpRoute]:
    protocol = policy.protocol
    match protocol.WhichOneof("kind"):
        case "detect":
            return [*protocol.detect.http1.routes, *protocol.detect.http2.routes]
        case "http1":
            return list(protocol.http1.routes)
        case "http2":
            return list(protocol.http2.routes)
    return []


def opaque_routes(policy: pb.OutboundPolicy) -> list[pb.OpaqueRoute]:
    protocol = policy.protocol
    whole = protocol.detect.opaque if protocol.HasField("detect") else protocol.opaque
    return list(whole.routes)


def backends(policy: pb.OutboundPolicy) -> Iterator[pb.Backend]:
    for route in http_routes(policy):
        for rule in route.rules:
            for one in rule.backends.first_available.backends:
                yield one.backend
    for opaque in opaque_routes(policy):
        for part in opaque.rules:
            for each in part.backends.first_available.backends:
                yield each.backend


def assert_acceptable(policy: pb.OutboundPolicy) -> None:
    """What the proxy insists on, or it refuses the policy whole."""
    assert policy.metadata.WhichOneof("kind")
    assert policy.protocol.WhichOneof("kind")
    if policy.protocol.HasField("detect"):
        detect = policy.protocol.detect
        assert all(detect.HasField(part) for part in ("timeout", "opaque", "http1", "http2"))
    for route in http_routes(policy):
        assert route.metadata.WhichOneof("kind")
        assert all(rule.backends.WhichOneof("kind") for rule in route.rules)
    for opaque in opaque_routes(policy):
        assert opaque.metadata.WhichOneof("kind")
        assert all(part.backends.WhichOneof("kind") for part in opaque.rules)
    for backend in backends(policy):
        assert backend.metadata.WhichOneof("kind")
        assert backend.queue.HasField("failfast_timeout")
        if backend.WhichOneof("kind") == "balancer":
            assert backend.balancer.discovery.dst.path
            load = backend.balancer.peak_ewma
            assert load.HasField("default_rtt")
            assert load.HasField("decay")


@pytest.mark.parametrize("target", [AT, ServiceAuthority("web", "ns", 80)])
def test_a_service_is_detected_and_balanced(target: Target) -> None:
    answer = said(Cluster(*BASIC), target)
    assert_acceptable(answer)
    assert answer.metadata.resource.kind == "Service"
    assert answer.metadata.resource.group == "core"
    assert (answer.metadata.resource.name, answer.metadata.resource.port) == ("web", 80)
    assert answer.protocol.detect.timeout.ToSeconds() == 10
    assert [one.metadata.default for one in http_routes(answer)] == ["http", "http"]
    assert [one.metadata.default for one in opaque_routes(answer)] == ["opaq"]
    assert http_routes(answer)[0].rules[0].matches[0].path.prefix == "/"
    for backend in backends(answer):
        assert backend.balancer.discovery.dst.path == "web.ns.svc.cluster.local:80"
        assert backend.balancer.peak_ewma.default_rtt.ToMilliseconds() == 30
        assert backend.balancer.peak_ewma.decay.ToSeconds() == 10
        assert (backend.queue.capacity, backend.queue.failfast_timeout.ToSeconds()) == (100, 3)
    assert not answer.protocol.detect.http1.HasField("failure_accrual")


@pytest.mark.parametrize(
    ("app_protocol", "annotations", "kind"),
    [
        ("", {}, "detect"),
        ("", {OPAQUE_PORTS: "80"}, "opaque"),
        ("http", {}, "http1"),
        ("http", {OPAQUE_PORTS: "80"}, "http1"),
        ("kubernetes.io/h2c", {}, "http2"),
        ("kubernetes.io/ws", {}, "opaque"),
        ("mysql", {}, "detect"),
        ("https", {OPAQUE_PORTS: "80"}, "opaque"),
    ],
)
def test_the_protocol(app_protocol: str, annotations: dict[str, str], kind: str) -> None:
    answer = said(Cluster(service(app_protocol=app_protocol, annotations=annotations)))
    assert answer.protocol.WhichOneof("kind") == kind
    assert_acceptable(answer)


def test_an_undeclared_port_is_forbidden() -> None:
    target = SocketAddress("10.96.0.1", 81)
    assert ask(Cluster(*BASIC), target) == UndefinedPort(Key("ns", "web"), 81)
    answer = said(Cluster(*BASIC), target)
    assert_acceptable(answer)
    (route,) = opaque_routes(answer)
    assert answer.protocol.HasField("opaque")
    assert route.metadata.default == "undefined-port"
    assert route.rules[0].filters[0].HasField("forbidden")


def test_the_outside_world_is_passed_on() -> None:
    target = SocketAddress("93.184.216.34", 443)
    assert ask(Cluster(*BASIC), target) == Egress(target)
    answer = said(Cluster(), target)
    assert_acceptable(answer)
    assert answer.metadata.default == "egress-fallback"
    for backend in backends(answer):
        assert backend.forward.addr.port == 443
        assert backend.forward.weight == 1


@pytest.mark.parametrize(
    "target",
    [
        SocketAddress("10.244.0.1", 8080),
        SocketAddress("10.96.0.9", 80),
        ServiceAuthority("none", "ns", 80),
    ],
)
def test_pods_and_unknown_services_are_not_found(target: Target) -> None:
    with pytest.raises(NotFound):
        ask(Cluster(*BASIC), target)


TIMEOUT, RETRY, BALANCER = "timeout.linkerd.io/", "retry.linkerd.io/", "balancer.linkerd.io/"
ACCRUAL = BALANCER + "failure-accrual"


def with_notes(notes: dict[str, str]) -> pb.OutboundPolicy:
    return said(Cluster(service(annotations=notes)))


def test_timeouts() -> None:
    answer = with_notes(
        {TIMEOUT + "request": "500ms", TIMEOUT + "response": "2s", TIMEOUT + "idle": "1m"}
    )
    for route in http_routes(answer):
        timeouts = route.rules[0].timeouts
        assert timeouts.request.ToMilliseconds() == 500
        assert timeouts.response.ToSeconds() == 2
        assert timeouts.idle.ToSeconds() == 60
        assert route.rules[0].requestTimeout == timeouts.request


def test_retries() -> None:
    (rule,) = http_routes(with_notes({RETRY + "http": "5xx,404", RETRY + "limit": "3"}))[0].rules
    ranges = [(one.start, one.end) for one in rule.retry.conditions.status_ranges]
    assert ranges == [(500, 599), (404, 404)]
    assert rule.retry.max_retries == 3
    assert rule.retry.max_request_bytes == 65_536
    assert rule.retry.backoff.min_backoff.ToMilliseconds() == 25
    assert rule.retry.backoff.max_backoff.ToMilliseconds() == 250
    assert not http_routes(with_notes({RETRY + "limit": "3"}))[0].rules[0].HasField("retry")


def test_circuit_breaking() -> None:
    protocol = with_notes({ACCRUAL: "consecutive"}).protocol.detect
    for one in (protocol.http1, protocol.http2):
        rule = one.failure_accrual.consecutive_failures
        assert rule.max_failures == 7
        assert rule.backoff.min_backoff.ToSeconds() == 1
        assert rule.backoff.max_backoff.ToSeconds() == 60
        assert rule.backoff.jitter_ratio == pytest.approx(0.5)


def test_penalties_the_wrong_way_round_would_cost_all_traffic() -> None:
    answer = with_notes({ACCRUAL: "consecutive", ACCRUAL + "-consecutive-min-penalty": "2m"})
    backoff = answer.protocol.detect.http1.failure_accrual.consecutive_failures.backoff
    assert backoff.min_backoff.ToSeconds() <= backoff.max_backoff.ToSeconds()


@pytest.mark.parametrize(
    "notes",
    [
        {TIMEOUT + "request": "soon"},
        {RETRY + "http": "teapot"},
        {RETRY + "http": "99"},
        {RETRY + "http": "504-500"},
        {ACCRUAL: "magic"},
    ],
)
def test_an_unusable_annotation_is_left_out_and_said(
    notes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert with_notes(notes) == with_notes({})
    assert "annotation" in caplog.text


def test_statuses() -> None:
    assert statuses_of("gateway-error, 500-501,418") == ((502, 504), (500, 501), (418, 418))
    assert Retry(((500, 599),)).limit == 1
    assert Accrual().max_failures == 7
