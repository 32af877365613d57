"""HTTP/2 peers that vanish without a goodbye are noticed, on both sides, in virtual time."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.codec.http2 import KeepAlive
from proxy.discovery.endpoints import Endpoint
from proxy.net.http2_server import Http2Server
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import LOCAL, Pair, application, echo_http, read_message
from proxy.tests.policies import Script, backend, balanced, routed, rule, status
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TERMS = KeepAlive(10.0, 3.0)
GET = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 0\r\n\r\n"


class Vanishes:
    """An HTTP/2 application that answers no request, and after the first of them nothing at all."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.over = threading.Event()

    def __call__(self, sock: socket.socket) -> None:
        def hear(stream: PeerStream) -> None:
            self.arrived.set()

        peer = Peer(sock, server=True, handler=hear)
        while not self.arrived.is_set() and peer.step():
            pass
        self.over.wait(10)


def pair(port: int, *others: Endpoint, keep_alive: KeepAlive = TERMS) -> Pair:
    policy = routed(rule(backend(failfast=30.0)))
    endpoint = Endpoint(SocketAddress(LOCAL, port), keep_alive=keep_alive)
    return Pair(port, outbound_policy=policy, endpoints=[endpoint, *others])


def test_an_endpoint_that_vanished_fails_its_requests_by_name() -> None:
    app = Vanishes()
    with application(app) as port, pair(port) as mesh, mesh.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/", {})
        assert app.arrived.wait(5)
        pass_silently(mesh, lambda: mesh.metric("outbound_http_errors_total") == 1)
        client.wait(lambda: stream.ended)
        assert stream.status == 502
        assert b"[2007]" in (stream.headers.get("l5d-proxy-error") or b"")
        app.over.set()


def test_what_may_be_done_twice_goes_to_another_endpoint() -> None:
    app = Vanishes()
    with (
        application(app) as port,
        application(echo_http2) as other,
        pair(port) as mesh,
        mesh.connect() as sock,
    ):
        client = Peer(sock)
        stream = client.request("GET", "/")
        assert app.arrived.wait(5)
        endpoints = mesh.lookups.set
        assert endpoints is not None
        mesh.run(lambda: endpoints.add([Endpoint(SocketAddress(LOCAL, other))]))
        mesh.run(lambda: balanced(mesh)._warm_one())
        mesh.becomes(lambda: balanced(mesh).counts == (2, 0, 0))
        pass_silently(mesh, lambda: mesh.metric("request_total", direction="outbound") == 2)
        client.wait(lambda: stream.ended)
        assert stream.status == 200
        app.over.set()


def test_a_peer_that_answers_pings_is_kept() -> None:
    with application(echo_http) as port, Pair(port) as mesh:
        mesh.meshed = replace(mesh.meshed, keep_alive=TERMS)
        mesh.lookups.endpoints = [mesh.meshed]
        with mesh.connect() as sock:
            sock.sendall(GET)
            assert status(read_message(sock)[0]) == 200
            shared = shared_connection(mesh)
            assert shared is not None
            for _ in range(10):
                mesh.advance(TERMS.interval / 2)
                settle(mesh)
            sock.sendall(GET)
            assert status(read_message(sock)[0]) == 200
            assert shared_connection(mesh) is shared


def shared_connection(mesh: Pair) -> object:
    """The one that carries all requests to the meshed endpoint."""
    return mesh.run(lambda: next(iter(balanced(mesh)._p2c.members())).service.http2.current)


def test_an_idle_connection_is_not_asked_unless_it_should_be() -> None:
    app = Script(200)
    with application(app) as port, Pair(port) as mesh:
        mesh.lookups.endpoints = [replace(mesh.meshed, keep_alive=replace(TERMS, while_idle=False))]
        with mesh.connect() as sock:
            sock.sendall(POST)
            assert status(read_message(sock)[0]) == 200
            written = mesh.metric("tcp_write_bytes_total", direction="outbound", peer="dst")
            for _ in range(10):
                mesh.advance(TERMS.interval)
            settle(mesh)
            assert mesh.metric("tcp_write_bytes_total", direction="outbound", peer="dst") == written


def test_a_client_that_vanished_is_let_go() -> None:
    with application(echo_http) as port, Pair(port) as mesh:
        mesh.inbound.http2 = replace(mesh.inbound.http2, keep_alive=TERMS)
        with mesh.connect(inbound=True) as sock:
            client = Peer(sock)
            stream = client.request("GET", "/")
            client.wait(lambda: stream.ended)
            mesh.becomes(
                lambda: any(isinstance(one, Http2Server) for one in mesh.inbound.connections)
            )
            pass_silently(mesh, lambda: not mesh.inbound.connections)


def echo_http2(sock: socket.socket) -> None:
    def answer(stream: PeerStream) -> None:
        if stream.ended:
            stream.respond(200, {}, ends=True)

    Peer(sock, server=True, handler=answer).serve()


def pass_silently(mesh: Pair, until: Callable[[], bool]) -> None:
    """Let time pass until the loss shows. What was heard late counts for one more interval."""
    for _ in range(5):
        mesh.advance(TERMS.interval + 0.02)
        mesh.advance(TERMS.timeout + 0.02)
        if mesh.run(until):
            return
    raise AssertionError("nothing was lost")


def settle(mesh: Pair) -> None:
    """What both sides still have to say to each other, through real sockets."""
    failures = mesh.reactor.failures
    for _ in range(20):
        mesh.run(lambda: None)
    assert mesh.reactor.failures == failures
