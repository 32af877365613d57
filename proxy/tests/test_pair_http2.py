"""HTTP/2 and gRPC through both proxies: trailers, streaming both ways, resets, flow control, GOAWAY."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from proxy.authz.policy import Authorization, ServerPolicy, TlsAuthenticated, default_policy
from proxy.codec.http2 import CANCEL, REFUSED_STREAM, Http2Settings
from proxy.codec.message import Headers
from proxy.discovery.endpoints import Endpoint
from proxy.inbound.route import MAX_REFUSALS
from proxy.stack.meta import Meta
from proxy.tests.h2peer import Handler, Peer, PeerStream
from proxy.tests.pair import CLIENT, LOCAL, Pair, Serve, application
from testkit.attacks.frames import GOAWAY, frame
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    import socket

GRPC = {"content-type": "application/grpc", "te": "trailers"}


def h2_app(handler: Handler, settings: Http2Settings | None = None) -> Serve:
    def serve(sock: socket.socket) -> None:
        Peer(sock, server=True, handler=handler, settings=settings).serve()

    return serve


def unary(stream: PeerStream) -> None:
    """Answers a complete message with itself, reversed."""
    if stream.ended and stream.reset_code is None:
        stream.respond(200, {"content-type": "application/grpc"})
        stream.send_data(stream.body[::-1], False)
        stream.send_trailers(Headers([("grpc-status", "0"), ("grpc-message", "fine")]))


def test_unary_with_trailers() -> None:
    with application(h2_app(unary)) as port, Pair(port) as pair:
        with pair.connect() as sock:
            client = Peer(sock)
            for _ in range(3):
                stream = client.request("POST", "/emoji.Service/Get", GRPC, ends=False)
                client.send(stream, b"message", ends=True)
                client.wait(lambda stream=stream: stream.ended)  # type: ignore[misc]
                assert stream.status == 200
                assert stream.body == b"egassem"
                assert stream.trailers is not None
                assert stream.trailers.get("grpc-status") == b"0"
                assert stream.trailers.get("grpc-message") == b"fine"
        for direction in ("inbound", "outbound"):
            assert (
                pair.metric(
                    "response_total",
                    direction=direction,
                    classification="success",
                    grpc_status="0",
                    status_code="200",
                )
                == 3
            )


def test_the_application_sees_the_clients_identity_and_authority() -> None:
    seen: list[PeerStream] = []

    def handler(stream: PeerStream) -> None:
        seen.append(stream)
        stream.respond(204, {}, ends=True)

    with application(h2_app(handler)) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("GET", "/x", {"l5d-client-id": "admin", "a": "b"})
        client.wait(lambda: stream.ended)
        assert stream.status == 204
    frame = seen[0].frame
    assert frame is not None
    assert frame.authority == "voting:8080"
    assert frame.path == "/x"
    assert frame.headers.get("l5d-client-id") == CLIENT.encode()
    assert frame.headers.get("a") == b"b"
    assert "l5d-orig-proto" not in frame.headers


def test_trailers_only_failures_are_classified_by_their_code() -> None:
    def handler(stream: PeerStream) -> None:
        if stream.ended:
            stream.respond(
                200, {"content-type": "application/grpc", "grpc-status": "14"}, ends=True
            )

    with application(h2_app(handler)) as port, Pair(port) as pair:
        with pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/a.B/C", GRPC)
            client.wait(lambda: stream.ended)
            assert stream.headers.get("grpc-status") == b"14"
        for direction in ("inbound", "outbound"):
            assert (
                pair.metric(
                    "response_total",
                    direction=direction,
                    classification="failure",
                    grpc_status="14",
                )
                == 1
            )


def test_ping_pong_streaming() -> None:
    """Each message is answered before the next is sent."""

    def handler(stream: PeerStream) -> None:
        if stream.frame is not None and not stream.body and not stream.ended:
            stream.respond(200, {"content-type": "application/grpc"})
        elif stream.ended:
            stream.send_trailers(Headers([("grpc-status", "0")]))
        elif stream.body:
            stream.send_data(stream.body.upper(), False)
            stream.body = b""

    with application(h2_app(handler)) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/chat.Chat/Talk", GRPC, ends=False)
        client.wait(lambda: stream.status is not None)
        for index in range(5):
            word = b"word%d" % index
            client.send(stream, word)
            client.wait(lambda: bool(stream.body))
            assert stream.body == word.upper()
            stream.body = b""
        client.send(stream, b"", ends=True)
        client.wait(lambda: stream.ended)
        assert stream.trailers is not None


def test_a_large_message_both_ways() -> None:
    size = 3_000_000
    with application(h2_app(unary)) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/Large", GRPC, ends=False)
        client.send(stream, bytes(range(250)) * (size // 250), ends=True)
        client.wait(lambda: stream.ended)
        assert len(stream.body) == size
        assert stream.body == (bytes(range(250)) * (size // 250))[::-1]


def test_a_slow_reader_stops_the_sender() -> None:
    """The client grants 64 KiB and reads nothing: the application must not send megabytes."""
    sent = 0
    stalled = threading.Event()

    def handler(stream: PeerStream) -> None:
        if stream.ended:
            stream.respond(200, {})

    def serve(sock: socket.socket) -> None:
        nonlocal sent
        peer = Peer(sock, server=True, handler=handler)
        peer.wait(lambda: bool(peer.streams) and peer.streams[0].ended)
        stream = peer.streams[0]
        sock.settimeout(0.3)
        try:
            while sent < 50_000_000:
                peer.send(stream, b"x" * 16_384)
                sent += 16_384
                while stream.blocked:
                    peer.step()
        except TimeoutError:
            stalled.set()
        sock.settimeout(5)
        stream.send_data(b"", True)
        peer.serve()

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("GET", "/", {})
        assert stalled.wait(10)
        assert sent < 2_000_000
        client.wait(lambda: stream.ended)
        assert len(stream.body) == sent


def test_the_clients_reset_reaches_the_application() -> None:
    began, over = threading.Event(), threading.Event()
    resets: list[int | None] = []

    def serve(sock: socket.socket) -> None:
        peer = Peer(sock, server=True)
        peer.wait(lambda: any(stream.body for stream in peer.streams))
        began.set()
        peer.wait(lambda: peer.streams[0].reset_code is not None)
        resets.append(peer.streams[0].reset_code)
        over.set()
        peer.serve()

    with application(serve) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/Slow", GRPC, ends=False)
        client.send(stream, b"begin")
        assert began.wait(5)
        stream.reset(CANCEL)
        client.flush()
        assert over.wait(5)
        assert resets == [CANCEL]


def test_the_applications_reset_reaches_the_client() -> None:
    def handler(stream: PeerStream) -> None:
        if not stream.closed:
            stream.respond(200, {})
            stream.send_data(b"part", False)
            stream.reset(2)

    with application(h2_app(handler)) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("GET", "/", {})
        client.wait(lambda: stream.ended)
        assert stream.reset_code is not None


def test_refused_streams_are_sent_again_with_their_body() -> None:
    tries = 0

    def handler(stream: PeerStream) -> None:
        nonlocal tries
        if stream.ended and not stream.closed:
            tries += 1
            if tries == 1:
                stream.reset(7)
            else:
                unary(stream)

    with application(h2_app(handler)) as port:
        plain = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[plain]) as pair, pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/a.B/C", GRPC, ends=False)
            client.send(stream, b"abc", ends=True)
            client.wait(lambda: stream.ended)
            assert stream.body == b"cba"
            assert stream.trailers is not None
    assert tries == 2


@pytest.mark.parametrize("by", ["reset", "goaway"])
def test_an_application_that_refuses_is_asked_a_few_times_and_then_its_client_hears_so(
    by: str,
) -> None:
    asked = 0

    def serve(sock: socket.socket) -> None:
        def handler(stream: PeerStream) -> None:
            nonlocal asked
            if stream.reset_code is not None:
                return
            asked += 1
            if by == "reset":
                stream.reset(REFUSED_STREAM)
            else:
                sock.sendall(frame(GOAWAY, 0, 0, bytes(8)))

        Peer(sock, server=True, handler=handler).serve()

    with (
        application(serve) as port,
        Pair(port) as pair,
        pair.connect(inbound=True) as sock,
    ):
        client = Peer(sock)
        stream = client.request("GET", "/")
        client.wait(lambda: stream.ended)
        assert stream.reset_code == REFUSED_STREAM
        assert 1 < asked <= 1 + MAX_REFUSALS
        pair.eventually(lambda: pair.inbound.in_flight, 0)


def test_goaway_loses_no_request() -> None:
    """Each connection of the application retires after a few requests."""

    def serve(sock: socket.socket) -> None:
        def handler(stream: PeerStream) -> None:
            unary(stream)
            if len(peer.streams) == 3 and stream.ended:
                peer.session.shut_down()

        peer = Peer(sock, server=True, handler=handler)
        peer.serve()

    with application(serve) as port:
        plain = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[plain]) as pair, pair.connect() as sock:
            client = Peer(sock)
            for _ in range(40):
                stream = client.request("POST", "/a.B/C", GRPC, ends=False)
                client.send(stream, b"abc", ends=True)
                client.wait(lambda stream=stream: stream.ended)  # type: ignore[misc]
                assert stream.body == b"cba"


def test_streams_above_the_last_one_of_a_goaway_are_sent_again_and_the_others_finish() -> None:
    connections: list[list[int]] = []

    def serve(sock: socket.socket) -> None:
        seen: list[int] = []

        def handler(stream: PeerStream) -> None:
            if not stream.ended:
                return
            if not seen:
                connections.append(seen)
            seen.append(stream.sid)
            if len(connections) > 1:
                unary(stream)
            elif len(seen) == 5:
                # Two were begun. The peer hears so before it hears the answers to them.
                last, no_error = (3).to_bytes(4, "big"), bytes(4)
                sock.sendall(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + last + no_error)
                for begun in peer.streams[:2]:
                    unary(begun)

        peer = Peer(sock, server=True, handler=handler)
        peer.serve()

    with application(serve) as port:
        plain = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[plain]) as pair, pair.connect() as sock:
            client = Peer(sock)
            streams = []
            for _ in range(5):
                stream = client.request("POST", "/a.B/C", GRPC, ends=False)
                client.send(stream, b"abc", ends=True)
                streams.append(stream)
            client.wait(lambda: all(stream.ended for stream in streams))
            assert [stream.body for stream in streams] == [b"cba"] * 5
    assert [len(seen) for seen in connections] == [5, 3]


def test_a_request_that_crossed_our_goaway_is_served() -> None:
    with application(h2_app(unary)) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        first = client.request("POST", "/a.B/C", GRPC, ends=False)
        client.send(first, b"abc", ends=True)
        client.wait(lambda: first.ended)
        pair.drain(pair.outbound)
        # The GOAWAY is in our socket, and not read yet.
        crossed = client.request("POST", "/a.B/C", GRPC, ends=False)
        client.send(crossed, b"xyz", ends=True)
        client.wait(lambda: crossed.ended)
        assert crossed.body == b"zyx"
        client.wait(lambda: client.closed)


def test_more_streams_than_the_endpoint_takes_wait_their_turn() -> None:
    settings = Http2Settings(max_streams=2)
    with application(h2_app(unary, settings)) as port:
        plain = Endpoint(SocketAddress(LOCAL, port))
        with Pair(port, endpoints=[plain]) as pair, pair.connect() as sock:
            client = Peer(sock)
            streams = []
            for _ in range(30):
                stream = client.request("POST", "/a.B/C", GRPC, ends=False)
                client.send(stream, b"abc", ends=True)
                streams.append(stream)
            client.wait(lambda: all(stream.ended for stream in streams))
            assert all(stream.body == b"cba" for stream in streams)


def test_grpc_clients_get_a_grpc_status_from_the_proxy() -> None:
    with Pair(1) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC)
        client.wait(lambda: stream.ended)
        assert stream.status == 200
        assert stream.headers.get("grpc-status") == b"14"
        assert b"connection refused" in (stream.headers.get("grpc-message") or b"")


def test_draining_says_goaway_and_finishes() -> None:
    with application(h2_app(unary)) as port, Pair(port) as pair, pair.connect() as sock:
        client = Peer(sock)
        stream = client.request("POST", "/a.B/C", GRPC, ends=False)
        client.send(stream, b"first")
        probe = client.request("POST", "/a.B/C", GRPC)
        client.wait(lambda: probe.ended)
        pair.drain(pair.outbound)
        pair.drain(pair.inbound)
        client.send(stream, b"second", ends=True)
        client.wait(lambda: stream.ended)
        assert stream.body == b"dnocestsrif"
        client.wait(lambda: client.closed)
        assert client.session.h2.goaway_info() is not None


def only(identity: str) -> ServerPolicy:
    """A policy that lets one identity in from anywhere."""
    open_policy = default_policy("all-unauthenticated")
    allowed = Authorization(
        Meta("policy.linkerd.io", "authorizationpolicy", "demo", "only"),
        open_policy.authorizations[0].networks,
        TlsAuthenticated(frozenset({identity})),
    )
    return ServerPolicy(open_policy.protocol, Meta.default("only"), (allowed,))


def test_a_stranger_is_denied_in_grpcs_words() -> None:
    policy = only("other.demo.serviceaccount.identity.weft.cluster.local")
    with (
        application(h2_app(unary)) as port,
        Pair(port, inbound_policy=policy, client_ip="10.0.0.9") as pair,
    ):
        with pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/a.B/C", GRPC)
            client.wait(lambda: stream.ended)
            assert stream.status == 200
            assert stream.headers.get("grpc-status") == b"7"
            assert b"unauthorized" in (stream.headers.get("grpc-message") or b"")
        assert pair.metric("inbound_http_authz_deny_total", client_id=CLIENT) == 1


def test_whoever_the_policy_names_may_come() -> None:
    with (
        application(h2_app(unary)) as port,
        Pair(port, inbound_policy=only(CLIENT), client_ip="10.0.0.9") as pair,
    ):
        with pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/a.B/C", GRPC)
            client.wait(lambda: stream.ended)
            assert stream.trailers is not None
        assert pair.metric("inbound_http_authz_allow_total", authz_name="only") == 1
