"""HTTP/1 through both proxies: carried as HTTP/2 over mutual TLS, and what the ends see of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import Protocol, default_policy
from proxy.discovery.endpoints import Endpoint
from proxy.tests.pair import (
    CLIENT,
    LOCAL,
    SERVER,
    Pair,
    answering,
    application,
    certificates,
    echo_http,
    forward_policy,
    read_message,
    read_until,
    stranger,
)
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket


def exchange(sock: socket.socket, request: bytes) -> tuple[bytes, bytes]:
    sock.sendall(request)
    head, body, rest = read_message(sock)
    assert rest == b""
    return head, body


def test_a_request_arrives_as_it_was_sent_with_the_clients_identity() -> None:
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        head, seen = exchange(sock, b"GET /a?b=c HTTP/1.1\r\nHost: voting:8080\r\nX-Own: 1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"server: app" in head
    assert b"date: " in head
    assert b"l5d-" not in head
    assert seen.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"host: voting:8080\r\n" in seen
    assert b"x-own: 1\r\n" in seen
    assert b"l5d-client-id: " + CLIENT.encode() in seen
    assert b"l5d-orig-proto" not in seen


@pytest.mark.parametrize("meshed", [True, False])
def test_a_port_of_http1_takes_it_as_other_proxies_carry_it(*, meshed: bool) -> None:
    """Between proxies HTTP/1 travels as HTTP/2, also to a port that is said to speak HTTP/1."""
    policy = replace(default_policy("all-unauthenticated"), protocol=Protocol.HTTP1)
    with application(echo_http) as port, Pair(port, inbound_policy=policy) as pair:
        for _ in range(2):
            with pair.connect(inbound=not meshed) as sock:
                head, seen = exchange(sock, b"GET /a HTTP/1.1\r\nHost: v\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 OK")
                assert seen.startswith(b"GET /a HTTP/1.1\r\n")


def test_nobody_can_forge_the_meshs_headers() -> None:
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        _, seen = exchange(
            sock,
            b"GET / HTTP/1.1\r\nHost: v\r\nl5d-client-id: admin\r\nL5D-Anything: x\r\n\r\n",
        )
    assert b"admin" not in seen
    assert b"l5d-anything" not in seen


@pytest.mark.parametrize("size", [0, 1, 16_384, 65_536, 3_000_000])
def test_bodies_of_known_length_come_back_whole(size: int) -> None:
    body = bytes(index % 251 for index in range(size))
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        sock.settimeout(10)
        head, seen = exchange(
            sock, b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n" % size + body
        )
    assert head.startswith(b"HTTP/1.1 200")
    assert seen.partition(b"\r\n\r\n")[2] == body


def test_chunks_are_carried() -> None:
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        head, seen = exchange(
            sock,
            b"POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n",
        )
    assert b"transfer-encoding: chunked" in seen
    assert seen.partition(b"\r\n\r\n")[2] == b"hello world"
    assert head.startswith(b"HTTP/1.1 200")


def test_chunked_responses_and_trailers() -> None:
    first_came = threading.Event()

    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n3\r\nabc\r\n"
        )
        first_came.wait(5)
        sock.sendall(b"2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n")

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
        data = read_until(sock, b"abc\r\n")
        first_came.set()
        data = read_until(sock, b"x-sum: 5\r\n\r\n", data)
    assert b"transfer-encoding: chunked" in data
    assert data.endswith(b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n")


def test_a_response_that_ends_with_its_connection() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        head, body = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
    assert body == b"all of it"
    assert b"transfer-encoding: chunked" in head


def test_head_has_a_length_and_no_body() -> None:
    serve = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n")
    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        for _ in range(2):
            sock.sendall(b"HEAD / HTTP/1.1\r\nHost: v\r\n\r\n")
            data = read_until(sock, b"\r\n\r\n")
            assert b"content-length: 7" in data
            assert data.endswith(b"\r\n\r\n")


def test_pipelined_requests_are_answered_in_order() -> None:
    count = 50
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        sock.sendall(
            b"".join(b"GET /%d HTTP/1.1\r\nHost: v\r\n\r\n" % index for index in range(count))
        )
        rest = b""
        for index in range(count):
            _, seen, rest = read_message(sock, rest)
            assert seen.startswith(b"GET /%d " % index)


def test_http10_closes_and_keep_alive_is_honoured() -> None:
    with application(echo_http) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            head, seen, _ = read_message(sock)
            assert head.startswith(b"HTTP/1.0 200")
            assert sock.recv(1) == b""
        with pair.connect() as sock:
            for _ in range(2):
                head, seen = exchange(
                    sock, b"GET / HTTP/1.0\r\nHost: v\r\nConnection: keep-alive\r\n\r\n"
                )
                assert b"connection: keep-alive" in head
                assert seen


def test_connection_close_is_honoured() -> None:
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        head, seen = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n")
        assert b"connection: close" in head
        assert b"connection:" not in seen
        assert sock.recv(1) == b""


def test_expect_continue() -> None:
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        sock.sendall(
            b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert read_until(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        head, seen = exchange(sock, b"hi")
        assert head.startswith(b"HTTP/1.1 200")
        assert seen.endswith(b"hi")


@pytest.mark.parametrize("host", [b"voting:8080", b"voting", b"[fd00::1]", b"VOTING:99999"])
@pytest.mark.parametrize("inbound", [True, False])
def test_absolute_form_is_restored(host: bytes, *, inbound: bool) -> None:
    with (
        application(echo_http) as port,
        Pair(port) as pair,
        pair.connect(inbound=inbound) as sock,
    ):
        _, seen = exchange(sock, b"GET http://%s/x HTTP/1.1\r\nHost: other\r\n\r\n" % host)
    assert seen.startswith(b"GET http://%s/x HTTP/1.1\r\n" % host)
    assert b"host: %s\r\n" % host in seen
    assert b"other" not in seen


def test_a_websocket_gets_a_connection_of_its_own() -> None:
    def serve(sock: socket.socket) -> None:
        head, _, rest = read_message(sock)
        if not head:
            return  # opened while the first bytes were awaited; not needed, an upgrade has its own
        assert b"upgrade: websocket" in head
        assert b"connection: upgrade" in head.lower()
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
            b"connection: upgrade\r\n\r\nhello"
        )
        while data := rest or sock.recv(100):
            rest = b""
            sock.sendall(data.upper())

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        sock.sendall(
            b"GET /chat HTTP/1.1\r\nHost: v\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        data = read_until(sock, b"hello")
        assert data.startswith(b"HTTP/1.1 101")
        assert b"upgrade: websocket" in data
        sock.sendall(b"ping")
        assert sock.recv(100) == b"PING"


def test_a_refused_upgrade_is_an_ordinary_response() -> None:
    with application(echo_http) as port, Pair(port) as pair, pair.connect() as sock:
        head, _ = exchange(
            sock, b"GET / HTTP/1.1\r\nHost: v\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        )
    assert head.startswith(b"HTTP/1.1 200")


def test_connect_opens_a_tunnel() -> None:
    def serve(sock: socket.socket) -> None:
        head, _, _ = read_message(sock)
        if not head:
            return
        assert head.startswith(b"CONNECT db:5432 HTTP/1.1")
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        sock.sendall(sock.recv(100)[::-1])

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        sock.sendall(b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n")
        assert read_until(sock, b"\r\n\r\n").startswith(b"HTTP/1.1 200")
        sock.sendall(b"abc")
        assert sock.recv(100) == b"cba"


# --- metrics --------------------------------------------------------------------------------


def test_requests_are_counted_on_both_sides() -> None:
    with application(echo_http) as port, Pair(port) as pair:
        with pair.connect() as sock:
            for _ in range(3):
                exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        out = {"direction": "outbound", "dst_deployment": "voting", "server_id": SERVER}
        into = {"direction": "inbound", "client_id": CLIENT, "route_name": "default"}
        for labels in (out, into):
            assert pair.metric("request_total", **labels) == 3
            assert (
                pair.metric("response_total", status_code="200", classification="success", **labels)
                == 3
            )
            assert pair.metric("response_latency_ms_count", **labels) == 3
        assert pair.metric("tcp_open_total", direction="outbound", peer="src") == 1
        # One for the requests; one more if the client was slow to speak, for a server that might be first.
        assert pair.metric("tcp_open_total", direction="inbound", peer="src", tls="true") in (1, 2)
        assert pair.metric("inbound_http_authz_allow_total", client_id=CLIENT) == 3
        assert pair.metric("tcp_read_bytes_total", direction="outbound", peer="src") == 81


def test_server_errors_count_as_failures() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n")

    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock:
            head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503")
        for direction in ("inbound", "outbound"):
            assert (
                pair.metric(
                    "response_total",
                    direction=direction,
                    status_code="503",
                    classification="failure",
                )
                == 1
            )


# --- errors ---------------------------------------------------------------------------------


def test_an_application_that_is_not_there_is_a_502() -> None:
    with Pair(1) as pair, pair.connect() as sock:
        head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502")
    assert b"connection refused: 127.0.0.1:1 [2001]" in head


def test_no_endpoints_is_failfast() -> None:
    with Pair(1, endpoints=[], failfast=60.0) as pair:
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            pair.eventually(lambda: pair.outbound.in_flight, 1)
            pair.advance(61.0)
            head, _, _ = read_message(sock)
            assert head.startswith(b"HTTP/1.1 504")
            assert b"service in fail-fast" in head
            assert b"connection: close" in head
            assert sock.recv(1) == b""
        with pair.connect() as sock:
            # At once: nothing lets the time pass that the first one had to wait for.
            exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        assert pair.metric("outbound_http_errors_total", error="failfast") == 2


def test_a_request_waits_for_an_endpoint() -> None:
    with (
        application(echo_http) as port,
        Pair(port, endpoints=[], failfast=5.0) as pair,
        pair.connect() as sock,
    ):
        sock.sendall(b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody")
        pair.eventually(lambda: pair.outbound.in_flight, 1)

        def arrive() -> None:
            assert pair.lookups.set is not None
            pair.lookups.set.add([pair.meshed])

        pair.run(arrive)
        head, seen, _ = read_message(sock)
    assert head.startswith(b"HTTP/1.1 200")
    assert seen.endswith(b"body")


def test_the_wrong_server_is_refused() -> None:
    with (
        application(echo_http) as port,
        Pair(
            port, server=certificates("emoji.demo.serviceaccount.identity.weft.cluster.local")
        ) as pair,
    ):
        pair.lookups.policy = forward_policy(
            Endpoint(
                pair.meshed.address,
                identity=SERVER,
                server_name="emoji.demo.serviceaccount.identity.weft.cluster.local",
                hint=pair.meshed.hint,
            )
        )
        with pair.connect() as sock:
            head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502")
    assert b"server did not prove the required identity" in head
    assert b"[2004]" in head


def test_a_certificate_of_another_authority_is_refused() -> None:
    with application(echo_http) as port, Pair(port, server=stranger(SERVER)) as pair:
        pair.lookups.policy = forward_policy(pair.meshed)
        with pair.connect() as sock:
            head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502")
    assert b"TLS handshake failed" in head


def test_discovery_that_refuses_closes_the_connection() -> None:
    with Pair(1) as pair:
        pair.lookups.refuse = True
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert sock.recv(100) == b""
        assert pair.metric("outbound_tcp_errors_total", error="discovery-unavailable") == 1
        # Anybody can try addresses by the thousand, and nothing is remembered of them.
        pair.becomes(lambda: not pair.outbound.connections)
        assert not pair.outbound._sources


def test_a_client_that_leaves_takes_its_request_with_it() -> None:
    gone: list[bool] = []

    def serve(sock: socket.socket) -> None:
        read_message(sock)
        gone.append(sock.recv(1) == b"")

    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            pair.eventually(lambda: pair.inbound.in_flight, 1)
        pair.eventually(lambda: bool(gone) and all(gone), True)
        pair.eventually(lambda: (pair.inbound.in_flight, pair.outbound.in_flight), (0, 0))


# --- policy ---------------------------------------------------------------------------------


def test_denied_clients_get_403() -> None:
    with (
        application(echo_http) as port,
        Pair(port, inbound_policy=default_policy("deny"), client_ip="10.0.0.9") as pair,
    ):
        with pair.connect() as sock:
            for _ in range(2):
                head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 403")
                assert b"unauthorized request on route" in head
                assert b"[4001]" in head
        assert pair.metric("inbound_http_authz_deny_total", client_id=CLIENT) == 2
        assert pair.metric("inbound_http_errors_total", error="unauthorized") == 2


def test_a_policy_that_changes_is_followed_at_once() -> None:
    with (
        application(echo_http) as port,
        Pair(port, client_ip="10.0.0.9") as pair,
        pair.connect() as sock,
    ):
        head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        pair.run(lambda: pair.policies.cells[port].update(default_policy("deny")))
        head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 403")


def test_plaintext_is_denied_where_identity_is_demanded() -> None:
    policy = default_policy("all-authenticated")
    with (
        application(echo_http) as port,
        Pair(port, inbound_policy=policy, client_ip="10.0.0.9") as pair,
    ):
        with pair.connect(inbound=True) as sock:
            head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 403")
            assert b"l5d-proxy-error" not in head
        with pair.connect() as sock:
            head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")


# --- unmeshed, and connections that were kept -------------------------------------------------


def test_unmeshed_endpoints_are_spoken_to_as_they_are() -> None:
    with application(echo_http) as port:
        plain = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[plain]) as pair, pair.connect() as sock:
            for _ in range(2):
                head, seen = exchange(sock, b"GET /x HTTP/1.1\r\nHost: v\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert seen.startswith(b"GET /x HTTP/1.1\r\nhost: v\r\n")
                assert b"l5d-" not in seen


def test_a_kept_connection_that_dies_is_not_noticed() -> None:
    """The application closes each connection after one response, without saying so."""

    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with application(serve) as port:
        plain = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[plain]) as pair, pair.connect() as sock:
            for _ in range(100):
                head, body = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert body == b"ok"


def test_dead_endpoints_are_avoided() -> None:
    with application(echo_http) as port:
        dead = [Endpoint(SocketAddress(LOCAL, number)) for number in (1, 2, 3)]
        live = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[*dead, live], failfast=3.0) as pair, pair.connect() as sock:
            for _ in range(20):
                head, _ = exchange(sock, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")


def test_an_answer_larger_than_a_window_leaves_the_applications_connection_usable() -> None:
    """The last piece finds the window shut, and nothing is left to hold back."""
    body = bytes(1_000_000)

    def serve(sock: socket.socket) -> None:
        rest = b""
        while True:
            head, _, rest = read_message(sock, rest)
            if not head:
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for size in (100_000, 60_000, 10_000):
                sock.sendall(b"%x\r\n%b\r\n" % (size, body[:size]))
            sock.sendall(b"0\r\n\r\n")

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        for _ in range(20):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            _, received, _ = read_message(sock)
            assert len(received) == 170_000


# --- drain ----------------------------------------------------------------------------------


def test_draining_finishes_requests_and_closes() -> None:
    drained = threading.Event()

    def serve(sock: socket.socket) -> None:
        read_message(sock)
        drained.wait(5)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock, pair.connect() as idle:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            pair.eventually(lambda: pair.inbound.in_flight, 1)
            pair.drain(pair.inbound)
            pair.drain(pair.outbound)
            drained.set()
            head, body, _ = read_message(sock)
            assert head.startswith(b"HTTP/1.1 200")
            assert body == b"ok"
            assert b"connection: close" in head
            assert sock.recv(1) == b""
            with pytest.raises(ConnectionRefusedError):
                pair.connect()
            del idle
        pair.eventually(lambda: len(pair.inbound.connections), 0)


@pytest.mark.parametrize("side", ["inbound", "outbound"])
def test_draining_closes_after_a_response_that_had_begun(side: str) -> None:
    """Its head had promised that the connection would be kept."""
    drained = threading.Event()

    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok")
        drained.wait(5)
        sock.sendall(b"ok")

    with application(serve) as port, Pair(port) as pair:
        front = pair.inbound if side == "inbound" else pair.outbound
        with pair.connect(inbound=side == "inbound") as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            begun = read_until(sock, b"ok")
            assert b"connection: close" not in begun
            pair.drain(front)
            drained.set()
            assert read_until(sock, b"ok") == b"ok"
            assert sock.recv(100) == b""
            pair.eventually(lambda: len(front.connections), 0)
