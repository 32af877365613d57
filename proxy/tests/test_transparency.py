"""Things an application must not notice, or that only the other proxy sees: silence beside traffic, loops,
certificates that are not there yet, connections that enter by the proxy's own port; and what is counted."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import replace

import pytest

from proxy.codec.transport_header import SessionProtocol, TransportHeader
from proxy.discovery.endpoints import Endpoint, Hint
from proxy.identity.store import CertificateStore
from proxy.inbound.arrival import SILENT
from proxy.tests.attacked import GOOD, SIDES, Seen, Victim, drained, victim
from proxy.tests.h2peer import Peer
from proxy.tests.pair import (
    CLIENT,
    LOCAL,
    SERVER,
    SERVICE,
    Pair,
    application,
    certificates,
    echo_bytes,
    read_until,
)
from proxy.tests.policies import ask, plain, status
from weft.addresses import SocketAddress

REQUEST = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"


# --- identity -------------------------------------------------------------------------------


def test_a_client_that_says_nothing_keeps_nobody_waiting() -> None:
    with victim() as pair, pair.door("inbound"), pair.door("outbound"):
        for side in SIDES:
            assert pair.serves(side)


def test_before_it_has_a_certificate_the_proxy_ends_no_tls() -> None:
    anchors = certificates(SERVER).trust_anchors
    empty = CertificateStore(SERVER, anchors)
    seen = Seen()
    with application(seen.serve) as port, Victim(port, server=empty) as pair:
        assert pair.throw("outbound", GOOD).startswith((b"HTTP/1.1 502", b"HTTP/1.1 504"))
        assert seen.requests == []
        assert pair.metric("inbound_tcp_errors_total", error="tls") >= 1
        assert pair.serves("inbound")


def test_an_endpoint_that_should_prove_itself_and_speaks_plaintext_gets_nothing() -> None:
    seen = Seen()
    with application(seen.serve) as port:
        promised = Endpoint(SocketAddress(LOCAL, port), identity=SERVER, hint=Hint.H2)
        with Victim(port, endpoints=[promised]) as pair:
            answer = pair.throw("outbound", GOOD)
            assert answer.startswith((b"HTTP/1.1 502", b"HTTP/1.1 504"))
        assert GOOD not in seen.everything()
        assert b"/good" not in seen.everything()


# --- loops ----------------------------------------------------------------------------------


def test_a_connection_to_the_proxy_itself_is_refused() -> None:
    with victim() as pair:
        own = SocketAddress(LOCAL, pair.outbound_port)
        pair.outbound._original_destination = lambda sock: own
        assert pair.throw("outbound", GOOD) == b""
        assert pair.metric("outbound_tcp_errors_total", error="loop-prevented") == 1


# --- the proxy's own port -------------------------------------------------------------------


def test_a_header_may_say_that_http2_follows() -> None:
    with victim() as pair:
        header = TransportHeader(pair.app.port, session=SessionProtocol.HTTP2)
        with pair.tunnel(header) as sock:
            client = Peer(sock)
            stream = client.request("GET", "/x")
            client.wait(lambda: stream.ended)
            assert stream.status == 200
        (head,) = pair.seen.requests
        assert head.startswith(b"GET /x HTTP/2")
        assert b"l5d-client-id: " + CLIENT.encode() in head


def test_a_header_may_say_that_http1_follows() -> None:
    with victim() as pair:
        header = TransportHeader(pair.app.port, session=SessionProtocol.HTTP1)
        with pair.tunnel(header) as sock:
            assert status(ask(sock, REQUEST)) == 200
        assert b"l5d-client-id: " + CLIENT.encode() in pair.seen.requests[0]


def test_without_a_protocol_bytes_follow() -> None:
    with (
        application(echo_bytes) as port,
        Pair(port) as pair,
        pair.tunnel(TransportHeader(port)) as sock,
    ):
        sock.sendall(REQUEST)
        assert read_until(sock, b"\r\n\r\n") == REQUEST


@pytest.mark.parametrize("name", ["web.demo.svc.cluster.local", "x"])
def test_no_gateway_is_served(name: str) -> None:
    with victim() as pair:
        with pair.tunnel(TransportHeader(pair.app.port, name)) as sock:
            assert sock.recv(1) == b""
        assert pair.metric("inbound_tcp_errors_total", error="gateway domain invalid") == 1


def test_a_header_cannot_lead_back_to_the_proxy() -> None:
    with victim() as pair:
        with pair.tunnel(TransportHeader(pair.inbound_port)) as sock:
            assert sock.recv(1) == b""
        assert pair.metric("inbound_tcp_errors_total", error="unexpected") == 1


# --- shutdown -------------------------------------------------------------------------------


def test_bytes_that_flow_may_go_on_while_the_proxy_drains() -> None:
    with (
        application(echo_bytes) as port,
        Pair(port, endpoints=plain(port), opaque=True) as pair,
        pair.connect() as sock,
    ):
        sock.sendall(b"before")
        assert read_until(sock, b"before") == b"before"
        pair.drain(pair.outbound)
        sock.sendall(b"after")
        assert read_until(sock, b"after") == b"after"
        sock.shutdown(socket.SHUT_WR)
        assert drained(sock) == b""
        pair.eventually(lambda: len(pair.outbound.connections), 0)


# --- what is counted ------------------------------------------------------------------------


def series(pair: Pair) -> set[str]:
    lines = (one for one in pair.metrics().splitlines() if not one.startswith("#"))
    return {line.rpartition(" ")[0] for line in lines}


def test_the_text_of_metrics_is_well_formed() -> None:
    with victim() as pair:
        assert all(pair.serves(side) for side in SIDES)
        label = r'[a-z_][a-z0-9_]*="(?:[^"\\\n]|\\.)*"'
        line = re.compile(rf"[a-z_][a-z0-9_]*(?:\{{{label}(?:,{label})*\}})?")
        wrong = [one for one in series(pair) if not line.fullmatch(one)]
        assert wrong == []


CRAFTED = {
    "paths": lambda at: b"GET /%d?x=%d HTTP/1.1\r\nHost: v\r\n\r\n" % (at, at),
    "hosts": lambda at: b"GET / HTTP/1.1\r\nHost: h%d.example\r\n\r\n" % at,
    "targets": lambda at: b"GET http://h%d.example/ HTTP/1.1\r\nHost: v\r\n\r\n" % at,
    "methods": lambda at: b"M%d / HTTP/1.1\r\nHost: v\r\n\r\n" % at,
    "headers": lambda at: b"GET / HTTP/1.1\r\nHost: v\r\nX-%d: %d\r\n\r\n" % (at, at),
    "identities": lambda at: b"GET / HTTP/1.1\r\nHost: v\r\nL5d-Client-Id: %d\r\n\r\n" % at,
    "names": lambda at: b"GET / HTTP/1.1\r\nHost: v\r\nL5d-Dst-Canonical: %d.x:80\r\n\r\n" % at,
    "user agents": lambda at: b"GET / HTTP/1.1\r\nHost: v\r\nUser-Agent: %d\r\n\r\n" % at,
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("craft", CRAFTED.values(), ids=CRAFTED)
def test_nothing_a_client_makes_up_makes_a_series(side: str, craft) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with victim() as pair, pair.door(side) as sock:
        assert status(ask(sock, craft(0))) == 200
        before = series(pair)
        for at in range(1, 40):
            assert status(ask(sock, craft(at))) == 200
        assert series(pair) == before


def test_server_names_are_told_apart_only_so_far() -> None:
    """A client may put any name into a ClientHello that is not for the mesh."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def hello(name: str) -> bytes:
        outgoing = ssl.MemoryBIO()
        tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        return outgoing.read()

    def passed(pair: Pair) -> set[str]:
        return {one for one in series(pair) if one.startswith("tcp_open_total") and "sni=" in one}

    with application(lambda sock: None) as port, Pair(port) as pair:
        for greeting in [hello(f"h{at}.example") for at in range(120)]:
            with pair.connect(inbound=True) as sock:
                sock.sendall(greeting)
                drained(sock)
        assert len(passed(pair)) == 101
        assert pair.metric("tcp_open_total", sni="", tls="opaque") == 20


