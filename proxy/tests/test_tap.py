"""`Tap.Observe` end to end: the tap service's client, the server on its port, requests through both
proxies."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import pytest

from proxy.codec import grpc_frames
from proxy.codec.grpc_client import ClientSession, Ended, Message
from proxy.codec.grpc_status import Code
from proxy.codec.message import Headers
from proxy.control.tap import BUFFER_EVENTS, DROPPED, OBSERVE, TapServer
from proxy.control.tests.messages import parse
from proxy.discovery.endpoints import Endpoint
from proxy.inbound.tap import InboundTap
from proxy.net.listen import bind
from proxy.outbound.tap import OutboundTap
from proxy.tap.registry import Registry
from proxy.tap.subject import ResponseEnd
from proxy.tap.tests.subjects import VOTE
from proxy.tests.h2peer import Peer, PeerStream
from proxy.tests.pair import (
    CLIENT,
    LOCAL,
    SERVER,
    Pair,
    application,
    certificates,
    echo_http,
    forward_policy,
    read_message,
    stranger,
)
from weft.addresses import SocketAddress
from weftapi.proxy.tap_pb2 import ObserveRequest, TapEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.identity.store import CertificateStore

TAP = "weft-tap.weft.serviceaccount.identity.weft.cluster.local"
ALL = "limit: 100 match { all {} }"


class Tapped(Pair):
    """Both sides, and a tap server for each as its own pod would have."""

    def __init__(self, app_port: int, **options: object) -> None:
        super().__init__(app_port, **options)  # type: ignore[arg-type]
        self.taps = Registry()
        self.taps.attach(self.inbound.observers, InboundTap(self.taps))
        self.taps.attach(self.outbound.observers, OutboundTap(self.taps))
        self.tap_socket = bind(SocketAddress(LOCAL, 0))
        self.tap_port: int = self.tap_socket.getsockname()[1]
        self.server = TapServer(self.reactor, certificates(SERVER), self.taps, TAP)

    def __enter__(self) -> Self:
        super().__enter__()
        self.run(lambda: self.server.start([self.tap_socket]))
        return self

    def __exit__(self, *exc: object) -> None:
        self.run(self.server.stop)
        super().__exit__(*exc)

    def get(self, path: str) -> bytes:
        with self.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nhost: voting\r\nx-mine: 1\r\n\r\n".encode())
            return read_message(sock)[1]


class Observer:
    """The tap service's end of one stream."""

    def __init__(
        self, port: int, request: str | bytes, store: CertificateStore, path: str = OBSERVE
    ) -> None:
        plain = socket.create_connection((LOCAL, port), timeout=5)
        self.sock = store.client_context.wrap_socket(plain, server_hostname=SERVER)
        self.session = ClientSession("tap")
        message = request if isinstance(request, bytes) else _message(request)
        self.session.call(path, message)
        self.sock.sendall(self.session.take_output())
        self.events: list[TapEvent] = []
        self.status: Ended | None = None

    def read(self, count: int) -> list[TapEvent]:
        """So many events, or all until the stream ends."""
        while len(self.events) < count and self.status is None:
            data = self.sock.recv(65_536)
            found = self.session.receive(data) if data else self.session.end_of_input()
            for one in found:
                if isinstance(one, Message):
                    self.events.append(TapEvent.FromString(one.payload))
                else:
                    self.status = one
            self.sock.sendall(self.session.take_output())
        return self.events

    def end(self) -> Code:
        self.read(10_000)
        assert self.status is not None
        return self.status.status.code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()


def _message(text: str) -> bytes:
    return parse(ObserveRequest, text).SerializeToString()


@contextlib.contextmanager
def scene() -> Iterator[Tapped]:
    with application(echo_http) as port, Tapped(port) as pair:
        yield pair


@contextlib.contextmanager
def watching(
    pair: Tapped, request: str = ALL, store: CertificateStore | None = None
) -> Iterator[Observer]:
    """An observer whose stream the proxy knows of."""
    before = pair.run(lambda: len(pair.taps))
    with Observer(pair.tap_port, request, store or certificates(TAP)) as observer:
        while pair.run(lambda: len(pair.taps)) == before:
            pass
        yield observer


def kind(event: TapEvent) -> str:
    return str(event.http.WhichOneof("event"))


def test_a_request_is_seen_on_both_sides() -> None:
    with scene() as pair, watching(pair) as observer:
        body = pair.get("/vote?for=doughnut")
        events = observer.read(6)
    assert [kind(one) for one in events].count("response_end") == 2
    outbound = [one for one in events if one.proxy_direction == TapEvent.OUTBOUND]
    inbound = [one for one in events if one.proxy_direction == TapEvent.INBOUND]
    assert [kind(one) for one in outbound] == ["request_init", "response_init", "response_end"]
    assert [kind(one) for one in inbound] == ["request_init", "response_init", "response_end"]
    for one in (outbound[0], inbound[0]):
        assert one.http.request_init.path == "/vote?for=doughnut"
        assert one.http.request_init.authority == "voting"
        assert not one.http.request_init.HasField("headers")
    assert dict(outbound[0].source_meta.labels) == {"tls": "loopback"}
    assert dict(outbound[0].destination_meta.labels) == {
        "tls": "true",
        "server_id": SERVER,
        "deployment": "voting",
    }
    assert outbound[0].destination.port == pair.inbound_port
    assert dict(inbound[0].source_meta.labels) == {"tls": "true", "client_id": CLIENT}
    assert not inbound[0].destination_meta.labels
    assert inbound[0].destination.port == pair.app.port
    assert inbound[0].source.port > 0
    assert inbound[0].route_meta.labels["route"]
    assert inbound[1].http.response_init.http_status == 200
    assert inbound[2].http.response_end.response_bytes == len(body)
    assert inbound[2].http.response_end.eos.WhichOneof("end") is None
    ids = {one.http.request_init.id.stream for one in (outbound[0], inbound[0])}
    assert len(ids) == 2


