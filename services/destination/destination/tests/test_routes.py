"""Routes of Services and EgressNetworks: which count for whom, and what the proxy is told."""

from typing import Any

import pytest

from destination.index import Reader
from destination.policy.outbound import Egress, EgressPolicy, OutboundRules, ServicePolicy, outbound
from destination.tests.cluster import BASIC, Cluster, service
from destination.tests.routes import WEB, egress, route, to
from destination.translate.outbound import outbound_policy
from kit.kube.objects import Object
from kit.rpc.status import NotFound
from weft.addresses import SocketAddress, parse_networks
from weft.authority import ServiceAuthority
from weft.labels import OPAQUE_PORTS
from weftapi.proxy import outbound_pb2 as pb

RULES = OutboundRules(parse_networks("10.0.0.0/8"))
AT = SocketAddress("10.96.0.1", 80)
OUTSIDE = SocketAddress("93.184.216.34", 443)
V2 = service("web-v2", "10.96.0.2")


def policy(
    *objects: Object, client: str = "ns", at: SocketAddress = AT, rules: OutboundRules = RULES
) -> Any:
    return outbound(Reader(Cluster(*BASIC, V2, *objects).index), at, rules, client)


def said(
    *objects: Object, client: str = "ns", at: SocketAddress = AT, rules: OutboundRules = RULES
) -> pb.ProxyProtocol:
    made = policy(*objects, client=client, at=at, rules=rules)
    return outbound_policy(
        made, "cluster.local", allow_l5d_headers=rules.allow_l5d_headers
    ).protocol


def http(protocol: pb.ProxyProtocol) -> list[pb.HttpRoute]:
    kind = protocol.WhichOneof("kind")
    whole: Any = {"detect": protocol.detect.http1, "http1": protocol.http1}
    return list(whole.get(kind, protocol.http2).routes)


def names(routes: Any) -> list[str]:
    return [one.metadata.resource.name or one.metadata.default for one in routes]


# -- which routes count --------------------------------------------------------------------------
def test_weights_between_two_services() -> None:
    split = {
        "backendRefs": [
            {"name": "web", "port": 80, "weight": 9},
            {"name": "web-v2", "port": 80},
        ]
    }
    (one,) = http(said(route("HTTPRoute", "split", split)))
    assert (one.metadata.resource.group, one.metadata.resource.kind) == (
        "gateway.networking.k8s.io",
        "HTTPRoute",
    )
    (rule,) = one.rules
    assert [match.path.prefix for match in rule.matches] == ["/"]
    shares = [
        (each.weight, each.backend.backend.balancer.discovery.dst.path)
        for each in rule.backends.random_available.backends
    ]
    assert shares == [
        (9, "web.ns.svc.cluster.local:80"),
        (1, "web-v2.ns.svc.cluster.local:80"),
    ]


def test_routes_of_both_groups_in_order_of_age() -> None:
    protocol = said(
        route("HTTPRoute", "a", to("web"), created="2026-01-02T00:00:00Z"),
        route("PolicyHTTPRoute", "b", to("web"), created="2026-01-01T00:00:00Z"),
        route("HTTPRoute", "c", to("web")),
    )
    assert names(http(protocol)) == ["b", "a", "c"]
    assert http(protocol)[0].metadata.resource.group == "policy.linkerd.io"


def test_a_consumer_s_route_is_for_its_own_namespace() -> None:
    parent = {**WEB, "namespace": "ns"}
    theirs = route("HTTPRoute", "theirs", to("api"), parent=parent, namespace="other")
    ours = route("HTTPRoute", "ours", to("web"))
    assert names(http(said(ours, theirs))) == ["ours"]
    assert names(http(said(ours, theirs, client="other"))) == ["ours", "theirs"]
    assert names(http(said(theirs))) == ["http"]


def test_a_consumer_cannot_switch_off_the_producer_s_routes() -> None:
    parent = {**WEB, "namespace": "ns"}
    theirs = route("GRPCRoute", "theirs", to("web"), parent=parent, namespace="other")
    ours = route("HTTPRoute", "ours", to("web"))
    assert names(http(said(ours, theirs))) == ["ours"]
    assert said(ours, theirs, client="other").WhichOneof("kind") == "grpc"


