"""ServiceProfiles in force: routes with their own metrics, retries on a budget, traffic splits."""

from __future__ import annotations

import pytest

from proxy.discovery.profile import MethodIs, PathRegex, Profile, ProfileRoute, StatusIn
from proxy.stack.budget import RetryBudget
from proxy.stack.meta import Meta
from proxy.tests.pair import AUTHORITY, Pair, application, read_message
from proxy.tests.policies import Gated, Script, applications, ask, plain, status
from weft.patterns import Pattern

NAME = AUTHORITY.partition(":")[0]
PARENT = Meta("core", "Service", "demo", "voting", port="8080")
VOTES = ProfileRoute(
    PathRegex(Pattern("/votes/.*")), labels=(("rt_route", "GET /votes/{id}"),), retryable=True
)


def profile(*routes: ProfileRoute, **others: object) -> Profile:
    terms = {"retry_budget": RetryBudget(0.2, 1, 10.0), **others}
    return Profile(name=NAME, routes=routes, parent=PARENT, **terms)  # type: ignore[arg-type]


def get(path: str) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: v\r\n\r\n" % path.encode()


def test_each_route_is_counted_under_its_own_name() -> None:
    app = Script(200)
    with (
        application(app) as port,
        Pair(port, profile=profile(VOTES)) as pair,
        pair.connect() as sock,
    ):
        ask(sock, get("/votes/7?x=1"))
        ask(sock, get("/votes/8"))
        ask(sock, get("/elsewhere"))
        for name in (
            "route_request_total",
            "route_response_total",
            "route_actual_request_total",
            "route_actual_response_total",
            "route_response_latency_ms_count",
        ):
            assert pair.metric(name, rt_route="GET /votes/{id}", dst=AUTHORITY) == 2, name
            assert pair.metric(name, direction="outbound") == 3, name
        assert pair.metric("route_response_total", classification="success", status_code="200") == 3
        assert pair.metric("outbound_http_route_request_statuses_total") == 0
        assert pair.metric("request_total", direction="outbound", authority=AUTHORITY) == 3
    assert b"l5d-" not in app.requests[0].replace(b"l5d-client-id", b"")


def test_the_endpoint_hears_the_canonical_name() -> None:
    app = Script(200)
    with (
        application(app) as port,
        Pair(port, profile=profile(VOTES), endpoints=plain(port)) as pair,
        pair.connect() as sock,
    ):
        ask(sock, get("/"))
    assert b"l5d-dst-canonical: " + AUTHORITY.encode() in app.requests[0]


def test_retryable_routes_are_retried_while_the_budget_lasts() -> None:
    app = Script(*([500] * 3), 200, 500)
    with (
        application(app) as port,
        Pair(port, profile=profile(VOTES)) as pair,
        pair.connect() as sock,
    ):
        pair.hold()
        assert status(ask(sock, get("/votes/1"))) == 200
        assert len(app.requests) == 4
        assert pair.metric("route_request_total", rt_route="GET /votes/{id}") == 1
        assert pair.metric("route_response_total", classification="success") == 1
        assert pair.metric("route_actual_request_total") == 4
        assert pair.metric("route_actual_response_total", classification="failure") == 3
        # One retry a second for ten seconds, less the three taken: 7, and then no more.
        assert status(ask(sock, get("/votes/2"))) == 500
        assert len(app.requests) == 4 + 8
        assert pair.metric("route_retryable_total", skipped="no_budget") == 1
        assert pair.metric("route_retryable_total") == 11
        pair.advance(11.0)
        assert status(ask(sock, get("/votes/3"))) == 500
        assert len(app.requests) == 12 + 11


def test_other_routes_are_not_retried() -> None:
    app = Script(500)
    with (
        application(app) as port,
        Pair(port, profile=profile(VOTES)) as pair,
        pair.connect() as sock,
    ):
        assert status(ask(sock, get("/elsewhere"))) == 500
    assert len(app.requests) == 1


def test_response_classes_say_what_a_failure_is() -> None:
    strict = ProfileRoute(
        MethodIs("GET"),
        (("rt_route", "all"),),
        ((StatusIn(400, 499), True), (StatusIn(503, 503), False)),
        retryable=True,
    )
    app = Script(404, 503)
    with (
        application(app) as port,
        Pair(port, profile=profile(strict)) as pair,
        pair.connect() as sock,
    ):
        assert status(ask(sock, get("/"))) == 503
        assert len(app.requests) == 2
        assert pair.metric("route_response_total", classification="success", status_code="503") == 1


def test_a_routes_time_is_limited() -> None:
    app = Gated()
    slow = ProfileRoute(MethodIs("GET"), timeout=2.0)
    with (
        application(app) as port,
        Pair(port, profile=profile(slow)) as pair,
        pair.connect() as sock,
    ):
        pair.hold()
        sock.sendall(get("/"))
        assert app.arrived.acquire(timeout=5)
        pair.advance(2.1)
        head, _, _ = read_message(sock)
        app.let.set()
        assert status(head) == 504


@pytest.mark.parametrize(("weights", "least", "most"), [((1, 1), 60, 140), ((1, 0), 200, 200)])
def test_traffic_is_split_by_weight(weights: tuple[int, int], least: int, most: int) -> None:
    old, new = Script(200), Script(200)
    split = profile(targets=(("old.demo:80", weights[0]), ("new.demo:80", weights[1])))
    with applications(old, new) as ports, Pair(ports[0], profile=split) as pair:
        pair.lookups.sets = {"old.demo:80": plain(ports[0]), "new.demo:80": plain(ports[1])}
        with pair.connect() as sock:
            for _ in range(200):
                assert status(ask(sock, get("/"))) == 200
        assert len(old.requests) + len(new.requests) == 200
        assert least <= len(old.requests) <= most
        assert pair.metric("request_total", authority="old.demo:80") == len(old.requests)


def test_what_is_shown_of_a_split_is_shown_of_all_of_it() -> None:
    app = Script(200)
    split = profile(targets=(("old.demo:80", 1), ("new.demo:80", 1)))
    with applications(app, app, app) as ports, Pair(ports[0], profile=split) as pair:
        pair.lookups.sets = {"old.demo:80": plain(ports[0]), "new.demo:80": plain(*ports[1:])}
        with pair.connect() as sock:
            for _ in range(50):
                assert status(ask(sock, get("/"))) == 200
        assert pair.metric("outbound_http_balancer_endpoints", endpoint_state="ready") == 3
        assert pair.metric("outbound_http_balancer_endpoints", endpoint_state="pending") == 0


def test_a_profile_that_comes_later_takes_over() -> None:
    app = Script(200)
    with application(app) as port, Pair(port) as pair, pair.connect() as sock:
        ask(sock, get("/votes/1"))
        assert pair.metric("route_request_total") == 0
        target = pair.run(lambda: next(iter(pair.outbound._logicals.values())).target)
        pair.run(lambda: target.update(profile(VOTES), target.policy))
        ask(sock, get("/votes/1"))
        assert pair.metric("route_request_total", rt_route="GET /votes/{id}") == 1
        pair.run(lambda: target.update(Profile(name=NAME), target.policy))
        ask(sock, get("/votes/1"))
        assert pair.metric("route_request_total") == 1
        assert pair.metric("response_total", direction="outbound") == 3
