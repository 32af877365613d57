"""Rows of Servers, HTTPRoutes and authorizations, from what proxies write to answers."""

import asyncio
from dataclasses import replace

import pytest

from web.stats.aggregate import Requests, Row, Tcp
from web.stats.answer import answer
from web.stats.backend import Latency
from web.stats.denials import Denials
from web.stats.kinds import Kind
from web.stats.query import Question, Ref
from web.stats.tests.cluster import emojivoto, obj
from web.stats.tests.scraped import ALLOW, INBOUND, SERVER, Scraped
from web.tests.proxies import series

HOME = "emojivoto"
ANSWERED = Requests(54, 6, 1.0, Latency(5.0, 9.5, 9.9))
MAIL = SERVER | {"srv_name": "mail", "srv_port": "25"}
TO_MAIL = (
    series("inbound_tcp_authz_allow_total", 3, **MAIL, **ALLOW)
    + series("inbound_tcp_authz_deny_total", 6, **MAIL)
    + series("tcp_open_connections", 2, direction="inbound", peer="src", **MAIL)
    + series("tcp_read_bytes_total", 600, direction="inbound", peer="src", **MAIL)
    + series("tcp_write_bytes_total", 60, direction="inbound", peer="src", **MAIL)
    + series("tcp_open_connections", 9, direction="inbound", peer="dst")
)


def rows(question: Question, text: str = INBOUND + TO_MAIL) -> list[Row]:
    known = emojivoto()
    for kind, name in (
        (Kind.SERVER, "mail"),
        (Kind.SERVER, "unused"),
        (Kind.SERVER, "web-http"),
        (Kind.SERVER_AUTHORIZATION, "old"),
        (Kind.AUTHORIZATION_POLICY, "web-only"),
        (Kind.GRPC_ROUTE, "votes"),
        (Kind.HTTP_ROUTE, "votes"),
    ):
        known.put(kind, obj(name, labels={"app": name}))
    known.put(Kind.SERVER, obj("web-http", "other"))
    return asyncio.run(answer(question, known, Scraped(text))).rows


def test_servers_say_what_they_answered_and_what_they_kept_out() -> None:
    mail, unused, web = rows(Question("server", HOME, tcp=True))
    assert mail == Row(
        Ref(Kind.SERVER, HOME, "mail"), tcp=Tcp(2, 10.0, 1.0), denials=Denials(0.0, 0.1)
    )
    assert unused == Row(Ref(Kind.SERVER, HOME, "unused"))
    assert web == Row(
        Ref(Kind.SERVER, HOME, "web-http"),
        requests=ANSWERED,
        denials=Denials(0.5, 0.0, ("web-http",)),
    )


def test_a_server_of_the_same_name_elsewhere_is_another() -> None:
    (found,) = rows(Question("server", "other"))
    assert found == Row(Ref(Kind.SERVER, "other", "web-http"))


@pytest.mark.parametrize(
    ("kind", "other", "named"),
    [
        (Kind.HTTP_ROUTE, Kind.GRPC_ROUTE, "HTTPRoute"),
        (Kind.GRPC_ROUTE, Kind.HTTP_ROUTE, "GRPCRoute"),
    ],
)
def test_a_route_says_at_which_server_it_was_taken(kind: Kind, other: Kind, named: str) -> None:
    """And one of the other kind that has its name says nothing of it."""
    taken = INBOUND.replace("HTTPRoute", named)
    (route,) = rows(Question(kind, HOME, "votes", tcp=True), taken)
    assert route == Row(
        Ref(kind, HOME, "votes"),
        requests=ANSWERED,
        denials=Denials(0.5, 0.0, ("web-http",)),
    )
    assert rows(Question(other, HOME, "votes"), taken) == [Row(Ref(other, HOME, "votes"))]


def test_authorizations_keep_nothing_out() -> None:
    (policy,) = rows(Question("authorizationpolicy", HOME, tcp=True))
    assert policy == Row(Ref(Kind.AUTHORIZATION_POLICY, HOME, "web-only"), requests=ANSWERED)
    (old,) = rows(Question("serverauthorization", HOME, tcp=True))
    assert old == Row(Ref(Kind.SERVER_AUTHORIZATION, HOME, "old"))


def test_to_narrows_it_to_the_pods_of_one_resource() -> None:
    question = Question("server", HOME, to=("deployment", HOME, "web"))
    assert [row.resource.name for row in rows(question)] == ["mail", "web-http"]
    assert rows(replace(question, to=("deployment", HOME, "emoji"))) == []
    assert [row.requests for row in rows(replace(question, name="web-http"))] == [ANSWERED]


def test_a_server_that_lets_nobody_in_is_seen_too() -> None:
    denied = series("inbound_http_authz_deny_total", 30, **SERVER)
    (found,) = rows(Question("server", HOME, to=("namespace", "", HOME)), denied)
    assert (found.requests, found.denials) == (None, Denials(0.5, 0.0, ("web-http",)))


def test_labels_select_objects_of_policy() -> None:
    found = rows(Question("server", selector="app=unused"))
    assert [row.resource.name for row in found] == ["unused"]


@pytest.mark.parametrize("kind", ["server", "httproute", "grpcroute"])
def test_without_traffic_nothing_is_asked(kind: str) -> None:
    assert all(row == Row(row.resource) for row in rows(Question(kind, traffic=False)))
