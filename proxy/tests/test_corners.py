"""Corners of the protocols that no other test turns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import Protocol, default_policy
from proxy.codec.message import Headers
from proxy.tests.attacked import Seen, Victim
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import Pair, answering, application, read_message
from proxy.tests.policies import ask, status

if TYPE_CHECKING:
    import socket

REQUEST = b"GET / HTTP/1.1\r\nHost: v\r\n\r\n"


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n" * 3,
    ],
    ids=["100", "102", "103"],
)
def test_interim_responses_are_not_taken_for_the_response(interim: bytes) -> None:
    serve = answering(interim + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        for _ in range(2):
            sock.sendall(REQUEST)
            head, body, rest = read_message(sock)
            assert status(head) == 200
            assert (body, rest) == (b"ok", b"")


@pytest.mark.parametrize("side", ["outbound", "inbound"])
def test_a_port_declared_as_http1_is_reached_by_meshed_and_unmeshed_clients(side: str) -> None:
    """A meshed client's proxy carries HTTP/1 as HTTP/2, whatever the port's policy says."""
    seen = Seen()
    policy = replace(default_policy("all-unauthenticated"), protocol=Protocol.HTTP1)
    with (
        application(seen.serve) as port,
        Victim(port, inbound_policy=policy) as pair,
        pair.door(side) as sock,
    ):
        assert [status(ask(sock, REQUEST)) for _ in range(2)] == [200, 200]
        assert all(head.startswith(b"GET / HTTP/1.1") for head in seen.requests)


def test_a_grpc_deadline_travels() -> None:
    """`grpc-timeout` reaches the application as the client said it."""
    said: list[bytes | None] = []

    def handler(stream: PeerStream) -> None:
        if stream.ended and stream.reset_code is None:
            stream.ended = False
            said.append(stream.headers.get("grpc-timeout"))
            stream.respond(200, {"content-type": "application/grpc"})
            stream.send_trailers(Headers([("grpc-status", "0")]))

    def serve(sock: socket.socket) -> None:
        Peer(sock, server=True, handler=handler).serve()

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        headers = {"content-type": "application/grpc", "te": "trailers", "grpc-timeout": "1500m"}
        stream = client.request("POST", "/a.B/C", headers)
        client.wait(lambda: stream.ended)
        assert stream.trailers is not None
        assert stream.trailers.get("grpc-status") == b"0"
    assert said == [b"1500m"]
