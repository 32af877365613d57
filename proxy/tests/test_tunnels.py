"""Requests that became tunnels (WebSockets, CONNECT): they last as long as the inbound policy admits them."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import DEFAULT_ROUTES, Route, Rule, ServerPolicy, default_policy
from proxy.codec.transport_header import SessionProtocol, TransportHeader
from proxy.discovery.policy import for_service
from proxy.net.http1_server import Http1Server
from proxy.stack.filters import HeaderModifier, RequestHeaderModifier
from proxy.stack.match import ExactHost, HeaderMatch, HttpMatch
from proxy.tests.pair import AUTHORITY, CLIENT, Pair, application, certificates, read_until
from proxy.tests.policies import SERVICE_META, plain
from proxy.tests.test_gateway import GATEWAY, SUFFIXES

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

OPEN = default_policy("all-unauthenticated")
SHUT = default_policy("deny")
MESHED = default_policy("all-authenticated")
STRANGER = "10.0.0.9"
"""Where clients seem to come from: loopback is always let in."""

WEBSOCKET = (
    b"GET /chat HTTP/1.1\r\nHost: v\r\nX-Who: alice\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\n\r\n"
)
CONNECT = b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
TERMINATED = "inbound_tcp_authz_terminate_total"


class Upper:
    """An application that agrees to every tunnel, and shouts back what comes through it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.over = threading.Event()
        """The tunnel has ended on its side."""

    def __call__(self, sock: socket.socket) -> None:
        head = read_until(sock, b"\r\n\r\n")
        if not head:
            return  # made while the first bytes were awaited; a tunnel has a connection of its own
        self.asked.set()
        assert self.may_answer.wait(5)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if head.startswith(b"CONNECT") else SWITCHED)
        with contextlib.suppress(ConnectionError):
            while data := sock.recv(100):
                sock.sendall(data.upper())
        self.over.set()


@contextlib.contextmanager
def scene(policy: ServerPolicy = OPEN) -> Iterator[tuple[Pair, Upper]]:
    app = Upper()
    with (
        application(app) as port,
        Pair(port, inbound_policy=policy, client_ip=STRANGER) as pair,
    ):
        yield pair, app


def opened(sock: socket.socket, request: bytes = WEBSOCKET) -> None:
    sock.sendall(request)
    read_until(sock, b"\r\n\r\n")
    assert lives(sock)


def lives(sock: socket.socket) -> bool:
    sock.sendall(b"ping")
    return sock.recv(100) == b"PING"


def becomes(pair: Pair, policy: ServerPolicy) -> None:
    """The controller sends another policy of the one port there is."""

    def update() -> None:
        (cell,) = pair.policies.cells.values()
        cell.update(policy)

    pair.run(update)


def is_over(pair: Pair, app: Upper, sock: socket.socket) -> None:
    """The tunnel has ended on both sides, was counted once, and nothing of it is left."""
    assert sock.recv(1) == b""
    assert app.over.wait(5)
    assert pair.metric(TERMINATED) == 1
    nothing_is_left(pair)


def nothing_is_left(pair: Pair) -> None:
    pair.becomes(lambda: not any(isinstance(one, Http1Server) for one in pair.inbound.connections))
    (cell,) = pair.policies.cells.values()
    assert pair.run(lambda: len(cell._watchers)) == 0
    assert pair.reactor.failures == 0


def routed(*routes: Route) -> ServerPolicy:
    return replace(OPEN, routes=routes)


# --- the policy shuts its client out ------------------------------------------------------------


@pytest.mark.parametrize("request_", [WEBSOCKET, CONNECT])
@pytest.mark.parametrize("inbound", [True, False], ids=["unmeshed", "meshed"])
def test_a_tunnel_ends_when_its_client_is_no_longer_admitted(
    request_: bytes, *, inbound: bool
) -> None:
    with scene() as (pair, app), pair.connect(inbound=inbound) as sock:
        opened(sock, request_)
        becomes(pair, SHUT)
        is_over(pair, app, sock)
        client = {} if inbound else {"client_id": CLIENT}
        assert pair.metric(TERMINATED, srv_name="deny", **client) == 1


def test_a_tunnel_ends_when_the_client_would_have_to_prove_itself() -> None:
    with scene() as (pair, app), pair.connect(inbound=True) as sock:
        opened(sock)
        becomes(pair, MESHED)
        is_over(pair, app, sock)


def test_a_tunnel_ends_when_its_route_no_longer_admits_its_client() -> None:
    (route,) = DEFAULT_ROUTES
    admitting = replace(route, authorizations=OPEN.authorizations)
    with scene(replace(SHUT, routes=(admitting,))) as (pair, app), pair.connect() as sock:
        opened(sock)
        becomes(pair, SHUT)
        is_over(pair, app, sock)


