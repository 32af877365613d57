"""Whatever arrives on a port: a clear answer or a close, and the next client is served as if nothing
had been. Each case asserts both, and that no handler failed."""

from __future__ import annotations

import socket

import pytest

from proxy.codec.http1 import PREFACE
from proxy.tests.attacked import drained
from proxy.tests.pair import Pair, application, echo_http, read_message

GOOD = b"GET /good HTTP/1.1\r\nHost: v\r\n\r\n"

GARBAGE = {
    "zeros": b"\x00" * 64,
    "high bytes": b"\xff\xfe" * 40,
    "TLS alert": b"\x15\x03\x03\x00\x02\x02\x28" * 4,
    "half a ClientHello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "ClientHello with a lie": b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\x00",
    "preface and garbage": PREFACE + b"\x00\xff\xff" * 30,
    "preface and a giant frame": PREFACE + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "half a preface": PREFACE[:10],
    "transport header in the clear": b"transport.l5d.io/v1\r\n\r\n\x00\x00\x00\x02\x08\x50",
    "text": b"EHLO example.org\r\n",
    "a long line": b"G" * 70_000,
}


def serves(pair: Pair, *, inbound: bool) -> bool:
    with pair.connect(inbound=inbound) as sock:
        sock.sendall(GOOD)
        head, body, _ = read_message(sock)
        return head.startswith(b"HTTP/1.1 200") and body.startswith(b"GET /good ")


@pytest.mark.parametrize("inbound", [False, True], ids=["outbound", "inbound"])
@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_disturbs_nobody(case: str, inbound: bool) -> None:
    with application(echo_http) as port, Pair(port) as pair:
        with pair.connect(inbound=inbound) as sock:
            sock.sendall(GARBAGE[case])
            sock.shutdown(socket.SHUT_WR)
            drained(sock)
        assert serves(pair, inbound=inbound)
        assert pair.reactor.failures == 0


def test_a_head_without_end_is_too_large() -> None:
    with application(echo_http) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n")
            try:
                for index in range(3_000):
                    sock.sendall(b"X-%d: %s\r\n" % (index, b"y" * 100))
            except OSError:
                pass
            answer = drained(sock)
        assert answer == b"" or b" 431 " in answer
        assert serves(pair, inbound=False)
        assert pair.reactor.failures == 0


def test_the_proxys_own_port_refuses_plaintext() -> None:
    from weft.addresses import SocketAddress

    with application(echo_http) as port, Pair(port) as pair:
        pair.inbound_target = SocketAddress("127.0.0.1", pair.inbound_port)
        with pair.connect(inbound=True) as sock:
            sock.sendall(GOOD)
            assert drained(sock) == b""
        assert pair.metric("inbound_tcp_errors_total", error="unexpected") == 1


def test_a_response_that_is_not_http_is_a_502() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(GOOD)
            head, _, _ = read_message(sock)
        assert head.startswith(b"HTTP/1.1 502")
        assert b"[5003]" in head
        assert pair.reactor.failures == 0


def test_a_response_cut_short_is_not_passed_off_as_whole() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")

    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock:
            sock.sendall(GOOD)
            data = drained(sock)
        assert data == b"" or len(data.partition(b"\r\n\r\n")[2]) < 100
        assert pair.reactor.failures == 0
