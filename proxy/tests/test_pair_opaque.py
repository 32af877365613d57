"""Bytes nobody looks at: with the transport header, over plain mutual TLS, and through unmeshed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from proxy.authz.policy import default_policy
from proxy.discovery.endpoints import Endpoint, Hint
from proxy.tests.h2peer import Peer
from proxy.tests.pair import (
    CLIENT,
    LOCAL,
    SERVER,
    Pair,
    application,
    certificates,
    echo_bytes,
    read_until,
)
from proxy.tests.policies import Script, ask, status
from proxy.tests.test_pair_http2 import GRPC, h2_app, unary
from weft.addresses import SocketAddress


def receive_all(sock: socket.socket) -> bytes:
    data = b""
    while more := sock.recv(65_536):
        data += more
    return data


def transported(pair: Pair) -> Endpoint:
    """The application's port, reached through the peer proxy's own port with a header."""
    return Endpoint(
        pair.app,
        identity=SERVER,
        hint=Hint.OPAQUE,
        transport_port=pair.inbound_port,
    )


def direct(pair: Pair) -> None:
    """Connections arrive as if sent to the proxy's own port."""
    pair.inbound_target = SocketAddress(LOCAL, pair.inbound_port)


def test_bytes_travel_with_a_transport_header_and_half_close() -> None:
    payload = bytes(range(256)) * 40
    with application(echo_bytes) as port, Pair(port, opaque=True) as pair:
        direct(pair)
        pair.lookups.endpoints = [transported(pair)]
        with pair.connect() as sock:
            sock.sendall(payload)
            sock.shutdown(socket.SHUT_WR)
            assert receive_all(sock) == payload
        assert pair.metric("inbound_tcp_transport_header_connections_total", client_id=CLIENT) == 1
        assert pair.metric("inbound_tcp_authz_allow_total", client_id=CLIENT) == 1


def test_requests_for_an_opaque_port_travel_with_a_transport_header_too() -> None:
    """Only the pod says that its port is opaque; its proxy takes no TLS there."""
    app = Script(200)
    closed = default_policy("all-unauthenticated", opaque=True)
    with application(app) as port, Pair(port, inbound_policy=closed) as pair:
        direct(pair)
        pair.lookups.endpoints = [transported(pair)]
        with pair.connect() as sock:
            assert [status(ask(sock)) for _ in range(2)] == [200, 200]
        assert pair.metric("inbound_tcp_transport_header_connections_total", client_id=CLIENT) == 1
    assert len(app.requests) == 2
    with application(h2_app(unary)) as port, Pair(port, inbound_policy=closed) as pair:
        direct(pair)
        pair.lookups.endpoints = [transported(pair)]
        with pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/a.B/C", GRPC, ends=False)
            client.send(stream, b"abc", ends=True)
            client.wait(lambda: stream.ended)
            assert stream.body == b"cba"


