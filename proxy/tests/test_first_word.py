"""Whoever speaks first decides what a connection is: servers that greet need no annotation."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import RateLimit, default_policy
from proxy.discovery.endpoints import Endpoint
from proxy.net.verdicts import LASTS, Verdicts
from proxy.stack.meta import Meta
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import LOCAL, Pair, application, echo_bytes, echo_http, read_until
from proxy.tests.policies import Script, ask, plain, routed, rule, status
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket

GREETING = b"220 mail.demo ESMTP\r\n"


class Mail:
    """Greets, then echoes lines."""

    def __init__(self) -> None:
        self.connections = 0

    def __call__(self, sock: socket.socket) -> None:
        self.connections += 1
        sock.sendall(GREETING)
        while line := sock.recv(1000):
            sock.sendall(b"250 " + line)


def dialled(pair: Pair) -> float:
    """Connections made to endpoints so far."""
    return pair.metric("tcp_open_total", direction="outbound", peer="dst")


def connected(pair: Pair) -> float:
    """Connections to endpoints that are open."""
    return pair.metric("tcp_open_connections", direction="outbound", peer="dst")


def impatient(pair: Pair) -> None:
    """Nothing in a test may wait for detection to time out."""
    logical = pair.lookups.policy
    pair.lookups.policy = replace(logical, detect_timeout=30.0)


@pytest.mark.parametrize("meshed", [True, False])
def test_a_server_that_greets_is_heard_at_once(*, meshed: bool) -> None:
    mail = Mail()
    policy = replace(default_policy("all-unauthenticated"), detect_timeout=30.0)
    with application(mail) as port:
        endpoints = None if meshed else plain(port)
        with Pair(port, inbound_policy=policy, endpoints=endpoints) as pair:
            impatient(pair)
            for _ in range(3):
                with pair.connect() as sock:
                    sock.settimeout(5)
                    assert read_until(sock, b"\r\n") == GREETING
                    sock.sendall(b"HELO demo\r\n")
                    assert read_until(sock, b"\r\n") == b"250 HELO demo\r\n"
            # The first told; afterwards nobody looks any more.
            found = "outbound_tcp_detect_http_results_total"
            assert pair.metric(found, result="not_http") == 1
            assert mail.connections == 3
            sides = ("outbound", "inbound") if meshed else ("outbound",)
            for side in sides:
                assert pair.metric("tcp_open_total", direction=side, peer="dst") == 3


def test_the_greeting_costs_little() -> None:
    with application(Mail()) as port, Pair(port) as pair:
        impatient(pair)
        times = []
        for _ in range(10):
            began = time.monotonic()
            with pair.connect() as sock:
                read_until(sock, b"\r\n")
            times.append(time.monotonic() - began)
    # The rule is 5 ms; waiting would be 300 each time, however loaded the machine.
    assert min(times) < 0.1


def test_an_unmeshed_client_hears_it_too() -> None:
    policy = replace(default_policy("all-unauthenticated"), detect_timeout=30.0)
    with (
        application(Mail()) as port,
        Pair(port, inbound_policy=policy, client_ip="10.9.9.9") as pair,
    ):
        # Longer than any socket of a test waits.
        pair.inbound.settings = replace(pair.inbound.settings, detect_timeout=30.0)
        with pair.connect(inbound=True) as sock:
            assert read_until(sock, b"\r\n") == GREETING
        assert pair.metric("inbound_tcp_detect_http_results_total", result="not_http") == 1


@pytest.mark.slow
def test_who_may_not_connect_hears_nothing() -> None:
    mail = Mail()
    deny = replace(default_policy("deny"), detect_timeout=0.1)
    with (
        application(mail) as port,
        Pair(port, inbound_policy=deny, client_ip="10.9.9.9") as pair,
    ):
        with pair.connect() as sock:
            sock.settimeout(1)
            assert sock.recv(100) == b""
        with pair.connect(inbound=True) as sock:
            assert sock.recv(100) == b""
    assert mail.connections == 0


def test_http_is_http_however_late_and_leaves_no_connection_behind() -> None:
    app = Script(200)
    with application(app) as port, Pair(port) as pair:
        impatient(pair)
        with pair.connect() as sock:
            pair.eventually(lambda: dialled(pair), 1.0)
            assert status(ask(sock)) == 200
            assert pair.metric("response_total", direction="inbound", status_code="200") == 1
            pair.eventually(lambda: connected(pair), 1.0)
        before = dialled(pair)
        with pair.connect() as sock:
            pair.eventually(lambda: len(pair.outbound.connections), 1)
            for _ in range(5):
                pair.advance(0.0)  # turns of the loop, in which it would reach for the endpoint
            assert status(ask(sock)) == 200
        # It is known to speak HTTP: nothing was dialled for silence.
        assert dialled(pair) == before


def test_a_client_that_speaks_first_and_not_http_uses_the_connection_that_is_there() -> None:
    with (
        application(echo_bytes) as port,
        Pair(port, endpoints=plain(port)) as pair,
    ):
        impatient(pair)
        with pair.connect() as sock:
            pair.eventually(lambda: dialled(pair), 1.0)
            sock.sendall(b"\x00\x01 not http at all")
            assert read_until(sock, b"all") == b"\x00\x01 not http at all"
        assert dialled(pair) == 1


@pytest.mark.slow
def test_an_endpoint_that_cannot_be_reached_does_not_end_the_wait() -> None:
    with Pair(1, endpoints=[Endpoint(SocketAddress(LOCAL, 1))]) as pair, pair.connect() as sock:
        impatient(pair)
        pair.eventually(lambda: len(pair.outbound.connections), 1)
        for _ in range(5):
            pair.advance(0.0)
        head = ask(sock)
        assert status(head) in (502, 504)


def test_a_client_that_leaves_takes_the_connection_with_it() -> None:
    with application(echo_bytes) as port, Pair(port, endpoints=plain(port)) as pair:
        impatient(pair)
        with pair.connect():
            pair.eventually(lambda: connected(pair), 1.0)
        pair.eventually(lambda: connected(pair), 0.0)
        pair.eventually(lambda: len(pair.outbound.connections), 0)


# --- policies about HTTP --------------------------------------------------------------------


def test_outbound_http_routes_are_not_slipped_past() -> None:
    mail = Mail()
    with application(mail) as port:
        policy = routed(rule())
        with Pair(port, outbound_policy=policy, endpoints=plain(port)) as pair:
            with pair.connect() as sock:
                sock.sendall(b"EHLO not http, is it?\r\n")
                assert sock.recv(100) == b""
            assert pair.metric("outbound_tcp_errors_total", error="not-http", number="5005") == 1
            (fault,) = pair.outbound.faults.latest()
            assert (fault.number, fault.peer) == (5005, "10.96.0.5:8080")


def test_inbound_rules_are_not_slipped_past() -> None:
    limited = replace(
        default_policy("all-unauthenticated"), rate_limit=RateLimit(Meta.default("l"), total=1)
    )
    mail = Mail()
    with application(mail) as port, Pair(port, inbound_policy=limited) as pair:
        with pair.connect() as sock:
            sock.sendall(b"EHLO not http, is it?\r\n")
            assert sock.recv(100) == b""
        assert pair.metric("inbound_tcp_errors_total", error="not-http") == 1
    assert mail.connections == 0


@pytest.mark.slow
def test_a_connection_made_ahead_of_its_requests_stays_good() -> None:
    app = Script(200)
    policy = routed(rule())
    with (
        application(app) as port,
        Pair(port, outbound_policy=policy) as pair,
        pair.connect() as sock,
    ):
        pair.eventually(lambda: len(pair.outbound.connections), 1)
        pair.advance(0.5)  # longer than detection waits
        assert status(ask(sock)) == 200


@pytest.mark.parametrize("side", ["inbound", "outbound"])
def test_nor_does_it_keep_a_proxy_that_shuts_down(side: str) -> None:
    limited = replace(
        default_policy("all-unauthenticated"),
        rate_limit=RateLimit(Meta.default("l"), total=1),
        detect_timeout=10.0,
    )
    with (
        application(Script(200)) as port,
        Pair(port, inbound_policy=limited, outbound_policy=routed(rule())) as pair,
        pair.connect(inbound=side == "inbound") as sock,
    ):
        front = pair.inbound if side == "inbound" else pair.outbound
        pair.eventually(lambda: len(front.connections), 1)
        pair.drain(front)
        # First whether it is TLS is waited for, then whether it is HTTP.
        for _ in range(3):
            pair.advance(10.1)
        assert sock.recv(100) == b""
        pair.eventually(lambda: len(front.connections), 0)


# --- what is remembered ---------------------------------------------------------------------

HERE = SocketAddress("10.0.0.1", 25)


def test_verdicts_last_for_a_while() -> None:
    verdicts = Verdicts()
    assert verdicts.speaks_http(HERE, 0.0) is None
    verdicts.remember(HERE, 0.0, http=False)
    assert verdicts.speaks_http(HERE, LASTS - 0.1) is False
    assert verdicts.speaks_http(HERE, LASTS) is None
    assert len(verdicts) == 0
    verdicts.remember(HERE, 0.0, http=True)
    assert verdicts.speaks_http(HERE, 1.0) is True
    verdicts.forget(HERE)
    assert verdicts.speaks_http(HERE, 1.0) is None


def test_only_so_many_verdicts_are_kept() -> None:
    verdicts = Verdicts()
    for number in range(20_000):
        verdicts.remember(SocketAddress("10.0.0.1", number % 65_536), float(number), http=True)
    assert len(verdicts) == 10_000


class Announcing:
    """An HTTP/2 application that announces its settings as soon as it accepts, as many do."""

    def __init__(self) -> None:
        self.announced = threading.Event()

    def __call__(self, sock: socket.socket) -> None:
        sock.sendall(b"\0\0\x06\x04\0\0\0\0\0" + b"\0\x03\0\0\0\x64")
        self.announced.set()
        Peer(sock, server=True, handler=_answer).serve()


def _answer(stream: PeerStream) -> None:
    if stream.ended:
        stream.respond(200, {}, ends=True)


@pytest.mark.parametrize("meshed", [True, False])
def test_an_http2_server_that_announces_itself_is_not_opaque(*, meshed: bool) -> None:
    app = Announcing()
    policy = replace(default_policy("all-unauthenticated"), detect_timeout=30.0)
    with application(app) as port:
        endpoints = None if meshed else plain(port)
        with Pair(port, inbound_policy=policy, endpoints=endpoints) as pair:
            impatient(pair)
            with pair.connect() as sock:
                assert app.announced.wait(5)
                for _ in range(20):  # every turn that the announcement may need to be heard
                    pair.run(lambda: None)
                client = Peer(sock)
                stream = client.request("GET", "/", {}, ends=True)
                client.wait(lambda: stream.ended)
                assert stream.status == 200
            found = "outbound_tcp_detect_http_results_total"
            assert pair.metric(found, result="http/2") == 1
            assert pair.metric("response_total", direction="outbound") == 1


class Impatient:
    """An HTTP/1 application that tells its first client that it is late, as HAProxy does after some seconds."""

    def __init__(self) -> None:
        self.told = threading.Event()

    def __call__(self, sock: socket.socket) -> None:
        if self.told.is_set():
            echo_http(sock)
        else:
            sock.sendall(b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\n\r\n")
            self.told.set()


@pytest.mark.parametrize("meshed", [True, False])
def test_an_http1_server_that_loses_patience_is_not_opaque(*, meshed: bool) -> None:
    app = Impatient()
    policy = replace(default_policy("all-unauthenticated"), detect_timeout=30.0)
    with application(app) as port:
        endpoints = None if meshed else plain(port)
        with Pair(port, inbound_policy=policy, endpoints=endpoints) as pair:
            impatient(pair)
            with pair.connect() as silent:
                assert app.told.wait(5)
                heard = {"direction": "inbound" if meshed else "outbound", "peer": "dst"}
                pair.eventually(lambda: pair.metric("tcp_close_total", **heard), 1.0)
                with pair.connect() as sock:
                    assert status(ask(sock)) == 200
                # The one that was silent may still speak as well.
                assert status(ask(silent)) == 200
            assert pair.metric("response_total", direction="outbound") == 2
            assert pair.metric("response_total", direction="inbound") == 2 * meshed
            found = "outbound_tcp_detect_http_results_total"
            assert pair.metric(found, result="not_http") == 0