def test_a_more_specific_kind_takes_its_own_port_only() -> None:
    two = service("web", ports={"http": 80, "grpc": 8080})
    everywhere = {"group": "", "kind": "Service", "name": "web"}
    whole = route("HTTPRoute", "whole", to("web"), parent=everywhere)
    grpc = route("GRPCRoute", "grpc", to("web"), parent={**WEB, "port": 8080})
    assert names(http(said(two, whole, grpc))) == ["whole"]
    other = said(two, whole, grpc, at=SocketAddress(AT.ip, 8080))
    assert names(other.grpc.routes) == ["grpc"]


@pytest.mark.parametrize(
    ("port", "counts"), [({"port": 80}, True), ({"port": 81}, False), ({}, True)]
)
def test_the_parent_s_port(port: Object, counts: bool) -> None:
    parent = {"group": "", "kind": "Service", "name": "web", **port}
    found = names(http(said(route("HTTPRoute", "one", to("web"), parent=parent))))
    assert found == (["one"] if counts else ["http"])


def test_a_headless_service_takes_no_routes() -> None:
    headless = service("web", None)
    found = Cluster(headless, route("HTTPRoute", "one", to("web")))
    made = outbound(Reader(found.index), ServiceAuthority("web", "ns", 80), RULES, "ns")
    assert isinstance(made, ServicePolicy)
    assert made.routes == ()


# -- which protocol ------------------------------------------------------------------------------
GRPC, HTTP, TLS, TCP = "GRPCRoute", "HTTPRoute", "TLSRoute", "TCPRoute"


@pytest.mark.parametrize(
    ("kinds", "app_protocol", "annotations", "spoken"),
    [
        ([HTTP], "", {}, "detect"),
        ([HTTP, GRPC], "", {}, "grpc"),
        ([TLS, TCP], "", {}, "tls"),
        ([TCP], "", {}, "opaque"),
        ([HTTP, TCP], "", {OPAQUE_PORTS: "80"}, "opaque"),
        ([HTTP], "http", {}, "http1"),
        ([GRPC], "http", {}, "http1"),
        ([HTTP], "kubernetes.io/h2c", {}, "http2"),
        ([HTTP, GRPC], "kubernetes.io/h2c", {}, "grpc"),
    ],
)
def test_the_protocol(
    kinds: list[str], app_protocol: str, annotations: dict[str, str], spoken: str
) -> None:
    parent = service(app_protocol=app_protocol, annotations=annotations)
    protocol = said(parent, *(route(kind, kind.lower(), to("web")) for kind in kinds))
    assert protocol.WhichOneof("kind") == spoken


def test_a_tls_route_goes_by_server_name() -> None:
    hosts = ["db.example.com", "*.internal.example.com"]
    protocol = said(route("TLSRoute", "tls", to("web-v2"), hostnames=hosts))
    (one,) = protocol.tls.routes
    assert [sni.exact for sni in one.snis] == ["db.example.com", ""]
    assert list(one.snis[1].suffix.reverse_labels) == ["com", "example", "internal"]
    (backend,) = one.rules[0].backends.random_available.backends
    assert backend.backend.backend.balancer.discovery.dst.path.startswith("web-v2.ns")


# -- what a rule says ----------------------------------------------------------------------------
def test_matches_filters_and_timeouts() -> None:
    rule = to(
        "web",
        matches=[
            {
                "path": {"type": "Exact", "value": "/a"},
                "method": "GET",
                "headers": [{"name": "x", "value": "1"}],
                "queryParams": [{"name": "q", "type": "RegularExpression", "value": "a+"}],
            },
            {"path": {"type": "RegularExpression", "value": "/b.*"}},
        ],
        filters=[
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {"add": [{"name": "a", "value": "b"}], "remove": ["c"]},
            },
            {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"set": [{"name": "d", "value": "e"}]},
            },
        ],
        timeouts={"request": "2s", "backendRequest": "500ms"},
    )
    (one,) = http(said(route("HTTPRoute", "one", rule, hostnames=["*.Example.com", "a.b"])))
    assert list(one.hosts[0].suffix.reverse_labels) == ["com", "example"]
    assert one.hosts[1].exact == "a.b"
    (made,) = one.rules
    exact, regex = made.matches
    assert (exact.path.exact, regex.path.regex) == ("/a", "/b.*")
    assert exact.HasField("method")
    assert (exact.headers[0].name, exact.headers[0].exact) == ("x", b"1")
    assert exact.query_params[0].regex == "a+"
    change = made.filters[0].request_header_modifier
    assert (change.add.headers[0].value, list(change.remove)) == (b"b", ["c"])
    assert made.filters[1].response_header_modifier.set.headers[0].name == "d"
    assert made.timeouts.request.ToSeconds() == 2
    assert made.timeouts.response.ToMilliseconds() == 500