def test_headers_come_when_asked_for() -> None:
    with scene() as pair, watching(pair, ALL + " extract { http { headers {} } }") as observer:
        pair.get("/")
        first = observer.read(6)[0].http.request_init
    assert ("x-mine", b"1") in [(one.name, one.value) for one in first.headers.headers]


def test_the_limit_ends_the_stream_and_the_cost() -> None:
    with scene() as pair, watching(pair, "limit: 2 match { all {} }") as observer:
        pair.get("/")
        pair.get("/unseen")
        assert observer.end() is Code.OK
        assert len(observer.events) == 6
        pair.eventually(lambda: len(pair.inbound.observers + pair.outbound.observers), 0)


def test_only_what_matches_is_told() -> None:
    match = "limit: 9 match { all { matches { http { path { prefix: '/b' } } } matches { destination_label { key: 'deployment' value: 'voting' } } } }"
    with scene() as pair, watching(pair, match) as observer:
        pair.get("/a")
        pair.get("/b")
        events = observer.read(3)
    assert [one.proxy_direction for one in events] == [TapEvent.OUTBOUND] * 3
    assert events[0].http.request_init.path == "/b"


def test_leaving_ends_the_cost() -> None:
    with scene() as pair:
        with watching(pair):
            assert pair.run(lambda: len(pair.inbound.observers)) == 1
        pair.eventually(lambda: len(pair.taps), 0)
        assert pair.run(lambda: pair.inbound.observers) == []
        assert pair.get("/").startswith(b"GET / ")


def test_grpc_and_its_status() -> None:
    def handler(stream: PeerStream) -> None:
        if stream.ended and stream.reset_code is None:
            stream.respond(200, {"content-type": "application/grpc"})
            stream.send_trailers(Headers([("grpc-status", "13")]))

    def serve(sock: socket.socket) -> None:
        Peer(sock, server=True, handler=handler).serve()

    with application(serve) as port, Tapped(port) as pair, watching(pair) as observer:
        with pair.connect() as sock:
            client = Peer(sock)
            stream = client.request("POST", "/V/Vote", {"content-type": "application/grpc"})
            client.wait(lambda: stream.ended)
        ends = [one for one in observer.read(6) if kind(one) == "response_end"]
    assert [one.http.response_end.eos.grpc_status_code for one in ends] == [13, 13]


def test_an_endpoint_that_is_away() -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        nobody = SocketAddress(LOCAL, taken.getsockname()[1])
    policy = forward_policy(Endpoint(nobody))
    with Tapped(1, outbound_policy=policy) as pair, watching(pair) as observer:
        pair.get("/")
        events = observer.read(3)
    assert events[1].http.response_init.http_status == 502
    assert events[0].destination_meta.labels["tls"] == "not_provided_by_service_discovery"


def test_a_client_that_goes_away() -> None:
    def silent(sock: socket.socket) -> None:
        while sock.recv(65_536):
            pass

    with application(silent) as port, Tapped(port) as pair, watching(pair) as observer:
        with pair.connect() as sock:
            sock.sendall(b"GET /slow HTTP/1.1\r\nhost: voting\r\n\r\n")
            observer.read(2)
        ends = [one for one in observer.read(4) if kind(one) == "response_end"]
    assert [one.http.response_end.eos.reset_error_code for one in ends] == [8, 8]


# --- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [CLIENT, SERVER])
def test_another_identity_is_refused(identity: str) -> None:
    with scene() as pair, Observer(pair.tap_port, ALL, certificates(identity)) as observer:
        assert observer.end() is Code.UNAUTHENTICATED
        assert pair.run(lambda: len(pair.taps)) == 0


def test_no_certificate_is_refused() -> None:
    class Anonymous:
        client_context = certificates(TAP).anonymous_context

    with scene() as pair, Observer(pair.tap_port, ALL, Anonymous()) as observer:  # type: ignore[arg-type]
        assert observer.end() is Code.UNAUTHENTICATED


def test_a_strange_authority_is_refused() -> None:
    rogue = stranger(TAP)
    with (
        scene() as pair,
        pytest.raises((ssl.SSLError, ConnectionError)),
        Observer(pair.tap_port, ALL, rogue) as observer,
    ):
        observer.end()