def test_large_transfers_are_whole_and_bounded() -> None:
    size = 8_000_000
    with application(echo_bytes) as port, Pair(port, opaque=True) as pair:
        direct(pair)
        pair.lookups.endpoints = [transported(pair)]
        with pair.connect() as sock:
            sock.settimeout(10)
            view = memoryview(bytes(range(250)) * (size // 250))
            received = 0
            sent = 0
            sock.setblocking(False)
            deadline = time.monotonic() + 20
            while received < size and time.monotonic() < deadline:
                if sent < size:
                    with contextlib.suppress(BlockingIOError):
                        sent += sock.send(view[sent : sent + 100_000])
                try:
                    more = sock.recv(200_000)
                    assert more == view[received : received + len(more)]
                    received += len(more)
                except BlockingIOError:
                    pass
            assert received == size


def test_transfers_at_the_same_time_do_not_mix() -> None:
    """They are read into one buffer, also while one of them is held up by its reader."""
    size = 1_500_000
    with application(echo_bytes) as port, Pair(port, opaque=True) as pair:
        direct(pair)
        pair.lookups.endpoints = [transported(pair)]
        with contextlib.ExitStack() as stack:
            socks = [stack.enter_context(pair.connect()) for _ in range(4)]
            sent = [memoryview(bytes([number]) * size) for number in range(4)]
            received = [0] * 4
            for sock in socks:
                sock.setblocking(False)
            deadline = time.monotonic() + 20
            while sum(received) < 4 * size and time.monotonic() < deadline:
                for number, sock in enumerate(socks):
                    with contextlib.suppress(BlockingIOError):
                        sent[number] = sent[number][sock.send(sent[number][:100_000]) :]
                    # The first reads last: what comes for it stops the relay, not its neighbours.
                    if number or sum(received[1:]) == 3 * size:
                        with contextlib.suppress(BlockingIOError):
                            more = sock.recv(200_000)
                            assert more.count(number) == len(more)
                            received[number] += len(more)
            assert received == [size] * 4


def test_a_server_that_speaks_first_is_heard() -> None:
    def serve(sock: socket.socket) -> None:
        sock.sendall(b"220 ready\r\n")
        assert read_until(sock, b"\r\n") == b"QUIT\r\n"
        sock.sendall(b"221 bye\r\n")

    with application(serve) as port, Pair(port, opaque=True) as pair:
        direct(pair)
        pair.lookups.endpoints = [transported(pair)]
        with pair.connect() as sock:
            assert read_until(sock, b"\r\n") == b"220 ready\r\n"
            sock.sendall(b"QUIT\r\n")
            assert receive_all(sock) == b"221 bye\r\n"


def test_undetected_bytes_are_forwarded_over_mutual_tls() -> None:
    with application(echo_bytes) as port, Pair(port) as pair, pair.connect() as sock:
        sock.sendall(b"\x00\x01\x02 not a request at all")
        assert sock.recv(100) == b"\x00\x01\x02 not a request at all"


def test_silence_becomes_opaque_when_detection_times_out() -> None:
    with (
        application(echo_bytes) as port,
        Pair(port, endpoints=[Endpoint(SocketAddress(LOCAL, port))]) as pair,
    ):
        with pair.connect() as sock:
            found = "outbound_tcp_detect_http_results_total"
            pair.eventually(lambda: pair.metric(found, result="read_timeout"), 1.0)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            assert sock.recv(100).startswith(b"GET / HTTP/1.1\r\nHost: v")
        assert pair.metric("outbound_tcp_detect_http_results_total", result="read_timeout") == 1


def test_a_broken_endpoint_closes_the_connection() -> None:
    plain = Endpoint(SocketAddress(LOCAL, 1))
    with Pair(1, endpoints=[plain], opaque=True) as pair, pair.connect() as sock:
        assert receive_all(sock) == b""


def test_opaque_ports_are_not_looked_at_inbound() -> None:
    with application(echo_bytes) as port:
        policy = default_policy("all-unauthenticated", opaque=True)
        with Pair(port, inbound_policy=policy) as pair, pair.connect(inbound=True) as sock:
            hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
            sock.sendall(hello)
            assert sock.recv(100) == hello


def test_tls_for_somebody_else_passes_through() -> None:
    with application(echo_bytes) as port, Pair(port) as pair:
        store = certificates("somebody.else.serviceaccount.identity.weft.cluster.local")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = store.client_context.wrap_bio(incoming, outgoing, server_hostname="example.org")
        with contextlib.suppress(OSError):
            tls.do_handshake()
        hello = outgoing.read()
        with pair.connect(inbound=True) as sock:
            sock.sendall(hello)
            assert sock.recv(10_000) == hello
        assert pair.metric("tcp_open_total", tls="opaque", sni="example.org") == 1


def test_policy_changes_end_connections_that_are_no_longer_allowed() -> None:
    with application(echo_bytes) as port, Pair(port, client_ip="10.0.0.9") as pair:
        with pair.connect() as sock:
            sock.sendall(b"\x00\x01")
            assert sock.recv(10) == b"\x00\x01"
            pair.run(lambda: pair.policies.cells[port].update(default_policy("deny")))
            assert sock.recv(10) == b""
        assert pair.metric("inbound_tcp_authz_terminate_total", client_id=CLIENT) == 1


def test_denied_bytes_are_closed() -> None:
    policy = default_policy("deny")
    with (
        application(echo_bytes) as port,
        Pair(port, inbound_policy=policy, client_ip="10.0.0.9") as pair,
    ):
        with pair.connect() as sock:
            sock.sendall(b"\x00\x01")
            assert sock.recv(10) == b""
        assert pair.metric("inbound_tcp_authz_deny_total", client_id=CLIENT) == 1
