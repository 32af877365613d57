"""Two sessions talking, their bytes cut everywhere; windows, backlogs and the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec.http1 import PREFACE
from proxy.codec.http2 import H2FrameHeaders, Http2Settings, Session, Stream, request_head
from proxy.codec.message import HTTP_2, Headers, RequestHead, ResponseHead
from proxy.codec.upgrade import (
    carry_request,
    note_response,
    restore_request,
    restore_response,
    to_http1,
)
from testkit.attacks.frames import (
    ACK,
    BEGINNING,
    GET,
    PING,
    RST_STREAM,
    SETTINGS,
    field,
    frame,
    request,
)


class Noted(Stream):
    """Notes what it hears."""

    def __init__(self, *, answered: bool = False) -> None:
        super().__init__()
        self._answered = answered
        self.heard: list[str] = []
        self.body = b""
        self.head: RequestHead | None = None

    @property
    def answered(self) -> bool:
        return self._answered

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None:
        if frame.status is None:
            self.head = request_head(frame)
        self.heard.append(f"head {frame.status or frame.method}{' end' if ends else ''}")

    def on_data(self, data: bytes, ends: bool) -> None:
        self.body += data
        if ends:
            self.heard.append("end")

    def on_trailers(self, trailers: Headers) -> None:
        self.heard.append(f"trailers {trailers.items()}")

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None:
        self.heard.append(f"reset {code}{' unprocessed' if unprocessed else ''}")

    def on_blocked(self) -> None:
        self.heard.append("blocked")

    def on_unblocked(self) -> None:
        self.heard.append("unblocked")


class Owner:
    def __init__(self, *, answered: bool = False) -> None:
        self._answered = answered
        self.streams: list[Noted] = []
        self.over = False
        self.woken = False
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def wake(self) -> None:
        self.woken = True

    def accept(self) -> Noted:
        stream = Noted(answered=self._answered)
        self.streams.append(stream)
        return stream

    def slot_freed(self) -> None: ...

    def finished(self) -> None:
        self.over = True


class Ends:
    """A client and a server, and the wire between them."""

    def __init__(self, settings: Http2Settings | None = None, cut: int = 1 << 20) -> None:
        self.cut = cut
        settings = settings or Http2Settings()
        self.client_owner, self.server_owner = Owner(), Owner()
        self.client = Session(self.client_owner, settings, server=False)
        self.server = Session(self.server_owner, settings, server=True)
        self.move()

    def move(self) -> None:
        """Carry bytes both ways until there are none."""
        while self.client.pending or self.server.pending:
            for sender, receiver in ((self.client, self.server), (self.server, self.client)):
                if sender.pending:
                    wire = bytes(sender.take())
                    sender.sent()
                    for at in range(0, len(wire), self.cut):
                        assert receiver.receive(wire[at : at + self.cut]) is None

    def open(self, *, ends: bool = True) -> Noted:
        stream = Noted()
        head = RequestHead("POST", "/x", "v:80", Headers([("a", b"b")]), HTTP_2)
        assert self.client.open(stream, head, ends)
        self.move()
        return stream


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 9, 10, 1000])
def test_an_exchange_cut_anywhere_is_the_same(cut: int) -> None:
    ends = Ends(cut=cut)
    mine = ends.open(ends=False)
    theirs = ends.server_owner.streams[0]
    mine.send_data(b"hello", True)
    ends.move()
    ends.server.respond(theirs, ResponseHead(200, Headers(), HTTP_2), False)
    theirs.send_data(b"world", False)
    theirs.send_trailers(Headers([("grpc-status", b"0")]))
    ends.move()
    assert theirs.heard == ["head POST", "end"]
    assert theirs.body == b"hello"
    assert theirs.head is not None
    assert theirs.head.authority == "v:80"
    assert mine.heard == ["head 200", "trailers [('grpc-status', b'0')]"]
    assert mine.body == b"world"
    assert ends.client.streams == ends.server.streams == 0


def test_a_paused_stream_stops_its_sender_and_no_other() -> None:
    ends = Ends(Http2Settings(stream_window=65_535, connection_window=1 << 20))
    slow, quick = ends.open(), ends.open()
    slow.pause()
    first, second = ends.server_owner.streams
    for stream in (first, second):
        ends.server.respond(stream, ResponseHead(200, Headers(), HTTP_2), False)
        stream.send_data(b"x" * 300_000, True)
    ends.move()
    assert len(slow.body) == 65_535
    assert first.heard[-1] == "blocked"
    assert len(quick.body) == 300_000
    assert quick.heard[-1] == "end"
    slow.resume()
    ends.move()
    assert len(slow.body) == 300_000
    assert slow.heard[-1] == "end"


def test_what_was_kept_back_is_sent_in_order_with_its_trailers() -> None:
    ends = Ends(Http2Settings(stream_window=65_535))
    mine = ends.open()
    theirs = ends.server_owner.streams[0]
    ends.server.respond(theirs, ResponseHead(200, Headers(), HTTP_2), False)
    theirs.send_data(b"a" * 100_000, False)
    theirs.send_data(b"b" * 100_000, False)
    theirs.send_trailers(Headers([("x", b"y")]))
    ends.move()
    assert mine.body == b"a" * 100_000 + b"b" * 100_000
    assert mine.heard == ["head 200", "trailers [('x', b'y')]"]


def test_a_reset_ends_one_stream() -> None:
    ends = Ends()
    mine, other = ends.open(ends=False), ends.open(ends=False)
    mine.reset(8)
    ends.move()
    assert ends.server_owner.streams[0].heard[-1] == "reset 8"
    ends.server_owner.streams[1].reset(7)
    ends.move()
    assert other.heard == ["reset 7 unprocessed"]


def test_what_arrives_for_a_stream_that_was_given_up_is_acknowledged_at_once() -> None:
    """The window is the connection's: other streams may wait for it, and send nothing meanwhile."""
    ends = Ends(Http2Settings(connection_window=65_535))
    mine = ends.open()
    theirs = ends.server_owner.streams[0]
    ends.server.respond(theirs, ResponseHead(200, Headers(), HTTP_2), False)
    theirs.send_data(bytes(60_000), False)
    on_the_way = bytes(ends.server.take())
    ends.server.sent()
    mine.reset(8)
    bytes(ends.client.take())
    ends.client.sent()
    ends.client_owner.woken = False
    assert ends.client.receive(on_the_way) is None
    assert ends.client.pending
    assert ends.client_owner.woken