def test_a_redirect() -> None:
    asked = {
        "scheme": "https",
        "hostname": "else.where",
        "port": 8443,
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"},
        "statusCode": 301,
    }
    rule = {"filters": [{"type": "RequestRedirect", "requestRedirect": asked}]}
    (one,) = http(said(route("HTTPRoute", "one", rule)))
    made = one.rules[0].filters[0].redirect
    assert made.scheme.registered == 1
    assert (made.host, made.port, made.status, made.path.prefix) == (
        "else.where",
        8443,
        301,
        "/new",
    )


def test_a_grpc_route() -> None:
    rule = to("web", matches=[{"method": {"service": "a.B", "method": "C"}}, {}])
    notes = {"retry.linkerd.io/grpc": "unavailable, internal", "retry.linkerd.io/limit": "2"}
    (one,) = said(route("GRPCRoute", "one", rule, annotations=notes)).grpc.routes
    call, anything = one.rules[0].matches
    assert (call.rpc.service, call.rpc.method) == ("a.B", "C")
    assert anything.HasField("rpc")
    retry = one.rules[0].retry
    assert (retry.conditions.unavailable, retry.conditions.internal) == (True, True)
    assert not retry.conditions.cancelled
    assert (retry.max_retries, retry.HasField("backoff")) == (2, True)


def test_a_route_s_annotations_replace_its_service_s() -> None:
    notes = {"timeout.linkerd.io/request": "9s", "retry.linkerd.io/http": "5xx"}
    parent = service(annotations=notes)
    own = route("HTTPRoute", "own", to("web"), annotations={"timeout.linkerd.io/response": "1s"})
    plain = route("HTTPRoute", "plain", to("web", timeouts={"request": "3s"}))
    mine, parents = http(said(parent, own, plain))
    assert not mine.rules[0].timeouts.HasField("request")
    assert mine.rules[0].timeouts.response.ToSeconds() == 1
    assert mine.rules[0].retry.max_retries == 1
    assert parents.rules[0].timeouts.request.ToSeconds() == 9


def test_requests_may_ask_for_more_where_the_operator_lets_them() -> None:
    allowed = OutboundRules(RULES.cluster_networks, allow_l5d_headers=True)
    (one,) = http(said(rules=allowed))
    assert one.rules[0].allow_l5d_request_headers
    (one,) = http(said())
    assert not one.rules[0].allow_l5d_request_headers


# -- backends that are not there -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ({"name": "none", "port": 80}, "Service not found none"),
        ({"name": "web"}, "missing port for backend Service web"),
        ({"name": "x", "kind": "Bucket", "group": "s3"}, "unsupported backend type s3 Bucket"),
        (
            {"name": "out", "kind": "EgressNetwork", "group": "policy.linkerd.io"},
            "an EgressNetwork can be a backend only where it is the parent",
        ),
        (
            {"name": "web", "port": 80, "filters": [{"type": "RequestMirror"}]},
            "unsupported backend filter: filters[0]: filter RequestMirror of a HTTPRoute is not supported: "
            "allowed are RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect",
        ),
    ],
)
def test_a_backend_that_cannot_be_reached_fails_its_share(backend: Object, message: str) -> None:
    rule = {"backendRefs": [backend, {"name": "web", "port": 80}]}
    (one,) = http(said(route("HTTPRoute", "one", rule)))
    bad, good = one.rules[0].backends.random_available.backends
    assert bad.backend.backend.WhichOneof("kind") is None
    assert bad.backend.backend.metadata.default == "invalid"
    (failure,) = bad.backend.filters
    assert (failure.failure_injector.status, failure.failure_injector.message) == (500, message)
    assert good.backend.backend.HasField("balancer")
    (tcp,) = said(route("TCPRoute", "one", rule)).opaque.routes
    invalid = tcp.rules[0].backends.random_available.backends[0].backend
    assert invalid.filters[0].invalid.message


