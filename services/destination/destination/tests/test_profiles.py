"""Profiles: every row of the table of situations, and what the message then says."""

from typing import Any

import pytest

from destination.index import Reader
from destination.model import Client
from destination.profiles import Profile, Target, profile
from destination.resolve import Rules
from destination.tests.cluster import (
    BASIC,
    DOMAIN,
    Cluster,
    custom,
    endpoint,
    endpoint_slice,
    pod,
    service,
)
from destination.translate.endpoints import Http2Client
from destination.translate.profile import destination_profile, http_method
from kit.kube.objects import Key, Object
from kit.rpc.status import FailedPrecondition, NotFound
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority
from weft.labels import OPAQUE_PORTS
from weftapi.proxy import destination_pb2 as pb

CLUSTER_IP = SocketAddress("10.96.0.1", 80)
NAME = "web.ns.svc.cluster.local"


def ask(cluster: Cluster, target: Target, client: Client | None = None) -> Profile:
    reader = Reader(cluster.index)
    return profile(reader, target, client or Client("ns"), Rules(), "cluster.local")


def message(found: Profile, zone: str = "") -> pb.DestinationProfile:
    return destination_profile(found, zone, Http2Client())


def test_a_declared_port_of_a_cluster_ip_is_its_service() -> None:
    found = ask(Cluster(*BASIC), CLUSTER_IP)
    assert found == Profile(name=NAME, service=Key("ns", "web"), port=80)
    said = message(found)
    assert said.fully_qualified_name == NAME
    assert not said.opaque_protocol
    assert said.parent_ref.resource.kind == "Service"
    assert (said.parent_ref.resource.group, said.parent_ref.resource.port) == ("core", 80)
    assert said.retry_budget.retry_ratio == pytest.approx(0.2)
    assert said.retry_budget.min_retries_per_second == 10
    assert said.retry_budget.ttl.ToSeconds() == 10
    assert not said.HasField("endpoint")
    assert not said.HasField("profile_ref")


def test_the_name_gives_the_same_profile_as_the_address() -> None:
    cluster = Cluster(*BASIC)
    assert ask(cluster, ServiceAuthority("web", "ns", 80)) == ask(cluster, CLUSTER_IP)


def test_an_undeclared_port_of_a_cluster_ip_is_nothing() -> None:
    found = ask(Cluster(*BASIC), SocketAddress("10.96.0.1", 81))
    assert message(found) == pb.DestinationProfile()


def test_an_address_of_two_services_is_ambiguous() -> None:
    with pytest.raises(FailedPrecondition, match="ns/other, ns/web"):
        ask(Cluster(*BASIC, service("other", "10.96.0.1")), CLUSTER_IP)


def test_a_missing_service_by_name() -> None:
    with pytest.raises(NotFound, match="ns/web"):
        ask(Cluster(), ServiceAuthority("web", "ns", 80))


@pytest.mark.parametrize(
    ("ports", "annotations", "port", "opaque"),
    [
        ({"db": 5432}, {}, 5432, True),
        ({"http": 80}, {}, 80, False),
        ({"http": 80}, {OPAQUE_PORTS: "80"}, 80, True),
        ({"db": 5432}, {OPAQUE_PORTS: "80"}, 5432, False),
        ({"db": 5432}, {OPAQUE_PORTS: ""}, 5432, False),
    ],
)
def test_opaque_service_ports(
    ports: dict[str, int], annotations: dict[str, str], port: int, opaque: bool
) -> None:
    cluster = Cluster(service(ports=ports, annotations=annotations))
    assert message(ask(cluster, SocketAddress("10.96.0.1", port))).opaque_protocol is opaque


def test_a_pods_address_is_its_endpoint() -> None:
    found = ask(Cluster(*BASIC), SocketAddress("10.244.0.1", 8080))
    said = message(found, "east")
    assert said.fully_qualified_name == ""
    assert said.endpoint.addr.port == 8080
    assert said.endpoint.tls_identity.dns_like_identity.name == f"web.ns.{DOMAIN}"
    assert said.endpoint.metric_labels["namespace"] == "ns"
    assert said.endpoint.metric_labels["zone_locality"] == "local"
    assert said.endpoint.resource_ref.resource.name == "web-1"