def test_a_tunnel_ends_when_no_route_leads_there_any_more() -> None:
    other = Route(DEFAULT_ROUTES[0].meta, (Rule((HttpMatch(method="POST"),)),))
    with scene() as (pair, app), pair.connect() as sock:
        opened(sock)
        becomes(pair, routed(other))
        is_over(pair, app, sock)


@pytest.mark.parametrize("inbound", [True, False], ids=["unmeshed", "meshed"])
def test_a_client_that_is_shut_out_while_the_application_thinks_gets_no_tunnel(
    *, inbound: bool
) -> None:
    with scene() as (pair, app), pair.connect(inbound=inbound) as sock:
        app.may_answer.clear()
        sock.sendall(WEBSOCKET)
        assert app.asked.wait(5)
        becomes(pair, SHUT)
        app.may_answer.set()
        answer = b"" if inbound else b"HTTP/1.1 403 "  # its proxy asked again
        assert read_until(sock, b"\r\n\r\n")[:13] == answer
        assert app.over.wait(5)
        assert pair.metric(TERMINATED) == 1


# --- the policy goes on admitting it ------------------------------------------------------------


@pytest.mark.parametrize(
    "policy", [MESHED, replace(OPEN, detect_timeout=1.0)], ids=["proves itself", "a detail"]
)
def test_a_tunnel_lives_on_when_its_client_is_still_admitted(policy: ServerPolicy) -> None:
    with scene() as (pair, _app):
        with pair.connect() as sock:
            opened(sock)
            becomes(pair, policy)
            assert lives(sock)
        nothing_is_left(pair)
        assert pair.metric(TERMINATED) == 0


def test_a_tunnel_lives_on_when_its_route_still_admits_its_client() -> None:
    """The port's own authorizations are gone; those of the route suffice, as for its requests."""
    (route,) = DEFAULT_ROUTES
    admitting = replace(route, authorizations=OPEN.authorizations)
    with scene() as (pair, _app), pair.connect() as sock:
        opened(sock)
        becomes(pair, replace(SHUT, routes=(admitting,)))
        assert lives(sock)
        assert pair.metric(TERMINATED) == 0


def test_the_request_is_looked_at_as_it_was_asked() -> None:
    """The route's filter took away the header that leads to the route."""
    rule = Rule(
        (HttpMatch(headers=(HeaderMatch("x-who", b"alice"),)),),
        (RequestHeaderModifier(HeaderModifier(remove=("x-who",))),),
    )
    policy = routed(Route(DEFAULT_ROUTES[0].meta, (rule,)))
    with scene(policy) as (pair, _app), pair.connect() as sock:
        opened(sock)
        becomes(pair, replace(policy, detect_timeout=1.0))
        assert lives(sock)


def test_only_what_became_a_tunnel_is_watched() -> None:
    with scene() as (pair, app), pair.connect(inbound=True) as sock:
        app.may_answer.clear()
        sock.sendall(WEBSOCKET)
        assert app.asked.wait(5)
        (cell,) = pair.policies.cells.values()
        assert pair.run(lambda: len(cell._watchers)) == 0
        app.may_answer.set()
        read_until(sock, b"\r\n\r\n")
        assert lives(sock)
        assert pair.run(lambda: len(cell._watchers)) == 1


# --- through a gateway --------------------------------------------------------------------------


@contextlib.contextmanager
def through_a_gateway(policy: ServerPolicy) -> Iterator[tuple[Pair, Upper, socket.socket]]:
    app = Upper()
    header = TransportHeader(8080, AUTHORITY.partition(":")[0], SessionProtocol.HTTP1)
    with (
        application(app) as port,
        Pair(
            1,
            inbound_policy=policy,
            client_ip=STRANGER,
            gateway=SUFFIXES,
            server=certificates(GATEWAY),
        ) as gate,
    ):
        gate.lookups.named[AUTHORITY] = for_service(AUTHORITY, SERVICE_META, opaque=False)
        gate.lookups.sets[AUTHORITY] = plain(port)
        with gate.tunnel(header) as sock:
            opened(sock)
            yield gate, app, sock


def test_a_tunnel_through_a_gateway_ends_too() -> None:
    with through_a_gateway(OPEN) as (gate, app, sock):
        becomes(gate, SHUT)
        is_over(gate, app, sock)


def test_a_tunnel_through_a_gateway_lives_on_while_its_client_is_admitted() -> None:
    """The route is found by the host that its client wrote, which the gateway has replaced."""
    policy = routed(replace(DEFAULT_ROUTES[0], hosts=(ExactHost("v"),)))
    with through_a_gateway(policy) as (gate, _app, sock):
        becomes(gate, replace(policy, detect_timeout=1.0))
        assert lives(sock)
        assert gate.metric(TERMINATED) == 0
