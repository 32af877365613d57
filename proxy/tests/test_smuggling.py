"""HTTP/1 requests that two servers might read differently: refused, or read in one way only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.tests.attacked import SIDES, Victim, victim
from proxy.tests.pair import answering, application, read_message, read_until
from proxy.tests.policies import plain
from testkit.attacks.smuggling import CHUNKS, CODINGS, HEADS, LENGTHS, LINES, NEXT, Attack

if TYPE_CHECKING:
    import socket

TABLES = {
    f"{table}: {name}": attack
    for table, attacks in {
        "length": LENGTHS, "coding": CODINGS, "chunks": CHUNKS, "head": HEADS,
    }.items()
    for name, attack in attacks.items()
}  # fmt: skip


def judge(pair: Victim, side: str, attack: Attack) -> None:
    answer = pair.throw(side, attack.sent + NEXT)
    statuses = [int(found) for found in re.findall(rb"^HTTP/1\.\d (\d{3})", answer, re.MULTILINE)]
    seen = pair.seen
    assert b"/smuggled" not in b"\n".join(seen.requests)
    assert b"evil-trailer" not in seen.everything()
    if attack.status == 200:
        assert statuses == [200, 200]
        assert len(seen.requests) == 2
        assert seen.bodies[0] == attack.body
        assert seen.requests[1].startswith(b"GET /next HTTP/1.1")
    else:
        assert statuses == [attack.status]
        # Who comes to the inbound side here is not meshed, and is not told why.
        assert (b"l5d-proxy-error" in answer) is (side == "outbound")
        assert not any(b"/next" in head for head in seen.requests)
        name = "header-too-large" if attack.status == 431 else "bad-request"
        assert pair.metric(f"{side}_http_errors_total", error=name) == 1
    pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("attack", TABLES.values(), ids=TABLES)
def test_requests_are_read_in_one_way_or_refused(side: str, attack: Attack) -> None:
    with victim() as pair:
        judge(pair, side, attack)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("attack", LINES.values(), ids=LINES)
def test_request_lines_that_are_none(side: str, attack: Attack) -> None:
    with victim(only_http1=True) as pair:
        judge(pair, side, attack)


@pytest.mark.parametrize("side", SIDES)
def test_a_preface_is_no_request_where_http1_is_known_to_come(side: str) -> None:
    with victim(only_http1=True) as pair:
        assert b"200 OK" not in pair.throw(side, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NEXT)
        assert pair.seen.requests == []
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
def test_a_chunk_of_almost_64_bits_is_a_body_that_does_not_end(side: str) -> None:
    endless = (
        b"POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n"
    )
    with victim() as pair:
        assert b"200 OK" not in pair.throw(side, endless + NEXT, then_shut=True)
        assert pair.seen.requests == []
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "protocols",
    [b"h2c", b"H2C", b"h2c/1", b"websocket, h2c", b"h2c,websocket", b"x\r\nUpgrade: h2c"],
)
def test_http2_is_not_upgraded_to(side: str, protocols: bytes) -> None:
    """Its frames would be a tunnel to the proxy. The request is served without the offer."""
    offer = (
        b"GET / HTTP/1.1\r\nHost: v\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: %s\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" % protocols
    )
    with victim() as pair:
        answer = pair.throw(side, offer + NEXT)
        assert answer.count(b"200 OK") == 2
        assert b"upgrade" not in pair.seen.everything().lower()
        assert b"http2-settings" not in pair.seen.everything()
        pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
def test_a_tunnel_has_no_length(side: str) -> None:
    """Whatever the server says of it, the bytes after its head are the tunnel's."""

    def serve(sock: socket.socket) -> None:
        read_until(sock, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nhello")
        sock.recv(1)

    with application(serve) as port, Victim(port) as pair, pair.door(side) as sock:
        sock.sendall(b"CONNECT v:443 HTTP/1.1\r\nHost: v:443\r\n\r\n")
        head = read_until(sock, b"hello")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert b"content-length" not in head
        assert pair.reactor.failures == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("meshed", [True, False])
def test_a_tunnel_that_nobody_asked_for_is_none(side: str, *, meshed: bool) -> None:
    """Whatever its client sends next is a request, with a route and an authorization of its own."""
    seen: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        read_until(sock, b"\r\n\r\n")
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
        )
        seen.append(sock.recv(100))

    with (
        application(serve) as port,
        Victim(port, endpoints=None if meshed else plain(port)) as pair,
    ):
        answer = pair.throw(side, b"GET / HTTP/1.1\r\nHost: v\r\n\r\n" + NEXT)
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b" 101 " not in answer
        pair.eventually(lambda: set(seen), {b""})
        assert pair.reactor.failures == 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("meshed", [True, False])
@pytest.mark.parametrize("length", [2, 100])
def test_a_response_in_chunks_has_no_length(side: str, length: int, *, meshed: bool) -> None:
    """Whatever its server says of it: another client would take less or more for the body."""
    response = (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"9\r\nall of it\r\n0\r\n\r\n"
    ) % length
    with (
        application(answering(response)) as port,
        Victim(port, endpoints=None if meshed else plain(port)) as pair,
        pair.door(side) as sock,
    ):
        for _ in range(2):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            head, body, rest = read_message(sock)
            assert b"content-length" not in head
            assert (body, rest) == (b"all of it", b"")
