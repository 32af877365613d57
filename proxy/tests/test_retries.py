"""Retries of policy routes: which outcomes, how often, how long between, and what is kept for them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.codec.http2 import REFUSED_STREAM
from proxy.codec.message import Headers
from proxy.discovery.policy import Retry, RouteBackend, Timeouts
from proxy.stack.backoff import Backoff
from proxy.stack.filters import HeaderModifier, RequestHeaderModifier
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import Pair, application, read_message
from proxy.tests.policies import (
    Gated,
    Script,
    applications,
    ask,
    backend,
    balanced,
    plain,
    routed,
    rule,
    status,
)
from proxy.tests.test_pair_http2 import GRPC, h2_app

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from proxy.discovery.policy import OutboundPolicy
    from proxy.tests.pair import Serve

SOON = Backoff(0.001, 0.002, 0.0)
SERVER_ERRORS = Retry(2, 65_536, statuses=((500, 599),), backoff=SOON)
UNAVAILABLE = Retry(2, 65_536, grpc_codes=frozenset({14}), backoff=SOON)


@contextlib.contextmanager
def meshed(port: int, policy: OutboundPolicy) -> Iterator[socket.socket]:
    """A connection of a client, through both proxies."""
    with Pair(port, outbound_policy=policy) as pair, pair.connect() as sock:
        yield sock


def retrying(port: int, retry: Retry = SERVER_ERRORS, **terms: Timeouts) -> Pair:
    return Pair(port, outbound_policy=routed(rule(retry=retry, **terms)))


def test_a_failed_request_is_sent_again_and_the_client_sees_only_the_success() -> None:
    app = Script(503, 500, 200)
    with application(app) as port, retrying(port) as pair, pair.connect() as sock:
        assert status(ask(sock)) == 200
        assert len(app.requests) == 3
        assert app.requests[0] == app.requests[2]
        assert pair.metric("outbound_http_route_retry_requests_total") == 2
        assert pair.metric("outbound_http_route_retry_successes_total") == 1
        route = {"route_name": "votes", "parent_name": "voting"}
        assert (
            pair.metric("outbound_http_route_request_statuses_total", http_status="200", **route)
            == 1
        )
        assert pair.metric("outbound_http_route_request_statuses_total") == 1
        backend = "outbound_http_route_backend_response_statuses_total"
        assert pair.metric(backend, backend_name="voting") == 3
        assert pair.metric(backend, http_status="503") == 1
        assert pair.metric("outbound_http_route_backend_requests_total") == 3
        assert pair.metric("outbound_http_route_request_duration_seconds_count", **route) == 1


def test_after_the_last_retry_the_client_gets_what_came() -> None:
    app = Script(500, 501, 502, 503)
    with application(app) as port, retrying(port) as pair, pair.connect() as sock:
        assert status(ask(sock)) == 502
        assert len(app.requests) == 3
        assert pair.metric("outbound_http_route_retry_limit_exceeded_total") == 1
        assert status(ask(sock)) == 503


@pytest.mark.parametrize("code", [200, 404, 499])
def test_other_outcomes_are_not_retried(code: int) -> None:
    app = Script(code)
    with application(app) as port, retrying(port) as pair, pair.connect() as sock:
        assert status(ask(sock)) == code
    assert len(app.requests) == 1


def test_a_small_body_is_sent_again_whole() -> None:
    app = Script(500, 200)
    body = bytes(range(256)) * 200
    with application(app) as port, retrying(port) as pair, pair.connect() as sock:
        head = ask(
            sock, b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n" % 51_200 + body
        )
        assert status(head) == 200
    assert app.bodies == [body, body]


def test_a_large_body_is_not_kept_so_its_failure_is_final() -> None:
    app = Script(500, 200)
    with application(app) as port, retrying(port) as pair, pair.connect() as sock:
        request = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 200000\r\n\r\n"
        assert status(ask(sock, request + b"x" * 200_000)) == 500
        assert pair.metric("outbound_http_route_retry_overflow_total") == 1
    assert len(app.requests) == 1


def test_a_route_may_keep_less() -> None:
    app = Script(500, 200)
    small = Retry(1, 10, statuses=((500, 599),), backoff=SOON)
    with application(app) as port, retrying(port, small) as pair, pair.connect() as sock:
        assert (
            status(
                ask(sock, b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)
            )
            == 500
        )


def test_retries_wait_for_their_back_off() -> None:
    app = Script(500, 200)
    slow = Retry(1, 65_536, statuses=((500, 599),), backoff=Backoff(5.0, 5.0, 0.0))
    with application(app) as port, retrying(port, slow) as pair, pair.connect() as sock:
        pair.hold()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        pair.eventually(lambda: pair.metric("outbound_http_route_retry_requests_total") > 0, True)
        pair.advance(4.8)
        assert len(app.requests) == 1
        pair.advance(0.3)
        head, _, _ = read_message(sock)
        assert status(head) == 200
        assert len(app.requests) == 2


def test_a_client_that_leaves_during_the_back_off_ends_the_matter() -> None:
    app = Script(500, 200)
    slow = Retry(1, 65_536, statuses=((500, 599),), backoff=Backoff(5.0, 5.0, 0.0))
    with application(app) as port, retrying(port, slow) as pair:
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            pair.eventually(
                lambda: pair.metric("outbound_http_route_retry_requests_total") > 0, True
            )
        pair.eventually(lambda: pair.outbound.in_flight, 0)
        pair.advance(6.0)
        assert len(app.requests) == 1


def test_a_try_that_does_not_answer_in_its_time_is_followed_by_another() -> None:
    gates = [Gated(), Gated()]
    arrived = gates[0].arrived = gates[1].arrived
    patient = Retry(1, 65_536, timeout=2.0, backoff=SOON)
    with applications(*gates) as ports:
        policy = routed(rule(retry=patient))
        with (
            Pair(ports[0], outbound_policy=policy, endpoints=plain(*ports)) as pair,
            pair.connect() as sock,
        ):
            pair.hold()
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert arrived.acquire(timeout=5)
            pair.advance(2.1)
            pair.eventually(
                lambda: pair.metric("outbound_http_route_retry_requests_total") > 0, True
            )
            pair.advance(0.02)  # the back-off
            for gate in gates:
                gate.let.set()
            head, _, _ = read_message(sock)
            assert status(head) == 200
            assert pair.metric("outbound_http_route_retry_successes_total") == 1
            assert pair.metric("response_total", error="response-timeout") == 1
            # Whoever took too long is thought of as slow.
            slow = pair.run(lambda: max(m.estimate for m in balanced(pair)._p2c.members()))
            assert slow >= 2.0


def test_the_last_try_is_waited_for_as_long_as_it_takes() -> None:
    app = Gated()
    once = Retry(0, 65_536, timeout=1.0, backoff=SOON)
    with application(app) as port, retrying(port, once) as pair, pair.connect() as sock:
        pair.hold()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        assert app.arrived.acquire(timeout=5)
        pair.advance(60.0)
        app.let.set()
        head, _, _ = read_message(sock)
        assert status(head) == 200


def test_the_whole_requests_limit_ends_retries() -> None:
    app = Script(500)
    often = Retry(1000, 65_536, statuses=((500, 599),), backoff=Backoff(1.0, 1.0, 0.0))
    limits = Timeouts(request=3.0)
    with (
        application(app) as port,
        retrying(port, often, timeouts=limits) as pair,
        pair.connect() as sock,
    ):
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        while not app.requests:
            pass
        pair.advance(3.1)
        head, _, _ = read_message(sock)
        assert b"[3003]" in head
        assert len(app.requests) <= 4


# --- gRPC -----------------------------------------------------------------------------------


def flaky(failures: int, code: str = "14", *, trailers_only: bool) -> tuple[list[bytes], Serve]:
    seen: list[bytes] = []

    def serve(stream: PeerStream) -> None:
        if not stream.ended or stream.reset_code is not None:
            return
        seen.append(stream.body)
        final = code if len(seen) <= failures else "0"
        if trailers_only and final != "0":
            stream.respond(
                200, {"content-type": "application/grpc", "grpc-status": final}, ends=True
            )
            return
        stream.respond(200, {"content-type": "application/grpc"})
        if final == "0":
            stream.send_data(b"reply", False)
        stream.send_trailers(Headers([("grpc-status", final)]))

    return seen, h2_app(serve)


@pytest.mark.parametrize("trailers_only", [True, False])
@pytest.mark.parametrize("grpc_policy", [True, False])
def test_a_grpc_code_is_retried_wherever_it_stands(
    *, trailers_only: bool, grpc_policy: bool
) -> None:
    seen, serve = flaky(2, trailers_only=trailers_only)
    policy = routed(rule(retry=UNAVAILABLE), grpc=grpc_policy)
    with application(serve) as port, meshed(port, policy) as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC, ends=False)
        client.send(stream, b"question", ends=True)
        client.wait(lambda: stream.ended)
        assert stream.body == b"reply"
        assert stream.trailers is not None
        assert stream.trailers.get("grpc-status") == b"0"
    assert seen == [b"question"] * 3


def test_other_grpc_codes_pass_with_their_trailers() -> None:
    seen, serve = flaky(9, code="5", trailers_only=False)
    policy = routed(rule(retry=UNAVAILABLE))
    with application(serve) as port, meshed(port, policy) as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC)
        client.wait(lambda: stream.ended)
        assert stream.trailers is not None
        assert stream.trailers.get("grpc-status") == b"5"
    assert len(seen) == 1


# --- wishes of the request ------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [True, False])
def test_a_request_may_ask_for_retries_where_its_route_lets_it(*, allowed: bool) -> None:
    app = Script(503, 200)
    policy = routed(rule(allow_l5d_request_headers=allowed))
    with application(app) as port, meshed(port, policy) as sock:
        head = ask(
            sock,
            b"GET / HTTP/1.1\r\nHost: v\r\nl5d-retry-http: 5xx\r\nl5d-retry-limit: 1\r\n\r\n",
        )
        assert status(head) == (200 if allowed else 503)
    assert b"l5d-retry" not in b"".join(app.requests)


def test_a_wish_that_cannot_be_read_costs_neither_the_request_nor_its_connection() -> None:
    policy = routed(rule(allow_l5d_request_headers=True))
    strange = b"l5d-retry-limit: \xb2\r\nl5d-retry-http: \xb2\xb2\xb2\r\nl5d-timeout: \xb2s\r\n"
    with application(Script(200)) as port, meshed(port, policy) as sock:
        for _ in range(2):
            head = ask(sock, b"GET / HTTP/1.1\r\nHost: v\r\n" + strange + b"\r\n")
            assert status(head) == 200


def test_a_request_may_limit_its_own_time() -> None:
    app = Gated()
    policy = routed(rule(allow_l5d_request_headers=True))
    with (
        application(app) as port,
        Pair(port, outbound_policy=policy) as pair,
        pair.connect() as sock,
    ):
        pair.hold()
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\nl5d-timeout: 500ms\r\n\r\n")
        assert app.arrived.acquire(timeout=5)
        pair.advance(0.6)
        head, _, _ = read_message(sock)
        assert b"[3003]" in head
        app.let.set()


def test_a_backends_filters_begin_anew_with_every_try() -> None:
    app = Script(503, 503, 200)
    marked = HeaderModifier(add=(("x-try", b"1"),), remove=("x-own",))
    one = RouteBackend(backend(), 1, (RequestHeaderModifier(marked),))
    policy = routed(rule(one, retry=SERVER_ERRORS))
    with (
        application(app) as port,
        Pair(port, outbound_policy=policy) as pair,
        pair.connect() as sock,
    ):
        assert status(ask(sock)) == 200
    assert [request.count(b"x-try: 1") for request in app.requests] == [1, 1, 1]


def test_another_backend_does_not_see_what_the_first_ones_filters_did() -> None:
    first, second = Script(503), Script(200)
    marked = HeaderModifier(set=(("x-own", b"first"),))
    with applications(first, second) as ports:
        one = RouteBackend(backend("first:80"), 1, (RequestHeaderModifier(marked),))
        other = RouteBackend(backend("second:80"))
        many = replace(SERVER_ERRORS, max_retries=60)
        with Pair(ports[0], outbound_policy=routed(rule(one, other, retry=many))) as pair:
            pair.lookups.sets = {"first:80": plain(ports[0]), "second:80": plain(ports[1])}
            with pair.connect() as sock:
                while not first.requests:
                    assert (
                        status(ask(sock, b"GET / HTTP/1.1\r\nHost: v\r\nx-own: mine\r\n\r\n"))
                        == 200
                    )
    assert all(b"x-own: first" in request for request in first.requests)
    assert all(b"x-own: mine" in request for request in second.requests)


def test_a_head_that_was_held_back_is_forgotten_with_its_try() -> None:
    tries: list[PeerStream] = []

    def serve(stream: PeerStream) -> None:
        if not stream.ended or stream.reset_code is not None:
            return
        tries.append(stream)
        if len(tries) == 1:
            stream.respond(200, {"content-type": "application/grpc", "x-try": "1"})
            stream.reset(REFUSED_STREAM)
        else:
            stream.respond(200, {"content-type": "text/plain", "x-try": "2"})
            stream.send_data(b"reply", True)

    with application(h2_app(serve)) as port:
        policy = routed(rule(retry=UNAVAILABLE), grpc=True)
        pair = Pair(port, outbound_policy=policy, endpoints=plain(port))
        with pair, pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/a.B/C", GRPC, ends=True)
            client.wait(lambda: stream.ended)
            assert (stream.reset_code, stream.body) == (None, b"reply")
            assert stream.headers.get("x-try") == b"2"
            assert pair.reactor.failures == 0
