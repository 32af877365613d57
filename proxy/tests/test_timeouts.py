"""Time-outs of routes: the whole request, each try, a quiet stream; none costs a timer that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.discovery.policy import Timeouts
from proxy.net.exchange import REPLAY_LIMIT
from proxy.net.http1_server import Http1Server
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import Pair, application, read_message, read_until
from proxy.tests.policies import Gated, Script, ask, backend, plain, routed, rule, status
from proxy.tests.test_pair_http2 import GRPC, h2_app

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from proxy.net.wheel import Timer

REQUEST = Timeouts(request=2.0)
RESPONSE = Timeouts(response=2.0)
IDLE = Timeouts(idle=2.0)


@pytest.mark.parametrize(("timeouts", "number"), [(REQUEST, 3003), (RESPONSE, 3004), (IDLE, 3005)])
@pytest.mark.parametrize("meshed", [True, False])
def test_no_answer_in_time_is_504_with_its_number(
    timeouts: Timeouts, number: int, *, meshed: bool
) -> None:
    app = Gated()
    policy = routed(rule(timeouts=timeouts))
    with application(app) as port:
        endpoints = None if meshed else plain(port)
        with Pair(port, outbound_policy=policy, endpoints=endpoints) as pair:
            with pair.connect() as sock:
                pair.hold()
                sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                assert app.arrived.acquire(timeout=5)
                pair.advance(1.9)
                pair.advance(0.2)
                head, _, _ = read_message(sock)
                assert status(head) == 504
                assert b"[%d]" % number in head
                app.let.set()
                # The connection and the endpoint are as good as before.
                assert status(ask(sock)) == 200
            assert pair.metric("outbound_http_errors_total", number=str(number)) == 1


@pytest.mark.parametrize("end", [b"\r\n", b"Checksum: 1\r\n\r\n"])
def test_a_large_request_that_found_no_endpoint_leaves_its_connection_as_good_as_before(
    end: bytes,
) -> None:
    """All of its body came before the time was up, more than is kept for another try."""
    policy = routed(rule(backend(failfast=60.0), timeouts=REQUEST))
    body = b"10001\r\n" + bytes(REPLAY_LIMIT + 1) + b"\r\n0\r\n" + end
    with Pair(1, outbound_policy=policy, endpoints=[]) as pair, pair.connect() as sock:
        pair.hold()
        sock.sendall(b"POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n")
        pair.eventually(lambda: pair.outbound.in_flight, 1)
        (server,) = pair.run(lambda: list(pair.outbound.connections))
        assert isinstance(server, Http1Server)
        pair.run(lambda: server.on_data(body))  # as one read: the kernel might make it two
        pair.advance(2.1)
        head, _, _ = read_message(sock)
        assert status(head) == 504
        assert b"connection: close" not in head
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        pair.eventually(lambda: pair.outbound.in_flight, 1)


def test_grpc_gets_deadline_exceeded() -> None:
    def silent(stream: PeerStream) -> None: ...

    policy = routed(rule(timeouts=REQUEST))
    with (
        application(h2_app(silent)) as port,
        Pair(port, outbound_policy=policy) as pair,
        pair.connect() as sock,
    ):
        pair.hold()
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC)
        pair.eventually(lambda: pair.metric("request_total", direction="inbound") > 0, True)
        pair.advance(2.1)
        client.wait(lambda: stream.ended)
        assert stream.status == 200
        assert stream.headers.get("grpc-status") == b"4"


def test_a_response_that_stalls_after_its_head_is_broken_off() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        sock.recv(1)

    with application(serve) as port:
        policy = routed(rule(timeouts=RESPONSE))
        with Pair(port, outbound_policy=policy) as pair, pair.connect() as sock:
            pair.hold()
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert read_until(sock, b"half").endswith(b"half")
            pair.advance(2.1)
            assert sock.recv(100) == b""
            assert pair.metric("outbound_http_errors_total", number="3004") == 1


def test_a_stream_that_moves_is_not_idle() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        for _ in range(5):
            sock.sendall(b"x")
            sock.recv(1)

    with application(serve) as port:
        policy = routed(rule(timeouts=IDLE))
        with Pair(port, outbound_policy=policy) as pair, pair.connect() as sock:
            pair.hold()
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert read_until(sock, b"\r\n\r\nx").endswith(b"x")
            pair.advance(1.5)
            assert pair.metric("outbound_http_errors_total") == 0


def test_a_request_that_ends_in_time_leaves_no_timer() -> None:
    app = Script(200)
    with application(app) as port:
        policy = routed(rule(timeouts=Timeouts(50.0, 40.0, 30.0)))
        with Pair(port, outbound_policy=policy) as pair, pair.connect() as sock:
            assert status(ask(sock)) == 200
            before = pair.run(lambda: len(pair.reactor._wheel))
            for _ in range(20):
                assert status(ask(sock)) == 200
            assert pair.run(lambda: len(pair.reactor._wheel)) <= before


def test_requests_without_limits_make_no_timer() -> None:
    app = Script(200)
    with application(app) as port, Pair(port) as pair, pair.connect() as sock:
        ask(sock)
        made: list[float] = []
        real = pair.reactor.call_later

        def counted(seconds: float, fn: Callable[[], None]) -> Timer:
            made.append(seconds)
            return real(seconds, fn)

        pair.run(lambda: setattr(pair.reactor, "call_later", counted))
        for _ in range(20):
            ask(sock)
        # The pool's sweeps are all there may be.
        assert len(made) <= 2


@pytest.mark.slow
def test_the_whole_requests_limit_covers_waiting_for_an_endpoint() -> None:
    policy = routed(rule(timeouts=Timeouts(request=0.5)))
    with Pair(1, outbound_policy=policy, endpoints=[]) as pair, pair.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        head, _, _ = read_message(sock)
        # Fail-fast, after 0.3 seconds, comes before the limit.
        assert b"[3001]" in head
