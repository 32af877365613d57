"""Messages to values: what is understood, and that everything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.authz.policy import (
    ANY_IDENTITY,
    Protocol,
    RateOverride,
    TlsAuthenticated,
    TlsUnauthenticated,
    Unauthenticated,
    default_policy,
)
from proxy.codec.http2 import KEEP_ALIVE_TIMEOUT, KeepAlive
from proxy.control import translate
from proxy.control.tests.messages import parse
from proxy.control.translate_destination import endpoint, endpoints, profile
from proxy.control.translate_inbound import server
from proxy.control.translate_outbound import policy
from proxy.control.watch import UnusableMessageError
from proxy.discovery.endpoints import Endpoint, Hint
from proxy.discovery.policy import (
    Backend,
    Balancer,
    ConsecutiveFailures,
    DistributionKind,
    Failing,
    Forward,
    Penalty,
    Timeouts,
    UnifiedFailures,
)
from proxy.discovery.policy import Protocol as Traffic
from proxy.discovery.profile import (
    AllOf,
    AnyOf,
    AnyStatus,
    MethodIs,
    Not,
    NotStatus,
    PathRegex,
    Profile,
    StatusIn,
)
from proxy.stack.backoff import Backoff
from proxy.stack.budget import RetryBudget
from proxy.stack.filters import (
    FailGrpc,
    FailHttp,
    Forbidden,
    HeaderModifier,
    Invalid,
    Redirect,
    RequestHeaderModifier,
    ResponseHeaderModifier,
)
from proxy.stack.match import (
    ExactHost,
    ExactPath,
    GrpcMatch,
    HeaderMatch,
    HttpMatch,
    PrefixPath,
    QueryMatch,
    RegexPath,
    SuffixHost,
)
from proxy.stack.meta import Meta
from testkit.control_plane import closed_server, meshed_server, open_server, service_policy
from weft.addresses import SocketAddress
from weft.patterns import Pattern
from weftapi.proxy import destination_pb2, inbound_pb2, net_pb2, outbound_pb2

ADDR = "addr { ip { ipv4: 0x0A000001 } port: 8080 }"
META = 'metadata { default: "m" }'
QUEUE = "queue { capacity: 100 failfast_timeout { seconds: 3 } }"
EWMA = "peak_ewma { default_rtt { nanos: 30000000 } decay { seconds: 10 } }"
BACKEND = f'{META} {QUEUE} balancer {{ discovery {{ dst {{ path: "web:80" }} }} {EWMA} }}'
FIRST = f"backends {{ first_available {{ backends {{ backend {{ {BACKEND} }} }} }} }}"
BACKOFF = (
    "backoff { min_backoff { nanos: 25000000 } max_backoff { nanos: 250000000 } jitter_ratio: 1 }"
)


# --- shared ---------------------------------------------------------------------------------


@given(st.ip_addresses())
def test_addresses_there_and_back(address: object) -> None:
    assert str(translate.ip(translate.to_ip(str(address)))) == str(address)


def test_ports_that_are_none() -> None:
    for port in (0, 65_536):
        message = net_pb2.TcpAddress(ip=net_pb2.IPAddress(ipv4=1), port=port)
        with pytest.raises(UnusableMessageError, match="is not a port"):
            translate.socket_address(message)


# --- endpoints ------------------------------------------------------------------------------


def test_a_meshed_endpoint() -> None:
    message = parse(
        destination_pb2.WeightedAddrSet,
        f"""addrs {{ {ADDR} weight: 5000
            metric_labels {{ key: "pod" value: "web-0" }}
            tls_identity {{ dns_like_identity {{ name: "Web.Local." }} server_name {{ name: "sni.local" }} }}
            protocol_hint {{ h2 {{}} opaque_transport {{ inbound_port: 4143 }} }}
            authority_override {{ authority_override: "web.remote:80" }}
            resource_ref {{ resource {{ namespace: "emojivoto" name: "web-0" }} }} }}
        metric_labels {{ key: "namespace" value: "emojivoto" }}""",
    )
    assert endpoints(message) == [
        Endpoint(
            SocketAddress("10.0.0.1", 8080),
            5000,
            "web.local",
            "sni.local",
            Hint.H2,
            4143,
            (("dst_namespace", "emojivoto"), ("dst_pod", "web-0")),
            "web.remote:80",
            resource="emojivoto/web-0",
        )
    ]


def test_an_unmeshed_endpoint() -> None:
    found = endpoint(parse(destination_pb2.WeightedAddr, f"{ADDR} weight: 10000"))
    assert found == Endpoint(SocketAddress("10.0.0.1", 8080))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("", None),
        ("timeout { seconds: 3 }", None),
        (
            "interval { seconds: 10 } timeout { seconds: 3 } while_idle: true",
            KeepAlive(10.0, 3.0, while_idle=True),
        ),
        (
            "interval { nanos: 500000000 }",
            KeepAlive(0.5, KEEP_ALIVE_TIMEOUT, while_idle=False),
        ),
    ],
)
def test_how_a_vanished_endpoint_is_noticed(terms: str, expected: KeepAlive | None) -> None:
    message = parse(
        destination_pb2.WeightedAddr,
        f"addr {{ ip {{ ipv4: 1 }} port: 80 }} http2 {{ keep_alive {{ {terms} }} }}",
    )
    assert endpoint(message).keep_alive == expected


def test_an_opaque_endpoint_and_a_server_name_left_out() -> None:
    text = f'{ADDR} tls_identity {{ dns_like_identity {{ name: "web" }} }} protocol_hint {{ opaque {{}} }}'
    found = endpoint(parse(destination_pb2.WeightedAddr, text))
    assert (found.server_name, found.hint) == ("web", Hint.OPAQUE)


@pytest.mark.parametrize(
    "text",
    [
        "addr { port: 80 }",
        "addr { ip { ipv4: 1 } }",
        f"{ADDR} tls_identity {{}}",
        f'{ADDR} tls_identity {{ uri_like_identity {{ uri: "spiffe://x" }} }}',
        f"{ADDR} protocol_hint {{ opaque_transport {{ inbound_port: 65536 }} }}",
    ],
)
def test_endpoints_that_cannot_be_used(text: str) -> None:
    with pytest.raises(UnusableMessageError):
        endpoint(parse(destination_pb2.WeightedAddr, text))


# --- profiles -------------------------------------------------------------------------------


def test_a_profile_with_everything() -> None:
    message = parse(
        destination_pb2.DestinationProfile,
        f"""fully_qualified_name: "web.emojivoto.svc.cluster.local" opaque_protocol: true
        endpoint {{ {ADDR} weight: 10000 }}
        retry_budget {{ retry_ratio: 0.5 min_retries_per_second: 7 ttl {{ seconds: 20 }} }}
        dst_overrides {{ authority: "web-v2:80" weight: 900 }}
        parent_ref {{ resource {{ group: "core" kind: "Service" name: "web" namespace: "emojivoto" port: 80 }} }}
        routes {{
          condition {{ all {{ matches {{ path {{ regex: "/api/.*" }} }}
                             matches {{ any {{ matches {{ method {{ registered: GET }} }} }} }}
                             matches {{ not {{ method {{ unregistered: "BREW" }} }} }} }} }}
          response_classes {{ condition {{ any {{ matches {{ status {{ min: 500 max: 599 }} }}
                             matches {{ not {{ status {{ min: 200 max: 299 }} }} }} }} }} is_failure: true }}
          metrics_labels {{ key: "route" value: "api" }} is_retryable: true timeout {{ seconds: 2 }} }}""",
    )
    found = profile(message)
    (route,) = found.routes
    assert route.condition == AllOf(
        (PathRegex(Pattern("/api/.*")), AnyOf((MethodIs("GET"),)), Not(MethodIs("BREW")))
    )
    assert route.response_classes == (
        (AnyStatus((StatusIn(500, 599), NotStatus(StatusIn(200, 299)))), True),
    )
    assert (route.labels, route.retryable, route.timeout) == ((("rt_route", "api"),), True, 2.0)
    assert found.retry_budget == RetryBudget(0.5, 7, 20.0)
    assert found.targets == (("web-v2:80", 900),)
    assert found.parent == Meta("core", "Service", "emojivoto", "web", "", "80")
    assert found.endpoint == Endpoint(SocketAddress("10.0.0.1", 8080))
    assert found.name == "web.emojivoto.svc.cluster.local"
    assert route.failure(404) is True
    assert route.failure(204) is None


def test_an_empty_profile() -> None:
    assert profile(destination_pb2.DestinationProfile()) == Profile()


@pytest.mark.parametrize(
    "text",
    ["ttl { nanos: 1 } retry_ratio: 1", "retry_ratio: 1", "ttl { seconds: 5 } retry_ratio: 1001"],
)
def test_budgets_out_of_bounds_are_none(text: str) -> None:
    message = parse(destination_pb2.DestinationProfile, f"retry_budget {{ {text} }}")
    assert profile(message).retry_budget is None


@pytest.mark.parametrize(
    "route",
    [
        "condition {}",
        'condition { path { regex: "(" } }',
        'condition { path { regex: "a{1001}" } }',
        "condition { method {} }",
        "condition { all {} } response_classes { condition {} }",
        "condition { all {} } timeout { seconds: -1 }",
    ],
)
def test_profiles_that_cannot_be_used(route: str) -> None:
    with pytest.raises(UnusableMessageError):
        profile(parse(destination_pb2.DestinationProfile, f"routes {{ {route} }}"))


# --- inbound --------------------------------------------------------------------------------


def test_default_servers_are_the_default_policies() -> None:
    assert server(open_server()) == default_policy("all-unauthenticated")
    assert server(meshed_server()) == default_policy("all-authenticated")
    assert server(closed_server()) == default_policy("deny")


def test_a_server_resource() -> None:
    message = parse(
        inbound_pb2.Server,
        """protocol { http1 {
            routes { metadata { resource { group: "policy.linkerd.io" kind: "HTTPRoute" name: "r" namespace: "ns" } }
              hosts { exact: "Web." } hosts { suffix { reverse_labels: "com" reverse_labels: "example" } }
              authorizations { metadata { default: "probe" } authentication { unauthenticated {} }
                networks { net { ip { ipv4: 0x0A000000 } prefix_len: 8 } except { ip { ipv4: 0x0A010000 } prefix_len: 16 } } }
              rules { matches { path { regex: "/x+" } method { registered: POST }
                                headers { name: "X-A" exact: "1" } headers { name: "b" regex: "2" }
                                query_params { name: "q" exact: "3" } query_params { name: "r" regex: "4" } }
                      filters { failure_injector { status: 503 message: "m" ratio { numerator: 1 denominator: 3 } } }
                      filters { request_header_modifier { add { headers { name: "A" value: "1" } } remove: "B" } }
                      filters { redirect { scheme { registered: HTTPS } host: "h" port: 8443 path { prefix: "/y" } status: 302 } } } }
            local_rate_limit { metadata { default: "limit" } total { requestsPerSecond: 100 } identity { requestsPerSecond: 10 }
              overrides { limit { requestsPerSecond: 5 } clients { identities { name: "eve" } } } } } }
        labels { key: "group" value: "policy.linkerd.io" } labels { key: "kind" value: "server" } labels { key: "name" value: "web" }
        authorizations { labels { key: "name" value: "old" } authentication { meshTLS { unauthenticated {} } } }
        authorizations { metadata { default: "m" } authentication { meshTLS { identities { identities { name: "Web" } identities { name: "spiffe://td/Web" }
                         suffixes { parts: "weft" parts: "local" } suffixes {} } } } }""",
    )
    found = server(message)
    (route,) = found.routes
    (rule,) = route.rules
    assert found.protocol is Protocol.HTTP1
    assert found.meta == Meta("policy.linkerd.io", "server", "", "web")
    assert [one.authentication for one in found.authorizations] == [
        TlsUnauthenticated(),
        TlsAuthenticated(frozenset({"web", "spiffe://td/Web"}), (".weft.local", "")),
    ]
    assert found.authorizations[0].meta == Meta("", "default", "", "old")
    assert route.hosts == (ExactHost("web"), SuffixHost(".example.com"))
    assert route.authorizations[0].authentication == Unauthenticated()
    assert str(route.authorizations[0].networks[0].exceptions[0]) == "10.1.0.0/16"
    assert rule.matches == (
        HttpMatch(
            RegexPath(Pattern("/x+")),
            (HeaderMatch("x-a", b"1"), HeaderMatch("b", Pattern("2"))),
            (QueryMatch("q", "3"), QueryMatch("r", Pattern("4"))),
            "POST",
        ),
    )
    assert rule.filters == (
        FailHttp(503, "m", 1, 3),
        RequestHeaderModifier(HeaderModifier((("a", b"1"),), (), ("b",))),
        Redirect(302, "https", "h", 8443, None, "/y"),
    )
    assert found.rate_limit is not None
    assert (found.rate_limit.total, found.rate_limit.identity) == (100, 10)
    assert found.rate_limit.overrides == (RateOverride(5, frozenset({"eve"})),)


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        ("opaque {}", Protocol.OPAQUE),
        ("tls {}", Protocol.TLS),
        ("http2 {}", Protocol.HTTP2),
        ("grpc {}", Protocol.GRPC),
        ("detect { timeout { seconds: 3 } }", Protocol.DETECT),
    ],
)
def test_protocols_of_servers(text: str, protocol: Protocol) -> None:
    message = parse(
        inbound_pb2.Server, f'protocol {{ {text} }} labels {{ key: "name" value: "s" }}'
    )
    found = server(message)
    assert found.protocol is protocol
    assert found.detect_timeout == (3.0 if protocol is Protocol.DETECT else 10.0)


def test_grpc_routes_of_a_server() -> None:
    message = parse(
        inbound_pb2.Server,
        """protocol { grpc { routes { metadata { default: "g" }
            rules { matches { rpc { service: "a.B" method: "C" } headers { name: "x" exact: "1" } }
                    filters { failure_injector { code: 7 message: "no" } }
                    filters { request_header_modifier { remove: "x" } } } } } }
        labels { key: "name" value: "s" }""",
    )
    (rule,) = server(message).routes[0].rules
    assert rule.matches == (GrpcMatch("a.B", "C", (HeaderMatch("x", b"1"),)),)
    assert rule.filters[0] == FailGrpc(7, "no")


NAMED = 'labels { key: "name" value: "s" }'


@pytest.mark.parametrize(
    "text",
    [
        NAMED,
        "protocol { opaque {} }",
        f'protocol {{ opaque {{}} }} {NAMED} authorizations {{ metadata {{ default: "a" }} }}',
        f"protocol {{ opaque {{}} }} {NAMED} authorizations {{ authentication {{ unauthenticated {{}} }} }}",
        f'protocol {{ opaque {{}} }} {NAMED} authorizations {{ metadata {{ default: "a" }} authentication {{ meshTLS {{}} }} }}',
        f'protocol {{ opaque {{}} }} {NAMED} authorizations {{ metadata {{ default: "a" }} authentication {{ unauthenticated {{}} }} networks {{ net {{ ip {{ ipv4: 0 }} prefix_len: 33 }} }} }}',
        f"protocol {{ http1 {{ routes {{}} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ filters {{}} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ matches {{ path {{}} }} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ matches {{ headers {{}} }} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ matches {{ query_params {{}} }} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} hosts {{}} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ filters {{ redirect {{ status: 200 }} }} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ filters {{ failure_injector {{ status: 500 ratio {{}} }} }} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ routes {{ {META} rules {{ filters {{ failure_injector {{ status: 99 }} }} }} }} }} }} {NAMED}",
        f"protocol {{ grpc {{ routes {{ {META} rules {{ matches {{}} }} }} }} }} {NAMED}",
        f"protocol {{ grpc {{ routes {{ {META} rules {{ filters {{}} }} }} }} }} {NAMED}",
        f"protocol {{ http1 {{ local_rate_limit {{ {META} total {{}} }} }} }} {NAMED}",
    ],
)
def test_servers_that_cannot_be_used(text: str) -> None:
    with pytest.raises(UnusableMessageError):
        server(parse(inbound_pb2.Server, text))


def test_any_identity_is_a_suffix_of_no_parts() -> None:
    assert server(meshed_server()).authorizations[0].authentication == ANY_IDENTITY


# --- outbound -------------------------------------------------------------------------------


def test_the_policy_of_a_plain_service() -> None:
    found = policy(
        service_policy("web.emojivoto.svc.cluster.local:80", name="web", namespace="emojivoto")
    )
    meta = Meta("core", "Service", "emojivoto", "web", "", "80")
    backend = Backend(meta, Balancer("web.emojivoto.svc.cluster.local:80", 0.03, 10.0), 100, 3.0)
    assert (found.protocol, found.meta, found.detect_timeout) == (Traffic.DETECT, meta, 10.0)
    assert found.http1 == found.http2
    (rule,) = found.http1[0].rules
    assert rule.matches == (HttpMatch(PrefixPath("/")),)
    assert rule.backends.kind is DistributionKind.FIRST_AVAILABLE
    assert [one.backend for one in rule.backends.backends] == [backend]
    assert found.opaque[0].rules[0].backends == rule.backends


def outbound(protocol: str) -> outbound_pb2.OutboundPolicy:
    return parse(outbound_pb2.OutboundPolicy, f"{META} protocol {{ {protocol} }}")


def test_http_rules_with_everything() -> None:
    found = policy(
        outbound(
            f"""http1 {{ failure_accrual {{ consecutive_failures {{ max_failures: 7 {BACKOFF} }} }}
            routes {{ {META} rules {{ matches {{ path {{ exact: "/" }} }}
              filters {{ response_header_modifier {{ remove: "x" }} }}
              filters {{ failure_injector {{ status: 500 }} }} filters {{ redirect {{}} }} filters {{ request_header_modifier {{}} }}
              timeouts {{ request {{ seconds: 1 }} response {{ seconds: 2 }} idle {{ seconds: 3 }} }}
              retry {{ max_retries: 2 max_request_bytes: 64 conditions {{ status_ranges {{ start: 500 end: 599 }} }} {BACKOFF} timeout {{ seconds: 1 }} }}
              allow_l5d_request_headers: true
              backends {{ random_available {{
                backends {{ weight: 3 backend {{ backend {{ {META} {QUEUE} forward {{ {ADDR} }} }} filters {{ failure_injector {{ status: 500 }} }} }} }}
                backends {{ weight: 1 backend {{ backend {{ {META} {QUEUE} }} }} }} }} }} }} }} }}"""
        )
    )
    (rule,) = found.http1[0].rules
    first, second = rule.backends.backends
    backoff = Backoff(0.025, 0.25, 1.0)
    assert found.protocol is Traffic.HTTP1
    assert rule.matches == (HttpMatch(ExactPath("/")),)
    assert [type(one) for one in rule.filters] == [
        ResponseHeaderModifier,
        FailHttp,
        Redirect,
        RequestHeaderModifier,
    ]
    assert rule.timeouts == Timeouts(1.0, 2.0, 3.0)
    assert rule.retry is not None
    assert (rule.retry.statuses, rule.retry.backoff, rule.retry.timeout) == (
        ((500, 599),),
        backoff,
        1.0,
    )
    assert rule.allow_l5d_request_headers
    assert (first.weight, second.weight) == (3, 1)
    assert isinstance(first.backend.dispatcher, Forward)
    assert isinstance(second.backend.dispatcher, Failing)
    assert first.filters == (FailHttp(500, ""),)
    assert first.backend.failure_accrual == ConsecutiveFailures(7, backoff)


def test_grpc_rules() -> None:
    found = policy(
        outbound(
            f"""grpc {{ failure_accrual {{ unified {{ success_rate_threshold: 0.8 decay {{ seconds: 10 }} min_requests: 5 max_consecutive_failures: 7 {BACKOFF} }} }}
            routes {{ {META} hosts {{ exact: "web" }} rules {{ {FIRST} matches {{ rpc {{ service: "a.B" }} }} requestTimeout {{ seconds: 4 }}
              filters {{ failure_injector {{ code: 14 }} }}
              retry {{ max_retries: 1 conditions {{ unavailable: true deadine_exceeded: true }} {BACKOFF} }} }} }} }}"""
        )
    )
    (rule,) = found.grpc[0].rules
    assert rule.timeouts == Timeouts(request=4.0)
    assert rule.retry is not None
    assert rule.retry.grpc_codes == {4, 14}
    assert rule.backends.backends[0].backend.failure_accrual == UnifiedFailures(
        0.8, 10.0, 5, 7, Backoff(0.025, 0.25, 1.0)
    )


def test_streams_of_bytes() -> None:
    invalid = policy(
        outbound(
            f'opaque {{ routes {{ {META} rules {{ {FIRST} filters {{ invalid {{ message: "why" }} }} }} }} }}'
        )
    )
    assert invalid.opaque[0].rules[0].filters == (Invalid("why"),)
    tls = policy(
        outbound(
            f'tls {{ routes {{ {META} snis {{ exact: "a" }} rules {{ {FIRST} filters {{ forbidden {{}} }} }} }} }}'
        )
    )
    assert tls.tls[0].hosts == (ExactHost("a"),)
    assert tls.tls[0].rules[0].filters == (Forbidden(),)
    empty = policy(
        outbound(f"opaque {{ routes {{ {META} rules {{ backends {{ empty {{}} }} }} }} }}")
    )
    assert empty.opaque[0].rules[0].backends.kind is DistributionKind.EMPTY
    assert policy(outbound("http2 {}")).protocol is Traffic.HTTP2


def balancer(load: str) -> str:
    backend = f'{META} {QUEUE} balancer {{ discovery {{ dst {{ path: "web:80" }} }} {load} }}'
    return f"opaque {{ routes {{ {META} rules {{ backends {{ first_available {{ backends {{ backend {{ {backend} }} }} }} }} }} }} }}"


def test_penalties_have_defaults() -> None:
    found = policy(outbound(balancer("penalty_peak_ewma { penalty { seconds: 1 } }")))
    (backend,) = found.opaque[0].rules[0].backends.backends
    assert backend.backend.dispatcher == Balancer("web:80", 0.03, 10.0, Penalty(1.0, 10.0, 300.0))


DETECT = "timeout { seconds: 10 } opaque {} http1 {} http2 {}"


@pytest.mark.parametrize(
    "missing", ["timeout { seconds: 10 }", "opaque {}", "http1 {}", "http2 {}"]
)
def test_detection_needs_everything(missing: str) -> None:
    policy(outbound(f"detect {{ {DETECT} }}"))
    with pytest.raises(UnusableMessageError, match="comes without"):
        policy(outbound(f"detect {{ {DETECT.replace(missing, '')} }}"))


def rule(text: str) -> str:
    return f"http1 {{ routes {{ {META} rules {{ {text} }} }} }}"


def backend(text: str) -> str:
    return rule(f"backends {{ first_available {{ backends {{ {text} }} }} }}")


def accrual(text: str) -> str:
    return f"http1 {{ failure_accrual {{ {text} }} }}"


@pytest.mark.parametrize(
    "protocol",
    [
        "",
        rule(""),
        rule("backends {}"),
        rule("backends { first_available {} }"),
        rule("backends { random_available {} }"),
        f"http1 {{ routes {{ rules {{ {FIRST} }} }} }}",
        backend(""),
        backend(f"backend {{ {META} }}"),
        backend(f"backend {{ {META} queue {{ capacity: 1 }} }}"),
        backend(f"backend {{ {QUEUE} }}"),
        balancer(""),
        balancer("peak_ewma { decay { seconds: 1 } }"),
        balancer(EWMA).replace('dst { path: "web:80" }', ""),
        rule(f"{FIRST} filters {{}}"),
        rule(f'{FIRST} filters {{ request_header_modifier {{ remove: "a b" }} }}'),
        rule(
            f'{FIRST} filters {{ request_header_modifier {{ add {{ headers {{ name: "a" value: "1\\n" }} }} }} }}'
        ),
        rule(
            f'{FIRST} filters {{ response_header_modifier {{ set {{ headers {{ name: "" value: "1" }} }} }} }}'
        ),
        rule(f'{FIRST} filters {{ redirect {{ path {{ full: "/b\\n" }} }} }}'),
        rule(f'{FIRST} filters {{ redirect {{ host: "a\\n" }} }}'),
        rule(f'{FIRST} matches {{ headers {{ name: "a b" exact: "1" }} }}'),
        rule(f"{FIRST} retry {{ conditions {{}} }}"),
        rule(f"{FIRST} retry {{ {BACKOFF} }}"),
        rule(f"{FIRST} timeouts {{ request {{ seconds: -1 }} }}"),
        rule(
            f"{FIRST} retry {{ conditions {{}} backoff {{ min_backoff {{ seconds: 2 }} max_backoff {{ seconds: 1 }} }} }}"
        ),
        rule(f"{FIRST} retry {{ conditions {{}} backoff {{ jitter_ratio: 101 }} }}"),
        f"grpc {{ routes {{ {META} rules {{ {FIRST} matches {{}} }} }} }}",
        f"grpc {{ routes {{ {META} rules {{ {FIRST} filters {{}} }} }} }}",
        f"grpc {{ routes {{ {META} rules {{ {FIRST} retry {{}} }} }} }}",
        f"opaque {{ routes {{ {META} rules {{ {FIRST} filters {{}} }} }} }}",
        f"tls {{ routes {{ {META} snis {{}} rules {{ {FIRST} }} }} }}",
        accrual(""),
        accrual("consecutive_failures { max_failures: 1 }"),
        accrual("unified { success_rate_threshold: 0 }"),
        accrual(f"unified {{ success_rate_threshold: 1.5 {BACKOFF} }}"),
        accrual(f"unified {{ success_rate_threshold: 0.5 decay {{ nanos: 1 }} {BACKOFF} }}"),
        accrual(
            f"unified {{ success_rate_threshold: 0.5 decay {{ seconds: 1 }} min_requests: 1000001 {BACKOFF} }}"
        ),
    ],
)
def test_policies_that_cannot_be_used(protocol: str) -> None:
    with pytest.raises(UnusableMessageError):
        policy(outbound(protocol))


def test_a_policy_needs_metadata() -> None:
    with pytest.raises(UnusableMessageError, match="metadata"):
        policy(parse(outbound_pb2.OutboundPolicy, "protocol { http2 {} }"))