def test_a_backend_in_another_namespace() -> None:
    rule = {"backendRefs": [{"name": "api", "namespace": "other", "port": 8080}]}
    there = service("api", "10.96.0.3", {"http": 8080}, namespace="other")
    (one,) = http(said(there, route("HTTPRoute", "one", rule)))
    (backend,) = one.rules[0].backends.random_available.backends
    assert backend.backend.backend.balancer.discovery.dst.path == (
        "api.other.svc.cluster.local:8080"
    )


# -- what is not understood ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("made", "why"),
    [
        (
            route("HTTPRoute", "r", {"filters": [{"type": "URLRewrite"}]}),
            "filter URLRewrite of a HTTPRoute is not supported",
        ),
        (
            route("GRPCRoute", "r", {"filters": [{"type": "ResponseHeaderModifier"}]}),
            "allowed are RequestHeaderModifier",
        ),
        (
            route(
                "HTTPRoute",
                "r",
                {"matches": [{"path": {"type": "RegularExpression", "value": "("}}]},
            ),
            "no regular expression",
        ),
        (
            route(
                "GRPCRoute",
                "r",
                {"matches": [{"method": {"type": "RegularExpression", "service": "a"}}]},
            ),
            "RegularExpression is not supported: allowed is Exact",
        ),
        (route("HTTPRoute", "r", {"sessionPersistence": {}}), "sessionPersistence"),
        (route("TCPRoute", "r"), "a TCPRoute has one rule; this one has 0"),
        (
            route("HTTPRoute", "r", to("web", timeouts={"request": "1s", "backendRequest": "2s"})),
            "spec.rules[0].timeouts.backendRequest: it is longer",
        ),
        (route("HTTPRoute", "r", to("web"), hostnames=["a.*.c"]), "spec.hostnames[0]: 'a.*.c'"),
        (
            route("HTTPRoute", "r", to("web"), annotations={"timeout.linkerd.io/request": "soon"}),
            "annotation timeout.linkerd.io/request: 'soon' is not a duration",
        ),
        (
            route(
                "HTTPRoute",
                "r",
                to("web"),
                annotations={"timeout.linkerd.io/idle": "9" * 400 + "h"},
            ),
            "it is longer than 10000 years",
        ),
        (
            route("GRPCRoute", "r", to("web"), annotations={"retry.linkerd.io/grpc": "oops"}),
            "annotation retry.linkerd.io/grpc: 'oops' is not one of cancelled",
        ),
        (
            route(
                "HTTPRoute",
                "r",
                {
                    "matches": [{"path": {"type": "Exact", "value": "/a"}}],
                    "filters": [
                        {
                            "type": "RequestRedirect",
                            "requestRedirect": {"path": {"type": "ReplacePrefixMatch"}},
                        }
                    ],
                },
            ),
            "needs matches of PathPrefix",
        ),
        (
            route("HTTPRoute", "r", {"backendRefs": [{"port": 80}]}),
            "spec.rules[0].backendRefs[0].name: it is missing",
        ),
    ],
)
def test_a_route_that_asks_for_the_impossible_is_not_half_obeyed(made: Object, why: str) -> None:
    found = Cluster(*BASIC, made)
    (value,) = [one for table in found.index.routes for one in table.all()]
    assert why in value.problem
    assert names(http(said(made))) == ["http"]


