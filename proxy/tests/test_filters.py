"""What routes do besides forwarding, on both sides: redirects, headers, injected failures, limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.authz.policy import (
    Authorization,
    Network,
    RateLimit,
    RateOverride,
    Route,
    Rule,
    ServerPolicy,
    Unauthenticated,
    default_policy,
)
from proxy.discovery.endpoints import Endpoint
from proxy.discovery.policy import RouteBackend
from proxy.stack.filters import (
    FailGrpc,
    FailHttp,
    Filter,
    HeaderModifier,
    Redirect,
    RequestHeaderModifier,
    ResponseHeaderModifier,
)
from proxy.stack.match import ExactPath, HttpMatch, PrefixPath
from proxy.stack.meta import Meta
from proxy.tests.h2peer import Peer
from proxy.tests.pair import CLIENT, LOCAL, Pair, application
from proxy.tests.policies import Script, ask, backend, routed, rule, status
from proxy.tests.test_pair_http2 import GRPC
from weft.addresses import SocketAddress, parse_network

ADD = HeaderModifier(add=(("x-added", b"1"),), set=(("x-set", b"2"),), remove=("x-own",))
POD = "10.1.2.3"


def get(path: str = "/") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: shop:8080\r\nx-own: mine\r\n\r\n" % path.encode()


def outbound(port: int, *filters: Filter, match: HttpMatch | None = None) -> Pair:
    return Pair(
        port, outbound_policy=routed(rule(filters=filters, matches=(match,) if match else ()))
    )


def inbound(*filters: Filter, matches: tuple[HttpMatch, ...] = ()) -> ServerPolicy:
    policy = default_policy("all-unauthenticated")
    return replace(policy, routes=(Route(Meta.default("r"), (Rule(matches, filters),)),))


# --- outbound -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("redirect", "path", "where"),
    [
        (Redirect(port=8081), "/a?b=c", "http://shop:8081/a?b=c"),
        (Redirect(302, scheme="https"), "/a", "https://shop/a"),
        (Redirect(host="new.shop", port=80), "/a", "http://new.shop/a"),
        (Redirect(307, path="/other"), "/a?b=c", "http://shop:8080/other?b=c"),
        (Redirect(308, prefix="/v2"), "/v1/x?q", "http://shop:8080/v2/x?q"),
        (Redirect(prefix="/"), "/v1", "http://shop:8080/"),
    ],
)
def test_redirects(redirect: Redirect, path: str, where: str) -> None:
    app = Script(200)
    prefix = PrefixPath("/v1") if redirect.prefix else PrefixPath("/")
    with (
        application(app) as port,
        outbound(port, redirect, match=HttpMatch(prefix)) as pair,
        pair.connect() as sock,
    ):
        head = ask(sock, get(path))
    assert status(head) == redirect.status
    assert b"location: " + where.encode() + b"\r\n" in head + b"\r\n"
    assert not app.requests


@pytest.mark.parametrize(
    "redirect",
    [Redirect(), Redirect(host="shop"), Redirect(prefix="/v1"), Redirect(scheme="http", port=8080)],
)
def test_nobody_is_sent_to_where_the_request_came(redirect: Redirect) -> None:
    app = Script(200)
    with (
        application(app) as port,
        outbound(port, redirect, match=HttpMatch(PrefixPath("/v1"))) as pair,
        pair.connect() as sock,
    ):
        assert status(ask(sock, get("/v1/x?q"))) == 200
    assert len(app.requests) == 1


def test_a_prefix_cannot_be_replaced_where_none_matched() -> None:
    match = HttpMatch(ExactPath("/v1"))
    with outbound(1, Redirect(prefix="/v2"), match=match) as pair, pair.connect() as sock:
        assert b"[1003]" in ask(sock, get("/v1"))


def test_headers_are_changed_both_ways() -> None:
    app = Script(200)
    both = (RequestHeaderModifier(ADD), ResponseHeaderModifier(ADD))
    with application(app) as port, outbound(port, *both) as pair, pair.connect() as sock:
        head = ask(sock, get())
    assert b"x-added: 1" in app.requests[0]
    assert b"x-own" not in app.requests[0]
    assert b"x-added: 1" in head
    assert b"x-set: 2" in head


def test_a_backends_own_filters_act_on_its_share_only() -> None:
    app = Script(200)
    with application(app) as port:
        marked = RouteBackend(backend(), 1, (FailHttp(418, "teapot"),))
        policy = routed(rule(marked, RouteBackend(backend(), 0)))
        with Pair(port, outbound_policy=policy) as pair, pair.connect() as sock:
            assert status(ask(sock, get())) == 418
    assert not app.requests


def test_injected_failures_for_http_and_grpc() -> None:
    with outbound(1, FailHttp(503, "out of order")) as pair, pair.connect() as sock:
        head = ask(sock, get())
        assert status(head) == 503
        assert b"l5d-proxy-error: out of order" in head
        route = pair.metric("outbound_http_route_request_statuses_total", http_status="503")
        assert route == 1
    with outbound(1, FailGrpc(11, "range")) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC)
        client.wait(lambda: stream.ended)
        assert stream.headers.get("grpc-status") == b"11"


def test_an_endpoint_may_want_another_name() -> None:
    app = Script(200)
    with application(app) as port:
        mirrored = Endpoint(SocketAddress(LOCAL, port), authority_override="shop.west:80")
        with Pair(port, endpoints=[mirrored]) as pair, pair.connect() as sock:
            ask(sock, get())
    assert b"host: shop.west:80" in app.requests[0].lower()
    assert b"host: shop:8080" not in app.requests[0].lower()


# --- inbound --------------------------------------------------------------------------------


def test_inbound_filters() -> None:
    app = Script(200)
    with application(app) as port:
        changes = inbound(RequestHeaderModifier(ADD))
        with Pair(port, inbound_policy=changes) as pair, pair.connect() as sock:
            assert status(ask(sock, get())) == 200
        assert b"x-set: 2" in app.requests.pop()
        with Pair(port, inbound_policy=inbound(FailHttp(418, "teapot"))) as pair:
            with pair.connect() as sock:
                assert status(ask(sock, get())) == 418
            assert pair.metric("inbound_http_statuses_total", http_status="418") == 1
        elsewhere = inbound(Redirect(host="new"))
        with Pair(port, inbound_policy=elsewhere) as pair, pair.connect() as sock:
            assert b"location: http://new:8080/x" in ask(sock, get("/x"))
        assert not app.requests


def test_a_route_may_admit_whom_its_server_does_not() -> None:
    admit = Authorization(
        Meta.default("probe"), (Network(parse_network("10.0.0.0/8")),), Unauthenticated()
    )
    live = Route(Meta.default("live"), (Rule((HttpMatch(ExactPath("/live")),)),), (), (admit,))
    rest = Route(Meta.default("rest"), (Rule((HttpMatch(),)),))
    policy = replace(default_policy("deny"), routes=(live, rest))
    app = Script(200)
    with application(app) as port, Pair(port, inbound_policy=policy, client_ip=POD) as pair:
        with pair.connect() as sock:
            assert status(ask(sock, get("/live"))) == 200
            assert status(ask(sock, get("/other"))) == 403
        assert (
            pair.metric("inbound_http_authz_allow_total", route_name="live", authz_name="probe")
            == 1
        )
        assert pair.metric("inbound_http_authz_deny_total", route_name="rest") == 1


@pytest.mark.parametrize(
    ("limit", "scope"),
    [
        (RateLimit(Meta.default("l"), total=3), "total"),
        (RateLimit(Meta.default("l"), identity=3), "identity"),
        (
            RateLimit(
                Meta.default("l"),
                total=100,
                identity=50,
                overrides=(RateOverride(3, frozenset({CLIENT})),),
            ),
            "override",
        ),
    ],
)
def test_rate_limits_are_shared_by_all_connections(limit: RateLimit, scope: str) -> None:
    app = Script(200)
    policy = replace(default_policy("all-unauthenticated"), rate_limit=limit)
    with application(app) as port, Pair(port, inbound_policy=policy, client_ip=POD) as pair:
        pair.hold()

        def once() -> bytes:
            with pair.connect() as sock:
                return ask(sock, get())

        assert [status(once()) for _ in range(3)] == [200] * 3
        refused = once()
        assert status(refused) == 429
        assert b"[4002]" in refused
        name = "inbound_http_local_ratelimit_total"
        assert pair.metric(name, ratelimit_scope=scope, ratelimit_name="l") == 1
        (fault,) = pair.inbound.faults.latest()
        assert (fault.number, fault.peer, fault.route) == (4002, f"{POD} ({CLIENT})", "default")
        pair.advance(1.1)
        assert status(once()) == 200
        with pair.connect() as sock:
            client = Peer(sock)
            for _ in range(4):
                stream = client.request("GET", "/", GRPC)
                client.wait(lambda stream=stream: stream.ended)  # type: ignore[misc]
            assert stream.headers.get("grpc-status") == b"8"