def test_shutting_down_serves_what_is_on_its_way() -> None:
    ends = Ends()
    mine = ends.open()
    ends.server.shut_down()
    ends.move()
    assert ends.client.closed
    assert not ends.client.open(Noted(), RequestHead("GET", "/", "v", Headers(), HTTP_2), True)
    ends.server.respond(ends.server_owner.streams[0], ResponseHead(204, Headers(), HTTP_2), True)
    ends.move()
    assert mine.heard == ["head 204 end"]
    assert ends.server_owner.over


def test_a_lost_connection_tells_every_stream() -> None:
    ends = Ends()
    streams = [ends.open(ends=False) for _ in range(3)]
    ends.client.fail()
    assert [stream.heard for stream in streams] == [["reset None"]] * 3


@given(st.binary(max_size=400))
def test_no_bytes_after_the_preface_are_worse_than_an_error(data: bytes) -> None:
    session = Session(Owner(), Http2Settings(), server=True)
    wrong = session.receive(PREFACE + data)
    assert wrong is None or isinstance(wrong, str)


@given(st.binary(min_size=1, max_size=60))
def test_no_beginning_is_worse_than_an_error(data: bytes) -> None:
    session = Session(Owner(), Http2Settings(), server=True)
    wrong = session.receive(data)
    assert wrong is None or isinstance(wrong, str)


# --- HTTP/1 carried as HTTP/2 -----------------------------------------------------------------


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
@pytest.mark.parametrize("absolute", [False, True])
def test_what_is_carried_is_restored(version: str, absolute: bool) -> None:
    head = RequestHead("GET", "/x", "v:80", Headers([("host", b"v:80"), ("a", b"b")]), version)
    head.absolute = absolute
    carry_request(head)
    assert head.version == HTTP_2
    assert "host" not in head.headers
    assert restore_request(head)
    to_http1(head)
    assert (head.version, head.absolute) == (version, absolute)
    assert sorted(head.headers.items()) == [("a", b"b"), ("host", b"v:80")]


def test_a_request_that_was_not_carried_stays() -> None:
    head = RequestHead("GET", "/x", "v", Headers([("a", b"b")]), HTTP_2)
    assert not restore_request(head)
    assert head.version == HTTP_2


def test_the_applications_version_comes_back() -> None:
    head = ResponseHead(200, Headers(), "HTTP/1.0")
    note_response(head)
    assert head.headers.get("l5d-orig-proto") == b"HTTP/1.0"
    head.version = HTTP_2
    restore_response(head)
    assert head.version == "HTTP/1.0"
    assert "l5d-orig-proto" not in head.headers


def test_now_and_then_a_peer_may_be_noisy_for_ever() -> None:
    owner = Owner()
    server = Session(owner, Http2Settings(noise=10), server=True)
    assert server.receive(BEGINNING) is None
    for _ in range(100):
        owner.time += 10.0
        assert server.receive(frame(PING, 0, 0, bytes(8)) * 10) is None
        server.take()
        server.sent()
    assert server.receive(frame(PING, 0, 0, bytes(8)) * 30) is not None
    assert server.flooded


def test_requests_taken_back_are_forgiven_when_most_are_not() -> None:
    owner = Owner()
    server = Session(owner, Http2Settings(resets=10), server=True)
    sent = BEGINNING + frame(SETTINGS, ACK, 0)
    for number in range(200):
        sid = 2 * number + 1
        sent += request(GET, stream=sid)
        if number % 3 == 0:
            sent += frame(RST_STREAM, 0, sid, b"\0\0\0\x08")
    for start in range(0, len(sent), 100):
        assert server.receive(sent[start : start + 100]) is None
    assert not server.flooded


@pytest.mark.parametrize("answered", [True, False])
def test_who_waited_for_the_answer_may_leave(answered: bool) -> None:
    """A gRPC client that has seen enough of a stream cancels it; a flood does not wait."""
    owner = Owner(answered=answered)
    server = Session(owner, Http2Settings(resets=10), server=True)
    assert server.receive(BEGINNING + frame(SETTINGS, ACK, 0)) is None
    wrong = [
        server.receive(request(GET, stream=sid) + frame(RST_STREAM, 0, sid, b"\0\0\0\x08"))
        for sid in range(1, 201, 2)
        if not server.flooded
    ]
    assert server.flooded is not answered
    assert (wrong[-1] is None) is answered
    assert all(stream.heard[-1] == "reset 8" for stream in owner.streams)


def test_header_lists_are_bounded_before_the_peer_has_acknowledged_it() -> None:
    server = Session(Owner(), Http2Settings(max_header_list=1_000), server=True)
    assert server.receive(BEGINNING + request(GET + field(b"a", b"b" * 900))) is None
    assert server.receive(request(GET + field(b"a", b"b" * 1_000), stream=3)) is not None
    assert server.flooded