def test_a_client_that_begins_its_handshake_late_is_counted_once() -> None:
    """It was silent for so long that the application was listened to; that does not count."""
    with victim() as pair:
        context = certificates(CLIENT).client_context
        pair.inbound.settings = replace(pair.inbound.settings, detect_timeout=30.0)
        with pair.connect(inbound=True) as plain_socket:
            pair.eventually(lambda: len(pair.inbound.connections), 1)
            pair.advance(SILENT + 0.05)
            pair.eventually(lambda: pair.metric("tcp_open_total", peer="dst"), 1.0)
            with context.wrap_socket(plain_socket, server_hostname=SERVER) as sock:
                assert status(ask(sock, REQUEST)) == 200
        pair.eventually(lambda: len(pair.inbound.connections), 0)
        accepted = {"direction": "inbound", "peer": "src"}
        assert pair.metric("tcp_open_total", **accepted) == 1
        pair.eventually(lambda: pair.metric("tcp_open_connections", **accepted), 0.0)


def test_beyond_its_budget_a_family_has_one_more_series_and_a_count() -> None:
    """Ports are the client's choice, too: each target has series of its own, up to the budget."""
    with victim() as pair:
        pair.registry._budget = 5
        for family in pair.registry._families.values():
            family.budget = 5
        for at in range(20):
            pair.outbound._original_destination = lambda sock, at=at: SocketAddress(  # type: ignore[misc]
                SERVICE.ip, 9_000 + at
            )
            assert b" 200 OK" in pair.throw("outbound", GOOD)
        assert pair.metric("proxy_metrics_label_overflow_total", family="tcp_open_total") > 0
        shown = [one for one in series(pair) if one.startswith("tcp_open_total{")]
        assert len(shown) == 6
        assert pair.metric("tcp_open_total", overflow="true") > 0
