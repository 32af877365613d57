"""Routes and authorizations, from what proxies write to answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from web.stats.authz import Authorized, answer_authz
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.policies import Policy
from web.stats.query import QueryError, Question, Ref
from web.stats.routes import Route, RoutesAnswer, answer_routes
from web.stats.tests.cluster import emojivoto
from web.stats.tests.scraped import INBOUND, VOTES, Scraped
from web.tests.proxies import series

A = TypeVar("A")
WEB = Ref(Kind.DEPLOYMENT, "emojivoto", "web")
PARENT = {"parent_group": "core", "parent_kind": "Service", "parent_namespace": "emojivoto", "parent_name": "voting-svc", "parent_port": "8080"}  # fmt: skip
OUTBOUND = PARENT | VOTES | {"route_namespace": "emojivoto"}
PROFILE = {"direction": "outbound", "dst": "emoji-svc.emojivoto.svc.cluster.local:80"}


SENT = (
    series("outbound_http_route_request_statuses_total", 50, **OUTBOUND, http_status="200", error="")
    + series("outbound_http_route_request_statuses_total", 5, **OUTBOUND, http_status="503", error="")
    + series("outbound_grpc_route_request_statuses_total", 5, **OUTBOUND, grpc_status="14", error="")
    + series("outbound_http_route_request_duration_seconds_bucket", 60, **OUTBOUND, le="0.05")
    + series("outbound_http_route_request_duration_seconds_bucket", 60, **OUTBOUND, le="+Inf")
    + series("outbound_http_route_backend_response_statuses_total", 50, **OUTBOUND, backend_name="a", http_status="200", error="")
    + series("outbound_http_route_backend_response_statuses_total", 20, **OUTBOUND, backend_name="b", http_status="503", error="")
    + series("route_response_total", 9, **PROFILE, rt_route="GET /list", classification="success")
    + series("route_response_total", 3, **PROFILE, classification="success")
    + series("route_actual_response_total", 12, **PROFILE, rt_route="GET /list", classification="failure")
)  # fmt: skip


def ask(
    answer: Callable[[Question, Inventory, Scraped], Awaitable[A]], text: str, question: Question
) -> A:
    async def story() -> A:
        return await answer(question, emojivoto(), Scraped(text))

    return asyncio.run(story())


def routes(text: str, question: Question) -> list[Route]:
    found: RoutesAnswer = ask(answer_routes, text, question)
    return found.routes


def test_numbers_that_are_none_are_no_reason_to_answer_nothing() -> None:
    strange = {"parent_port": "²", "http_status": "²", "grpc_status": "²", "error": ""}
    sent = series("outbound_http_route_request_statuses_total", 5, **OUTBOUND | strange)
    sent += series("route_response_total", 3, **PROFILE | {"dst": "a.b.svc.x:²"}, rt_route="r", classification="success")  # fmt: skip
    found = routes(sent, Question("namespace", "", to=("namespace", "", "emojivoto")))
    assert [one.parent.port for one in found] == [0]


def test_inbound_routes_of_a_deployment() -> None:
    (route,) = routes(INBOUND, Question("deployment", "emojivoto"))
    assert (route.resource, route.direction, route.actual) == (WEB, "inbound", None)
    assert route.parent == Policy("server", "web-http", "", 80)
    assert route.route == Policy("HTTPRoute", "votes")
    assert route.requests is not None
    assert (route.requests.success, route.requests.failure) == (54, 6)
    assert route.requests.rps == pytest.approx(1.0)
    assert route.requests.latency.p50 == pytest.approx(5.0)


def test_outbound_routes_count_requests_and_tries_apart() -> None:
    voting = ("service", "emojivoto", "voting-svc")
    (route,) = routes(SENT, Question("deployment", "emojivoto", "web", to=voting))
    assert (route.resource, route.direction) == (WEB, "outbound")
    assert route.parent == Policy("Service", "voting-svc", "emojivoto", 8080)
    assert route.route == Policy("HTTPRoute", "votes", "emojivoto")
    assert route.requests is not None
    assert route.actual is not None
    assert (route.requests.success, route.requests.failure) == (50, 10)
    assert route.requests.latency.p50 == pytest.approx(25.0)
    assert (route.actual.success, route.actual.failure) == (50, 20)


def test_routes_of_a_service_are_those_its_clients_take() -> None:
    found = routes(SENT, Question("service", "emojivoto", "emoji-svc"))
    assert [(one.route.name, one.resource.name) for one in found] == [
        ("", "emoji-svc"),
        ("GET /list", "emoji-svc"),
    ]
    default, listing = found
    assert default.route.kind == listing.route.kind == "ServiceProfile"
    assert listing.parent == Policy("Service", "emoji-svc", "emojivoto", 80)
    assert listing.actual is not None
    assert (listing.actual.success, listing.actual.failure) == (0, 12)
    assert default.actual is None


def test_routes_to_a_whole_namespace() -> None:
    parents = {
        one.parent.name
        for one in routes(SENT, Question("namespace", "", "", to=("namespace", "", "emojivoto")))
    }
    assert parents == {"voting-svc", "emoji-svc"}
    assert not routes(SENT, Question("namespace", "", "", to=("namespace", "", "other")))


def test_resources_that_are_not_there_have_no_routes() -> None:
    assert not routes(INBOUND, Question("deployment", "emojivoto", selector="app=other"))
    assert not routes(INBOUND, Question("job", "emojivoto"))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (Question("all"), "resource.kind: routes are of one kind"),
        (Question("pod", "a", to=("pod", "a", "b")), "to.kind: a route leads to a service"),
        (Question("colour"), "'colour' is not a kind allowed here"),
        (Question("authority"), "'authority' is not a kind allowed here"),
        (Question("server"), "'server' is not a kind allowed here"),
    ],
)
def test_routes_that_cannot_be_asked_for(question: Question, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        routes(INBOUND, question)


def authz(question: Question) -> list[Authorized]:
    return ask(answer_authz, INBOUND, question).rows


def test_what_is_let_in_and_what_is_kept_out() -> None:
    denied, let_in, connections = sorted(
        authz(Question("deployment", "emojivoto")),
        key=lambda row: (row.authorization is not None, row.route is None),
    )
    votes = Policy("HTTPRoute", "votes")
    assert (denied.resource, denied.route, denied.authorization) == (WEB, votes, None)
    assert (denied.denied, denied.allowed, denied.requests) == (0.5, 0.0, None)
    assert let_in.authorization == Policy("authorizationpolicy", "web-only")
    assert let_in.requests is not None
    assert (let_in.allowed, let_in.requests.success) == (1.0, 54)
    assert connections.connections_allowed == pytest.approx(0.2)
    assert connections.server == Policy("server", "web-http", "", 80)


@pytest.mark.parametrize("kind", ["all", "service"])
def test_authorizations_are_at_pods(kind: str) -> None:
    with pytest.raises(QueryError, match="traffic is let in at pods"):
        authz(Question(kind))
