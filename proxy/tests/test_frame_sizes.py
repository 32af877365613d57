"""How large the pieces of bodies are: counted on both sides, each where it came from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.authz.policy import Protocol, default_policy
from proxy.tests.h2peer import Peer
from proxy.tests.pair import Pair, answering, application, echo_http, read_message
from proxy.tests.policies import Script, ask, plain, routed, rule
from proxy.tests.test_pair_http2 import GRPC, h2_app, unary
from proxy.tests.test_retries import SERVER_ERRORS

if TYPE_CHECKING:
    import socket

POST = b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n"


def sizes(pair: Pair, family: str, **labels: str) -> list[float]:
    """How many were up to 128, up to 1024, up to 10240 bytes, and in all; then their sum."""
    name = f"{family}_frame_size_bytes"
    buckets = [pair.metric(f"{name}_bucket", le=le, **labels) for le in ("128", "1024", "10240")]
    return [*buckets, pair.metric(f"{name}_count", **labels), pair.metric(f"{name}_sum", **labels)]


def test_requests_and_responses_of_http() -> None:
    serve = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1500\r\n\r\n" + bytes(1500))
    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock:
            for size in (0, 128, 129):
                sock.sendall(POST % size + bytes(size))
                assert read_message(sock)[0].startswith(b"HTTP/1.1 200")
        asked = [1, 2, 2, 2, 257]
        assert sizes(pair, "outbound_http_route_request", route_name="default") == asked
        assert sizes(pair, "inbound_http_request", route_name="default") == asked
        for family in ("outbound_http_route_backend_response", "inbound_http_response"):
            shown = sizes(pair, family)
            # A response may have come in pieces.
            assert shown[-1] == 4500
            assert shown[-2] >= 3


def test_what_has_no_body_shows_nothing() -> None:
    def serve(sock: socket.socket) -> None:
        read_message(sock)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with application(serve) as port, Pair(port) as pair:
        with pair.connect() as sock:
            assert ask(sock).startswith(b"HTTP/1.1 204")
        assert "frame_size_bytes{" not in pair.metrics()


def test_messages_of_grpc() -> None:
    served = replace(default_policy("all-unauthenticated"), protocol=Protocol.GRPC)
    with (
        application(h2_app(unary)) as port,
        Pair(port, inbound_policy=served, outbound_policy=routed(rule(), grpc=True)) as pair,
    ):
        with pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/emoji.Service/Get", GRPC, ends=False)
            client.send(stream, bytes(100))
            client.send(stream, bytes(200), ends=True)
            client.wait(lambda: stream.ended)
        assert sizes(pair, "outbound_grpc_route_request", route_name="votes") == [1, 2, 2, 2, 300]
        assert sizes(pair, "inbound_grpc_request") == [1, 2, 2, 2, 300]
        back = sizes(pair, "outbound_grpc_route_backend_response", backend_name="voting")
        assert back == sizes(pair, "inbound_grpc_response") == [0, 1, 1, 1, 300]


def test_a_request_is_counted_once_however_often_it_is_sent() -> None:
    with (
        application(Script(500, 200)) as port,
        Pair(
            port, outbound_policy=routed(rule(retry=SERVER_ERRORS)), endpoints=plain(port)
        ) as pair,
    ):
        with pair.connect() as sock:
            assert ask(sock, POST % 4 + b"body").startswith(b"HTTP/1.1 200")
        assert pair.metric("outbound_http_route_retry_requests_total") == 1
        assert sizes(pair, "outbound_http_route_request", route_name="votes") == [1, 1, 1, 1, 4]
        # What a discarded try said, the application never saw.
        assert sizes(pair, "outbound_http_route_backend_response") == [1, 1, 1, 1, 2]


def test_a_body_that_came_before_there_was_an_endpoint() -> None:
    with application(echo_http) as port, Pair(port, endpoints=[], failfast=60.0) as pair:
        with pair.connect() as sock:
            sock.sendall(POST % 4 + b"body")
            pair.eventually(lambda: pair.outbound.in_flight, 1)
            pair.advance(61.0)
            assert read_message(sock)[0].startswith(b"HTTP/1.1 504")
        assert sizes(pair, "outbound_http_route_request", route_name="default") == [1, 1, 1, 1, 4]
        assert "inbound_http_request_frame_size_bytes{" not in pair.metrics()
