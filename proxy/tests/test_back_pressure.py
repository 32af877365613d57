"""Bodies that come before there is somewhere to send them: held back, and let go on again."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.codec.http2 import Http2Settings
from proxy.net.exchange import REPLAY_LIMIT
from proxy.net.http1_server import Http1Server
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import LOCAL, Pair, answering, application, read_message, read_until
from proxy.tests.policies import plain, status
from proxy.tests.test_pair_http2 import GRPC, unary
from testkit.attacks.frames import GOAWAY, frame

if TYPE_CHECKING:
    from proxy.net.exchange import Call
    from proxy.net.front import Front

LARGE = 100_000_000
HEAD = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n"
IN_THE_KERNEL = 25_000_000
"""Bytes that all sockets on the way hold at most."""


def sends(sock: socket.socket) -> int:
    """Bytes of a large body that are taken before nobody takes more."""
    sock.settimeout(0.5)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < LARGE // 2:
            sent += sock.send(bytes(65_536))
    return sent


def reading(front: Front) -> bool:
    """Whether its one HTTP/1 connection is read from."""
    (server,) = front.connections
    assert isinstance(server, Http1Server)
    return not server.transport.paused


def test_a_large_request_that_waited_for_an_endpoint_stops_its_sender_still() -> None:
    """The endpoint that it is given reads nothing of it."""
    over = threading.Event()

    def serve(sock: socket.socket) -> None:
        read_until(sock, b"\r\n\r\n")
        over.wait(20)

    with (
        application(serve) as port,
        Pair(port, endpoints=[], failfast=60.0) as pair,
        pair.connect() as sock,
    ):
        sock.sendall(HEAD % LARGE + bytes(2 * REPLAY_LIMIT))
        pair.eventually(lambda: pair.outbound.in_flight, 1)
        pair.becomes(lambda: not reading(pair.outbound))

        def arrive() -> None:
            assert pair.lookups.set is not None
            pair.lookups.set.add([pair.meshed])

        pair.run(arrive)
        assert sends(sock) < IN_THE_KERNEL
        over.set()


def test_a_request_that_was_held_back_goes_on_at_its_second_try() -> None:
    """The window was shut when the endpoint left without having begun it."""
    served: list[Peer] = []
    leave = threading.Event()

    def serve(sock: socket.socket) -> None:
        def handler(stream: PeerStream) -> None:
            if not served:
                served.append(peer)
            if peer is not served[0]:
                unary(stream)
            elif stream.body:
                leave.wait(5)
                sock.sendall(frame(GOAWAY, 0, 0, bytes(8)))
            else:
                stream.pause()

        # The first may be sent little; no window of the second is ever shut.
        window = 1_000_000 if served else 1_000
        peer = Peer(sock, server=True, handler=handler, settings=Http2Settings(window))
        peer.serve()

    calls: list[Call] = []

    def held_back() -> bool:
        return bool(calls) and calls[0]._blocked

    with (
        application(serve) as port,
        Pair(port, endpoints=plain(port)) as pair,
        pair.connect() as sock,
    ):
        pair.run(lambda: pair.outbound.observers.append(lambda call, event: calls.append(call)))
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC, ends=False)
        pair.becomes(lambda: bool(served))
        sent = 0
        while not pair.run(held_back):
            client.send(stream, bytes(1_000))
            sent += 1_000
            assert sent <= REPLAY_LIMIT
        leave.set()
        client.send(stream, bytes(90_000 - sent), ends=True)
        client.wait(lambda: stream.ended)
        assert len(stream.body) == 90_000


def test_a_pipeline_waits_for_its_client_to_read() -> None:
    times, size = 2_000, 10_000
    response = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size)
    with (
        application(answering(response)) as port,
        Pair(port) as pair,
        pair.connect() as sock,
    ):
        front = pair.outbound
        sock.sendall(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n" * times)

        def waits() -> bool:
            (server,) = front.connections
            return isinstance(server, Http1Server) and server.transport.blocked

        def gathered() -> int:
            (server,) = front.connections
            assert isinstance(server, Http1Server)
            return sum(map(len, server.transport._out))

        pair.becomes(waits)
        pair.eventually(lambda: front.in_flight, 0)
        assert pair.run(gathered) < 10 * size
        rest = b""
        for _ in range(times):
            head, body, rest = read_message(sock, rest)
            assert status(head) == 200
            assert len(body) == size


@pytest.mark.slow
def test_a_body_waits_for_the_connection_that_is_being_made() -> None:
    size = 10_000_000
    with contextlib.ExitStack() as stack, socket.socket() as listener:
        listener.bind((LOCAL, 0))
        listener.listen(0)
        listener.settimeout(20)
        with contextlib.ExitStack() as crowd:
            # Nobody can connect any more until these are gone.
            for _ in range(3):
                waiting = crowd.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            pair = stack.enter_context(Pair(listener.getsockname()[1]))
            patient = replace(pair.inbound._dialer.settings, timeout=60.0)
            pair.run(lambda: setattr(pair.inbound._dialer, "settings", patient))
            sock = stack.enter_context(pair.connect(inbound=True))
            sock.settimeout(20)
            sender = threading.Thread(target=lambda: sock.sendall(HEAD % size + bytes(size)))
            sender.start()
            pair.eventually(lambda: pair.inbound.in_flight, 1)
            pair.becomes(lambda: not reading(pair.inbound))
        received = 0
        while not received:
            application_side, _ = listener.accept()
            with application_side:
                _, body, _ = read_message(application_side)
                received = len(body)
                if received:
                    application_side.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        assert received == size
        sender.join(5)
        assert status(read_message(sock)[0]) == 200
