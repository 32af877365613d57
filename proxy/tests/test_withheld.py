"""Who may not see why a proxy answered, does not: neither header nor message, whoever made the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import Route, Rule, default_policy
from proxy.codec.message import Headers
from proxy.net.answer import withhold
from proxy.stack.filters import FailGrpc, FailHttp
from proxy.stack.meta import Meta
from proxy.tests.h2peer import Peer
from proxy.tests.pair import Pair, answering, application
from proxy.tests.policies import Script, ask, plain, routed, rule, status
from proxy.tests.test_pair_http2 import GRPC
from testkit.ports import free_ports

if TYPE_CHECKING:
    import socket

    from proxy.stack.filters import Filter

GET = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"
GRPC_WEB = b"POST /a.B/C HTTP/1.1\r\nHost: v\r\nContent-Type: application/grpc-web\r\nContent-Length: 0\r\n\r\n"
NO_HOST = b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"
TOLD = (b"l5d-", b"grpc-message")


def tells(head: bytes) -> bool:
    return any(name in head for name in TOLD)


def call(sock: socket.socket) -> Headers:
    """The response's headers of a gRPC call that fails."""
    client = Peer(sock)
    stream = client.request("POST", "/a.B/C", GRPC)
    client.wait(lambda: stream.ended)
    assert stream.status == 200
    return stream.headers


def injected(item: Filter) -> Pair:
    return Pair(1, outbound_policy=routed(rule(filters=(item,))), informational=False)


# --- outbound: the setting --------------------------------------------------------------------


@pytest.mark.parametrize("informational", [True, False])
def test_what_another_proxy_said(*, informational: bool) -> None:
    """Its application is not there, so it answers itself."""
    (nobody,) = free_ports(1)
    with Pair(nobody, informational=informational) as pair:
        with pair.connect() as sock:
            head = ask(sock, GET)
            assert status(head) == 502
            assert tells(head) is informational
        with pair.connect() as sock:
            head = ask(sock, GRPC_WEB)
            assert status(head) == 200
            assert b"grpc-status: 14" in head
            assert tells(head) is informational
        with pair.connect() as sock:
            headers = call(sock)
            assert headers.get("grpc-status") == b"14"
            assert ("l5d-proxy-error" in headers) is informational
            assert ("grpc-message" in headers) is informational


@pytest.mark.parametrize("informational", [True, False])
def test_what_the_proxy_says_itself(*, informational: bool) -> None:
    (nobody,) = free_ports(1)
    with Pair(1, endpoints=plain(nobody), informational=informational) as pair:
        with pair.connect() as sock:
            head = ask(sock, GET)
            assert status(head) >= 500
            assert tells(head) is informational
        with pair.connect() as sock:
            headers = call(sock)
            assert "grpc-status" in headers
            assert ("l5d-proxy-error" in headers) is informational
            assert ("grpc-message" in headers) is informational


@pytest.mark.parametrize("informational", [True, False])
def test_why_a_request_is_none(*, informational: bool) -> None:
    with Pair(1, informational=informational) as pair, pair.connect() as sock:
        head = ask(sock, NO_HOST)
        assert status(head) == 400
        assert tells(head) is informational


def test_what_a_filter_says() -> None:
    with injected(FailHttp(503, "the database is at 10.0.0.7")) as pair, pair.connect() as sock:
        head = ask(sock, GET)
        assert status(head) == 503
        assert not tells(head)
    with injected(FailGrpc(11, "the database is at 10.0.0.7")) as pair, pair.connect() as sock:
        headers = call(sock)
        assert headers.get("grpc-status") == b"11"
        assert "l5d-proxy-error" not in headers
        assert "grpc-message" not in headers


def test_ingress_mode_is_told_like_anyone_where_the_setting_says_so() -> None:
    with Pair(1, ingress=True) as pair, pair.connect() as sock:
        assert tells(ask(sock, NO_HOST))


def test_what_an_application_says_of_its_failure_stays() -> None:
    said = b"HTTP/1.1 503 X\r\ngrpc-message: mine\r\nx-why: mine\r\ncontent-length: 0\r\n\r\n"
    with (
        application(answering(said)) as port,
        Pair(port, informational=False) as pair,
        pair.connect() as sock,
    ):
        head = ask(sock, GET)
    assert b"x-why: mine" in head
    assert b"grpc-message: mine" in head
    headers = Headers([("l5d-proxy-error", b"why"), ("grpc-status", b"14")])
    withhold(headers)
    assert headers.get("grpc-status") == b"14"
    assert "l5d-proxy-error" not in headers


# --- inbound: clients without an identity -------------------------------------------------------


def test_strangers_are_not_told_why_a_pod_refuses_them() -> None:
    with application(Script(200)) as port:
        policy = default_policy("all-unauthenticated")
        failing = (Route(Meta.default("r"), (Rule((), (FailHttp(418, "teapot"),)),)),)
        with Pair(port, inbound_policy=replace(policy, routes=failing)) as pair:
            with pair.connect(inbound=True) as sock:
                head = ask(sock, GET)
                assert status(head) == 418
                assert not tells(head)
            with pair.connect(inbound=True) as sock:
                head = ask(sock, NO_HOST)
                assert status(head) == 400
                assert not tells(head)
            with pair.connect() as sock:
                assert b"l5d-proxy-error: teapot" in ask(sock, GET)
        denied = default_policy("deny")
        stranger = Pair(port, inbound_policy=denied, client_ip="10.0.0.9")
        with stranger, stranger.connect(inbound=True) as sock:
            headers = call(sock)
            assert headers.get("grpc-status") == b"7"
            assert "grpc-message" not in headers
