"""HTTP/2 that breaks rules, means something else in HTTP/1, or never ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import (
    ALL_NETWORKS,
    ANY_IDENTITY,
    Authorization,
    Network,
    Route,
    Rule,
    Unauthenticated,
    default_policy,
)
from proxy.net.http2_server import Http2Server
from proxy.net.transport import STALLED
from proxy.stack.match import ExactPath, HttpMatch
from proxy.stack.meta import Meta
from proxy.tests.attacked import BLOCKS, SIDES, Seen, Victim, blocks_grown, victim
from proxy.tests.pair import Pair, application, read_message
from testkit.attacks.floods import ENHANCE_YOUR_CALM, FLOODS
from testkit.attacks.frames import (
    BEGINNING,
    DATA,
    GET,
    GOAWAY,
    HEADERS,
    METHOD_GET,
    METHOD_POST,
    PING,
    POST,
    PREFACE,
    REQUESTS,
    RST_STREAM,
    RULES,
    SCHEME,
    SETTINGS,
    WINDOW_UPDATE,
    Attack,
    End,
    V,
    field,
    frame,
    path,
    read_frames,
    request,
)

if TYPE_CHECKING:
    import socket

AS_HTTP1 = field(b"l5d-orig-proto", b"HTTP/1.1")
GOODBYE = frame(GOAWAY, 0, 0, bytes(8))
"""Nothing more comes: the proxy finishes what there is and closes."""


def code(payload: bytes) -> int:
    return int.from_bytes(payload[4:8], "big")


def judge(pair: Victim, side: str, attack: Attack, sent: bytes) -> None:
    answer = read_frames(pair.throw(side, BEGINNING + sent + GOODBYE))
    codes = [code(payload) for kind, _, payload in answer if kind == GOAWAY]
    resets = [payload for kind, stream, payload in answer if (kind, stream) == (RST_STREAM, 1)]
    heads = [stream for kind, stream, _ in answer if kind == HEADERS]
    if attack.end is End.CONNECTION:
        assert codes
        assert codes[-1] != 0
        name = "protocol-violation"
        assert pair.metric(f"{side}_http_errors_total", error=name) == 1
    elif attack.end is End.STREAM:
        assert not any(codes)
        assert resets or heads
        assert pair.seen.requests == []
    else:
        assert heads == [1]
        assert len(pair.seen.requests) == 1
    assert b"evil" not in pair.seen.everything()
    assert b"/smuggled" not in pair.seen.everything()
    pair.is_sound(side)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("attack", REQUESTS.values(), ids=REQUESTS)
def test_requests_that_http1_would_read_differently(side: str, attack: Attack) -> None:
    with victim() as pair:
        judge(pair, side, attack, attack.sent)


@pytest.mark.parametrize("attack", REQUESTS.values(), ids=REQUESTS)
def test_the_same_for_an_application_that_speaks_http1(attack: Attack) -> None:
    """A peer that claims to carry HTTP/1: what it says becomes a request line and headers."""
    with victim() as pair:
        judge(pair, "inbound", attack, _carried(attack.sent))


def _carried(sent: bytes) -> bytes:
    """The same frames, with `AS_HTTP1` at the end of every header block that begins with a method."""
    out = b""
    at = 0
    while at < len(sent):
        end = at + 9 + int.from_bytes(sent[at : at + 3], "big")
        payload = sent[at + 9 : end]
        if sent[at + 3] == HEADERS and payload.startswith((METHOD_GET, METHOD_POST)):
            payload += AS_HTTP1
        out += len(payload).to_bytes(3, "big") + sent[at + 3 : at + 9] + payload
        at = end
    return out


@pytest.mark.parametrize("target", [b"/admin", b"/admin#", b"/admin#x", b"http://v/admin"])
@pytest.mark.parametrize("carried", [b"", AS_HTTP1], ids=["http2", "http1"])
def test_a_path_is_authorized_as_the_application_will_read_it(
    target: bytes, carried: bytes
) -> None:
    """One path is for the mesh only, all others are for everybody."""
    everywhere = tuple(map(Network, ALL_NETWORKS))
    everybody = Authorization(Meta.default("all"), everywhere, Unauthenticated())
    meshed = Authorization(Meta.default("meshed"), everywhere, ANY_IDENTITY)
    admin = Rule((HttpMatch(path=ExactPath("/admin")),))
    routes = (
        Route(Meta.default("admin"), (admin,), authorizations=(meshed,)),
        Route(Meta.default("rest"), (Rule(),), authorizations=(everybody,)),
    )
    policy = replace(default_policy("deny"), routes=routes)
    seen = Seen()
    with (
        application(seen.serve) as port,
        Victim(port, inbound_policy=policy, client_ip="10.9.9.9") as pair,
    ):
        block = METHOD_GET + SCHEME + path(target) + V + carried
        answer = read_frames(pair.throw("inbound", BEGINNING + request(block) + GOODBYE))
        assert {kind for kind, stream, _ in answer if stream == 1} & {HEADERS, RST_STREAM}
        assert seen.requests == []


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("attack", RULES.values(), ids=RULES)
def test_frames_against_the_rules(side: str, attack: Attack) -> None:
    with victim() as pair:
        judge(pair, side, attack, attack.sent)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_floods_end_with_a_request_for_calm(side: str, flood: bytes) -> None:
    with victim() as pair:

        def attack() -> None:
            answer = read_frames(pair.throw(side, BEGINNING + flood))
            codes = [code(payload) for kind, _, payload in answer if kind == GOAWAY]
            # A client that sends on after the close may lose the answer to a reset of its own.
            assert not codes or codes[-1] == ENHANCE_YOUR_CALM
            pair.is_sound(side)

        assert blocks_grown(attack) < BLOCKS
        assert pair.metric(f"{side}_http_errors_total", error="protocol-flood") == 4


def test_a_flood_of_a_client_that_reads_nothing_ends_as_well() -> None:
    def endless(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(bytes(65_536))

    widest = frame(SETTINGS, 0, 0, b"\0\x04\x7f\xff\xff\xff")
    windows = widest + frame(WINDOW_UPDATE, 0, 0, b"\x7f\0\0\0")
    with application(endless) as port, Pair(port) as pair, pair.connect(inbound=True) as sock:
        sock.sendall(PREFACE + windows + request(GET + AS_HTTP1))
        pair.eventually(lambda: blocked(pair), [True])
        (server,) = pair.run(lambda: list(pair.inbound.connections))
        assert isinstance(server, Http2Server)
        for _ in range(3):
            sock.sendall(frame(PING, 0, 0, bytes(8)) * 2_000)
        pair.eventually(lambda: len(pair.inbound.connections), 0)
        assert pair.metric("inbound_http_errors_total", error="protocol-flood") == 1
        pair.eventually(lambda: pair.inbound.in_flight, 0)
        # It has had its time to take what there was for it.
        pair.advance(STALLED + 0.1)
        pair.becomes(lambda: server.transport.closed)


def blocked(pair: Pair) -> list[bool]:
    """Of each HTTP/2 connection that came in, whether it takes no more."""
    found = (one for one in pair.inbound.connections if isinstance(one, Http2Server))
    return [one.transport.blocked for one in found]


@pytest.mark.parametrize("side", SIDES)
def test_frames_of_unknown_kinds_are_nothing(side: str) -> None:
    """They cost less than reading them: no bound is needed, and extensions rely on it."""
    with victim() as pair:
        sent = BEGINNING + frame(0xFA, 0, 0) * 50_000 + request(GET)
        answer = read_frames(pair.throw(side, sent + GOODBYE))
        assert HEADERS in [kind for kind, _, _ in answer]
        pair.is_sound(side)


def test_a_busy_client_may_be_noisy() -> None:
    """gRPC libraries send a PING for every round trip while data moves.

    All of it fits the window that a connection begins with: whoever sends more has to wait.
    """
    with victim() as pair:
        busy = (
            request(POST, ends=False)
            + (frame(DATA, 0, 1, bytes(20)) + frame(PING, 0, 0, bytes(8))) * 60
        )
        grown = b"".join(
            busy.replace(b"\0\0\0\x01", one.to_bytes(4, "big")) + frame(DATA, 1, one)
            for one in range(1, 101, 2)
        )
        answer = read_frames(pair.throw("inbound", BEGINNING + grown + GOODBYE))
        assert not any(code(payload) for kind, _, payload in answer if kind == GOAWAY)
        assert [kind for kind, _, _ in answer].count(PING) == 3_000
        pair.is_sound("inbound")