def test_plaintext_is_refused() -> None:
    with scene() as pair, socket.create_connection((LOCAL, pair.tap_port), timeout=5) as sock:
        sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        received = b""
        with contextlib.suppress(ConnectionError):
            while data := sock.recv(100):
                received += data
        assert not received.startswith(b"HTTP")
        pair.eventually(lambda: len(pair.server.connections), 0)


@pytest.mark.slow
def test_a_silent_client_is_given_a_second() -> None:
    with scene() as pair, socket.create_connection((LOCAL, pair.tap_port), timeout=5) as sock:
        with contextlib.suppress(ConnectionError):
            assert sock.recv(1) == b""
        pair.eventually(lambda: len(pair.server.connections), 0)


@pytest.mark.parametrize(
    ("request_", "path", "code"),
    [
        ("match { all {} }", OBSERVE, Code.INVALID_ARGUMENT),
        ("limit: 1", OBSERVE, Code.INVALID_ARGUMENT),
        ("limit: 1 match { http {} }", OBSERVE, Code.INVALID_ARGUMENT),
        ("limit: 1 match { all {} } extract { http {} }", OBSERVE, Code.INVALID_ARGUMENT),
        (b"\xff\xff\xff", OBSERVE, Code.INVALID_ARGUMENT),
        (b"x" * 70_000, OBSERVE, Code.INVALID_ARGUMENT),
        (ALL, "/io.linkerd.proxy.tap.Tap/Other", Code.UNIMPLEMENTED),
    ],
)
def test_bad_requests(request_: str | bytes, path: str, code: Code) -> None:
    with scene() as pair, Observer(pair.tap_port, request_, certificates(TAP), path) as observer:
        assert observer.end() is code


# --- a slow reader ------------------------------------------------------------------------------


def test_a_slow_reader_loses_events_and_holds_nothing_back() -> None:
    big = replace(VOTE, headers=(("cookie", b"x" * 2_000),))
    count = 3_000
    with scene() as pair, watching(pair, f"limit: {count} match {{ all {{}} }} extract {{ http {{ headers {{}} }} }}") as observer:  # fmt: skip

        def flood() -> None:
            for _ in range(count):
                watched = pair.taps.begin(big)
                assert watched is not None
                watched.end(ResponseEnd(watched.stream, big, 0.1, 0.0, 0))

        pair.run(flood)
        body = pair.get("/still-served")
        assert body.startswith(b"GET /still-served")
        assert observer.end() is Code.OK
        assert BUFFER_EVENTS <= len(observer.events) < 2 * count


# --- an event that no message can hold -------------------------------------------------------------

UNTOLD = (("dst_deployment", "\ud800"),)
"""Half a character, which no message holds. Nothing lets it pass on its way to the proxy, or to here
from a client: this is what a gap in that would be like."""


def test_an_event_that_cannot_be_told_is_lost_and_the_request_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with scene() as pair:
        pair.lookups.endpoints = [replace(pair.meshed, labels=UNTOLD)]
        with watching(pair, "limit: 4 match { all {} }") as observer:
            with pair.connect() as sock:
                for path in (b"/one", b"/two"):
                    sock.sendall(b"GET %s HTTP/1.1\r\nhost: voting\r\n\r\n" % path)
                    assert read_message(sock)[1].startswith(b"GET %s " % path)
            assert observer.end() is Code.OK
        assert {one.proxy_direction for one in observer.events} == {TapEvent.INBOUND}
        assert len(observer.events) == 6
        assert pair.reactor.failures == 0
    assert caplog.text.count("an event cannot be told") == 1


def test_events_that_cannot_be_told_count_as_dropped() -> None:
    with scene() as pair:
        plain = socket.create_connection((LOCAL, pair.tap_port), timeout=5)
        context = certificates(TAP).client_context
        with context.wrap_socket(plain, server_hostname=SERVER) as sock:
            client = Peer(sock)
            stream = client.request("POST", OBSERVE, {"te": "trailers"}, ends=False)
            client.send(
                stream, grpc_frames.encode(_message("limit: 1 match { all {} }")), ends=True
            )
            pair.eventually(lambda: len(pair.taps), 1)

            def passes() -> None:
                watched = pair.taps.begin(replace(VOTE, path="/\ud800"))
                assert watched is not None
                watched.end(ResponseEnd(watched.stream, VOTE, 0.1, 0.0, 1 << 64))

            pair.run(passes)
            client.wait(lambda: stream.ended)
    assert stream.body == b""
    assert stream.trailers is not None
    assert stream.trailers.get("grpc-status") == b"0"
    assert stream.trailers.get(DROPPED) == b"2"


# --- l5d-require-id -------------------------------------------------------------------------------


@pytest.mark.parametrize(("required", "status"), [(SERVER, b"200"), (CLIENT, b"502")])
def test_the_required_identity_is_enforced_and_stripped(required: str, status: bytes) -> None:
    with scene() as pair, pair.connect() as sock:
        sock.sendall(
            f"GET / HTTP/1.1\r\nhost: voting\r\nl5d-require-id: {required}\r\n\r\n".encode()
        )
        head, body, _ = read_message(sock)
    assert head.split()[1] == status
    assert b"l5d-require-id" not in body