def test_an_address_handed_on_is_the_living_pods() -> None:
    old = pod("a-old", "10.244.0.1")
    old["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    found = ask(Cluster(old, pod("b-new", "10.244.0.1")), SocketAddress("10.244.0.1", 80))
    assert found.endpoint is not None
    assert found.endpoint.pod == Key("ns", "b-new")


def test_a_host_port_is_the_pods_own_port() -> None:
    app = {"name": "app", "ports": [{"containerPort": 8080, "hostPort": 80}]}
    cluster = Cluster(pod(containers=[app]))
    found = ask(cluster, SocketAddress("192.168.0.1", 80))
    assert found.endpoint is not None
    assert found.endpoint.address == SocketAddress("10.244.0.1", 8080)
    assert ask(cluster, SocketAddress("192.168.0.1", 81)).namespace == ""


@pytest.mark.parametrize(("port", "opaque"), [(80, False), (5432, True)])
def test_an_unknown_address_is_passed_on(port: int, opaque: bool) -> None:
    said = message(ask(Cluster(*BASIC), SocketAddress("1.2.3.4", port)))
    assert said.opaque_protocol is opaque
    assert said.endpoint.addr.ip.ipv4 == 0x01020304
    assert not said.endpoint.HasField("tls_identity")
    assert dict(said.endpoint.metric_labels) == {}


def test_a_stateful_pods_name_is_its_endpoint() -> None:
    cluster = Cluster(
        service(ip=None),
        pod("web-1"),
        endpoint_slice(endpoint("10.244.0.1", "web-1", hostname="web-1")),
    )
    found = ask(cluster, ServiceAuthority("web", "ns", 80, "web-1"))
    assert found.endpoint is not None
    assert found.endpoint.address == SocketAddress("10.244.0.1", 8080)
    with pytest.raises(NotFound, match="web-9"):
        ask(cluster, ServiceAuthority("web", "ns", 80, "web-9"))


# -- ServiceProfiles -----------------------------------------------------------------------------
def sp(namespace: str = "ns", **spec: Any) -> Object:
    return custom("ServiceProfile", NAME, spec, namespace)


ROUTE = {"name": "GET /", "condition": {"pathRegex": "/", "method": "GET"}}


def routes(*given: Object) -> list[pb.Route]:
    return list(message(ask(Cluster(*BASIC, sp(routes=list(given))), CLUSTER_IP)).routes)


def test_a_profile_of_the_clients_namespace_comes_first() -> None:
    cluster = Cluster(*BASIC, sp(), sp("client"))
    assert message(ask(cluster, CLUSTER_IP, Client("client"))).profile_ref.resource.namespace == (
        "client"
    )
    assert message(ask(cluster, CLUSTER_IP, Client("else"))).profile_ref.resource.namespace == "ns"


def test_routes_in_order_with_their_conditions() -> None:
    first, second = routes(
        {**ROUTE, "isRetryable": True, "timeout": "1m30s"},
        {"name": "any", "condition": {"any": [{"method": "PURGE"}, {"not": {"method": "GET"}}]}},
    )
    assert dict(first.metrics_labels) == {"route": "GET /"}
    assert first.is_retryable
    assert first.timeout.ToSeconds() == 90
    path, method = first.condition.all.matches
    assert path.path.regex == "/"
    assert method.method.registered == http_method("get").registered
    either, negated = second.condition.any.matches
    assert either.method.unregistered == "PURGE"
    inner = getattr(negated, "not")
    assert inner.any.matches[0].method.HasField("registered")
    assert not second.HasField("timeout")


def test_response_classes() -> None:
    (route,) = routes(
        {
            **ROUTE,
            "responseClasses": [
                {"condition": {"status": {"min": 500, "max": 504}}, "isFailure": True},
                {"condition": {"not": [{"status": {"min": 404}}]}},
            ],
        }
    )
    bad, other = route.response_classes
    assert (bad.condition.status.min, bad.condition.status.max, bad.is_failure) == (500, 504, True)
    assert not other.is_failure
    assert getattr(other.condition, "not").any.matches[0].status.max == 404


def test_an_unusable_timeout_is_none_and_said(caplog: pytest.LogCaptureFixture) -> None:
    (route,) = routes({**ROUTE, "timeout": "soon"})
    assert not route.HasField("timeout")
    assert "timeout: 'soon' is not a duration" in str(vars(caplog.records[-1])["why"])


def test_overrides_budget_and_opaque_ports() -> None:
    profile_ = sp(
        dstOverrides=[
            {"authority": "a.ns.svc.cluster.local", "weight": "500m"},
            {"authority": "b.ns.svc.cluster.local:81", "weight": 2},
        ],
        retryBudget={"retryRatio": 0.5, "minRetriesPerSecond": 1, "ttl": "5s"},
        opaquePorts=[80],
    )
    said = message(ask(Cluster(*BASIC, profile_), CLUSTER_IP))
    assert [(one.authority, one.weight) for one in said.dst_overrides] == [
        ("a.ns.svc.cluster.local:80", 5000),
        ("b.ns.svc.cluster.local:81", 20_000),
    ]
    assert said.retry_budget.retry_ratio == pytest.approx(0.5)
    assert said.retry_budget.ttl.ToSeconds() == 5
    assert said.opaque_protocol


@pytest.mark.parametrize(
    ("authority", "told"),
    [
        ("web", "web:80"),
        ("WEB.ns.svc.cluster.local.", "WEB.ns.svc.cluster.local.:80"),
        ("10.0.0.1", "10.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("[::1]", "[::1]:80"),
        ("[::1]:81", "[::1]:81"),
    ],
)
def test_an_override_always_has_a_port(authority: str, told: str) -> None:
    found = ask(Cluster(*BASIC, sp(dstOverrides=[{"authority": authority}])), CLUSTER_IP)
    assert message(found).dst_overrides[0].authority == told


def test_the_deepest_profile_can_be_decoded() -> None:
    """Whoever decodes a message gives up at a hundred within one another."""
    wanted: Object = {"pathRegex": "/", "method": "GET", "not": []}
    hears: Object = {"status": {"min": 500}, "not": []}
    for _ in range(15):
        wanted, hears = {"method": "GET", "not": [wanted]}, {"status": {"min": 500}, "not": [hears]}
    route = {"name": "deep", "condition": wanted, "responseClasses": [{"condition": hears}]}
    said = message(ask(Cluster(*BASIC, sp(routes=[route])), CLUSTER_IP))
    assert pb.DestinationProfile.FromString(said.SerializeToString()) == said
    with pytest.raises(ValueError, match="nested too deeply"):
        Cluster(sp(routes=[{**route, "condition": {"not": wanted}}]))
    answers = [{"condition": {"all": [hears]}}]
    with pytest.raises(ValueError, match="nested too deeply"):
        Cluster(sp(routes=[{**route, "responseClasses": answers}]))


@pytest.mark.parametrize(
    "spec",
    [
        {"routes": [{"name": "x", "condition": {}}]},
        {"routes": [{"name": "x"}]},
        {"routes": [{"condition": {"method": "GET"}}]},
        {"routes": [{**ROUTE, "responseClasses": [{"condition": {}}]}]},
        {"routes": [{**ROUTE, "responseClasses": [{"condition": {"status": {"min": 1}}}]}]},
        {"retryBudget": {"retryRatio": 0.1, "minRetriesPerSecond": 1, "ttl": "x"}},
        {"dstOverrides": [{"authority": "a", "weight": "heavy"}]},
        {"dstOverrides": [{"authority": "web:http", "weight": 1}]},
        {"opaquePorts": ["x"]},
    ],
)
def test_an_invalid_profile_is_refused_whole(spec: Object) -> None:
    with pytest.raises((ValueError, KeyError)):
        Cluster(sp(**spec))
