"""gRPC without I/O: messages cut anywhere, and calls against a server made of frames."""

import struct

import pytest
from httpunk._httpunk import H2Codec, H2FrameData, H2FrameHeaders, H2FrameRstStream
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec import grpc_frames
from proxy.codec.grpc_client import ClientSession, Ended, Event, Message
from proxy.codec.grpc_frames import Decoder, FrameError, encode
from proxy.codec.grpc_status import Code, Status, from_http, from_reset, from_trailers
from proxy.codec.message import Headers

# --- messages -------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=40), max_size=5), st.data())
def test_messages_survive_any_cut(messages: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(map(encode, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder = Decoder()
    found: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += decoder.feed(wire[start:end])
    assert found == messages
    assert decoder.is_between_messages


def test_a_message_cut_short_is_not_between_messages() -> None:
    decoder = Decoder()
    assert decoder.feed(encode(b"hello")[:-1]) == []
    assert not decoder.is_between_messages


def test_compressed_and_oversized_messages_are_refused() -> None:
    with pytest.raises(FrameError, match="compression was not offered"):
        Decoder().feed(b"\x01\x00\x00\x00\x00")
    with pytest.raises(FrameError, match="allowed are 10"):
        Decoder(10).feed(struct.pack(">BI", 0, 11))
    assert Decoder(10).feed(encode(b"x" * 10)) == [b"x" * 10]


# --- statuses -------------------------------------------------------------------------------


def test_statuses_of_trailers() -> None:
    assert from_trailers(Headers()) is None
    assert from_trailers(Headers([("grpc-status", b"0")])) == Status(Code.OK)
    named = Headers([("grpc-status", b"5"), ("grpc-message", b"n%C3%B6 such")])
    assert str(from_trailers(named)) == "NOT_FOUND: nö such"
    for nonsense in (b"99", b"x", b""):
        status = from_trailers(Headers([("grpc-status", nonsense)]))
        assert status is not None
        assert status.code is Code.UNKNOWN


def test_statuses_without_trailers() -> None:
    assert from_http(404).code is Code.UNIMPLEMENTED
    assert from_http(503).code is Code.UNAVAILABLE
    assert from_http(302).code is Code.UNKNOWN
    assert from_reset(0x7).code is Code.UNAVAILABLE
    assert from_reset(0x8).code is Code.CANCELLED
    assert from_reset(0x2).code is Code.INTERNAL


# --- calls ----------------------------------------------------------------------------------


class Server:
    """The other side, one frame at a time."""

    def __init__(self, **settings: int) -> None:
        self.client = ClientSession("dst:8086")
        self.codec = H2Codec("server")
        assert self.codec.feed_preface(self.client.take_output()) is True
        self.codec.receive(b"")
        self.deliver(self.codec.serialize_settings(**settings))  # type: ignore[arg-type]
        self.pump()

    def deliver(self, data: bytes) -> list[Event]:
        return self.client.receive(data)

    def pump(self) -> list[object]:
        """Frames the client sent meanwhile."""
        frames: list[object] = []
        while output := self.client.take_output():
            frames += self.codec.receive(output)
        return frames

    def head(
        self, call: int, status: int = 200, *, ends: bool = False, **headers: str
    ) -> list[Event]:
        fields = Headers([("content-type", "application/grpc")])
        for name, value in headers.items():
            fields[name.replace("_", "-")] = value
        return self.deliver(self.codec.serialize_response_headers(call, status, fields, ends))

    def data(self, call: int, data: bytes, *, ends: bool = False) -> list[Event]:
        return self.deliver(self.codec.serialize_data(call, data, ends))

    def trailers(self, call: int, status: int = 0) -> list[Event]:
        fields = Headers([("grpc-status", str(status))])
        return self.deliver(self.codec.serialize_trailers(call, fields))


def begin(server: Server, path: str = "/a.B/C", message: bytes = b"hello") -> int:
    call = server.client.call(path, message)
    assert call is not None
    return call


def test_a_unary_call() -> None:
    server = Server()
    call = begin(server)
    head, data = (f for f in server.pump() if isinstance(f, H2FrameHeaders | H2FrameData))
    assert isinstance(head, H2FrameHeaders)
    assert (head.method, head.path, head.authority, head.scheme) == (
        "POST",
        "/a.B/C",
        "dst:8086",
        "http",
    )
    assert head.headers["te"] == b"trailers"
    assert isinstance(data, H2FrameData)
    assert (data.data, data.end_stream) == (encode(b"hello"), True)
    assert server.head(call) == []
    assert server.data(call, encode(b"world")) == [Message(call, b"world")]
    assert server.trailers(call) == [Ended(call, Status(Code.OK))]


def test_a_stream_of_answers_and_calls_side_by_side() -> None:
    server = Server()
    one, two = begin(server), begin(server)
    server.head(one)
    server.head(two)
    assert server.data(two, encode(b"1") + encode(b"2")[:3]) == [Message(two, b"1")]
    assert server.data(one, encode(b"x")) == [Message(one, b"x")]
    assert server.data(two, encode(b"2")[3:]) == [Message(two, b"2")]
    assert server.trailers(one, 14) == [Ended(one, Status(Code.UNAVAILABLE))]
    assert server.trailers(two) == [Ended(two, Status(Code.OK))]


def test_trailers_only() -> None:
    server = Server()
    call = begin(server)
    events = server.head(call, ends=True, grpc_status="12", grpc_message="no%20such%20method")
    assert events == [Ended(call, Status(Code.UNIMPLEMENTED, "no such method"))]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (503, "text/plain", Code.UNAVAILABLE),
        (200, "text/html", Code.UNKNOWN),
        (401, "x", Code.UNAUTHENTICATED),
    ],
)
def test_answers_that_are_not_grpc(status: int, kind: str, code: Code) -> None:
    server = Server()
    call = begin(server)
    server.head(call, status, content_type=kind)
    (ended,) = server.data(call, b"<html>not a frame", ends=True)
    assert isinstance(ended, Ended)
    assert ended.status.code is code


def test_ends_without_a_status_or_inside_a_message() -> None:
    server = Server()
    one, two = begin(server), begin(server)
    server.head(one)
    (ended,) = server.data(one, b"", ends=True)
    assert isinstance(ended, Ended)
    assert ended.status.code is Code.UNKNOWN
    server.head(two)
    server.data(two, encode(b"cut")[:-1])
    (ended,) = server.trailers(two)
    assert isinstance(ended, Ended)
    assert ended.status.code is Code.INTERNAL


def test_a_message_that_cannot_be_read_ends_its_call_only() -> None:
    server = Server()
    one, two = begin(server), begin(server)
    server.head(one)
    server.head(two)
    (ended,) = server.data(one, b"\x01\x00\x00\x00\x00")
    assert isinstance(ended, Ended)
    assert ended.status.code is Code.INTERNAL
    assert any(isinstance(f, H2FrameRstStream) for f in server.pump())
    assert server.data(two, encode(b"fine")) == [Message(two, b"fine")]


def test_a_reset_and_a_cancelled_call() -> None:
    server = Server()
    one, two = begin(server), begin(server)
    server.pump()
    (ended,) = server.deliver(server.codec.serialize_rst_stream(one, 0x7))
    status = Status(Code.UNAVAILABLE, "stream reset, code 0x7")
    assert ended == Ended(one, status, refused=True)
    server.client.cancel(two)
    server.client.cancel(two)
    (reset,) = (f for f in server.pump() if isinstance(f, H2FrameRstStream))
    assert (reset.stream_id, reset.error_code) == (two, 0x8)
    assert server.head(two) == []


def test_a_large_request_waits_for_the_window() -> None:
    server = Server(initial_window_size=10)
    call = begin(server, message=b"x" * 20)
    sent = b"".join(f.data for f in server.pump() if isinstance(f, H2FrameData))
    assert len(sent) == 10
    server.deliver(server.codec.serialize_window_update(call, 100))
    frames = [f for f in server.pump() if isinstance(f, H2FrameData)]
    assert sent + b"".join(f.data for f in frames) == encode(b"x" * 20)
    assert frames[-1].end_stream


def test_going_away_finishes_what_the_server_took() -> None:
    server = Server()
    one, two = begin(server), begin(server)
    server.pump()
    events = server.deliver(server.codec.serialize_go_away(one, 0))
    assert events == [Ended(two, Status(Code.UNAVAILABLE, "the peer is going away"))]
    assert not server.client.accepts_calls
    assert not server.client.is_over
    server.head(one)
    server.trailers(one)
    assert server.client.is_over
    assert server.client.call("/a.B/C", b"") is None


def test_a_lost_connection_ends_every_call() -> None:
    server = Server()
    one, two = begin(server), begin(server)
    events = server.client.end_of_input("connection reset")
    assert events == [
        Ended(call, Status(Code.UNAVAILABLE, "connection reset")) for call in (one, two)
    ]
    assert server.client.end_of_input() == []
    assert not server.client.accepts_calls


def test_a_violation_ends_every_call() -> None:
    server = Server()
    call = begin(server)
    (ended,) = server.deliver(
        b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    )  # WINDOW_UPDATE of 0
    assert isinstance(ended, Ended)
    assert (ended.call, ended.status.code) == (call, Code.UNAVAILABLE)
    assert server.deliver(b"anything") == []


@given(st.binary(min_size=1, max_size=200))
def test_garbage_never_raises(garbage: bytes) -> None:
    session = ClientSession("dst:8086")
    session.call("/a.B/C", b"")
    session.receive(garbage)
    session.end_of_input()
    assert session.is_over


def test_the_largest_message_is_bounded() -> None:
    assert grpc_frames.MAX_MESSAGE == 16 * 1024 * 1024