# -- balancing and breaking ----------------------------------------------------------------------
def test_the_unified_breaker_and_penalties() -> None:
    balancer = "balancer.alpha.linkerd.io/"
    notes = {
        "balancer.linkerd.io/failure-accrual": "unified",
        balancer + "failure-accrual-success-rate-threshold": "0.5",
        balancer + "failure-accrual-window": "20s",
        balancer + "failure-accrual-honor-retry-after": "true",
        balancer + "penalize-failures": "true",
        balancer + "load-biaser-penalty": "2s",
    }
    detect = said(service(annotations=notes)).detect
    unified = detect.http1.failure_accrual.unified
    assert (unified.success_rate_threshold, unified.min_requests) == (0.5, 5)
    assert (unified.decay.ToSeconds(), unified.max_consecutive_failures) == (20, 7)
    assert unified.backoff.respect_retry_after_hint
    (backend,) = detect.http2.routes[0].rules[0].backends.first_available.backends
    load = backend.backend.balancer.penalty_peak_ewma
    assert (load.penalty.ToSeconds(), load.max_retry_after.ToSeconds()) == (2, 300)
    assert load.default_rtt.ToMilliseconds() == 30


# -- outside -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("asked", "word"), [("Allow", "allow"), ("Deny", "deny")])
def test_an_egress_network(asked: str, word: str) -> None:
    protocol = said(egress(policy=asked), at=OUTSIDE)
    (one,) = http(protocol)
    assert one.metadata.default == f"http-egress-{word}"
    (rule,) = one.rules
    forward = rule.backends.first_available.backends[0].backend
    assert forward.metadata.resource.kind == "EgressNetwork"
    assert forward.forward.addr.port == 443
    (stream,) = protocol.detect.opaque.routes
    assert stream.metadata.default == f"tcp-egress-{word}"
    if asked == "Deny":
        assert rule.filters[0].failure_injector.status == 403
        assert stream.rules[0].filters[0].HasField("forbidden")
    else:
        assert not rule.filters
        assert not stream.rules[0].filters


OUT = {"group": "policy.linkerd.io", "kind": "EgressNetwork", "name": "out", "port": 443}


@pytest.mark.parametrize("kind", [HTTP, GRPC, TLS, TCP])
def test_what_a_route_lets_out_and_the_rest(kind: str) -> None:
    out = {"backendRefs": [{k: v for k, v in OUT.items() if k != "port"}]}
    protocol = said(egress(), route(kind, "one", out, parent=OUT), at=OUTSIDE)
    whole: Any = {HTTP: protocol.detect.http1, GRPC: protocol.grpc, TLS: protocol.tls}
    routes = whole.get(kind, protocol.opaque).routes
    short = kind.removesuffix("Route").lower()
    assert names(routes) == ["one", f"{short}-egress-deny"]
    (backend,) = routes[0].rules[0].backends.random_available.backends
    assert backend.backend.backend.forward.addr.port == 443
    assert not backend.backend.filters
    if kind == GRPC:
        assert routes[1].rules[0].filters[0].failure_injector.code == 7


def chosen(*networks: Object, client: str = "ns", ip: str = "93.184.216.34") -> str:
    found = policy(*networks, client=client, at=SocketAddress(ip, 443))
    return found.network.name if isinstance(found, EgressPolicy) else ""


def test_which_network() -> None:
    wide = egress("wide")
    narrow = egress("narrow", networks=[{"cidr": "93.0.0.0/8", "except": ["93.1.0.0/16"]}])
    everyones = egress("everyones", namespace="linkerd-egress")
    assert chosen(wide, narrow, everyones) == "narrow"
    assert chosen(wide, narrow, everyones, ip="93.1.0.1") == "wide"
    assert chosen(wide, narrow, everyones, client="other") == "everyones"
    assert chosen(narrow, everyones, ip="94.0.0.1") == ""
    old = egress("z-old", created="2026-01-01T00:00:00Z")
    young = egress("a-young", created="2026-02-01T00:00:00Z")
    assert chosen(old, young) == "z-old"
    assert chosen(egress("inside", networks=[{"cidr": "10.1.0.0/16"}])) == ""
    assert isinstance(policy(at=OUTSIDE), Egress)


def test_an_egress_network_is_never_of_the_cluster_s_own_addresses() -> None:
    with pytest.raises(NotFound):
        policy(egress(), at=SocketAddress("10.244.9.9", 80))
