"""HTTP/1 heads and bodies, whole and cut everywhere."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.codec.http1 import Http1ClientCodec, Http1ServerCodec, MalformedMessageError
from proxy.codec.message import (
    HTTP_1_0,
    HTTP_1_1,
    Headers,
    RequestHead,
    ResponseHead,
    strip_hop_by_hop,
)

REQUESTS = {
    "plain": (b"GET /a HTTP/1.1\r\nHost: v\r\n\r\n", b"", None),
    "length": (b"POST /a HTTP/1.1\r\nHost: v\r\nContent-Length: 5\r\n\r\nhello", b"hello", 5),
    "empty": (b"POST /a HTTP/1.1\r\nHost: v\r\nContent-Length: 0\r\n\r\n", b"", 0),
    "chunks": (
        b"POST /a HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nx-sum: 5\r\n\r\n",
        b"hello",
        None,
    ),
}


def read_request(codec: Http1ServerCodec, pieces: list[bytes]) -> tuple[RequestHead, bytes]:
    """Feed a request in pieces, as a connection would."""
    head: RequestHead | None = None
    body = b""
    done = False
    for piece in pieces:
        if head is None:
            found = codec.read_head(piece)
            if found is None:
                continue
            head, done, _ = found
            piece = b"" if done else codec.take_kept()
        if not done:
            part, done = codec.read_body(piece)
            body += part
        elif piece:
            codec.keep(piece)
    assert head is not None
    assert done
    return head, body


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_cut_anywhere_is_the_same_request(kind: str) -> None:
    wire, wanted, length = REQUESTS[kind]
    for at in range(len(wire) + 1):
        head, body = read_request(Http1ServerCodec(), [wire[:at], wire[at:]])
        assert (head.method, head.path, head.authority) == (head.method, "/a", "v")
        assert body == wanted
        assert head.content_length == length
        assert "transfer-encoding" not in head.headers
    head, body = read_request(Http1ServerCodec(), [wire[at : at + 1] for at in range(len(wire))])
    assert body == wanted


@pytest.mark.parametrize("first", REQUESTS)
@pytest.mark.parametrize("second", REQUESTS)
def test_what_follows_a_request_is_kept_for_the_next(first: str, second: str) -> None:
    codec = Http1ServerCodec()
    _, body = read_request(codec, [REQUESTS[first][0] + REQUESTS[second][0]])
    assert body == REQUESTS[first][1]
    codec.next()
    _, body = read_request(codec, [b""])
    assert body == REQUESTS[second][1]
    assert codec.kept == b""


@given(st.binary(max_size=300))
def test_no_bytes_are_worse_than_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedMessageError):
        Http1ServerCodec().read_head(data)


@given(st.binary(max_size=200))
def test_no_body_bytes_are_worse_than_malformed(data: bytes) -> None:
    codec = Http1ServerCodec()
    codec.read_head(b"POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n")
    with contextlib.suppress(MalformedMessageError):
        codec.read_body(data)


# --- responses read -------------------------------------------------------------------------


def reader(method: str = "GET") -> Http1ClientCodec:
    codec = Http1ClientCodec()
    codec.write_head(RequestHead(method, "/", "v", Headers([("host", b"v")]), HTTP_1_1), True)
    return codec


def read_response(codec: Http1ClientCodec, pieces: list[bytes]) -> tuple[ResponseHead, bytes, bool]:
    head: ResponseHead | None = None
    body = b""
    done = False
    for piece in pieces:
        if head is None:
            found = codec.read_head(piece)
            if found is not None:
                head, body, done = found
        elif not done and piece:
            part, done = codec.read_body(piece)
            body += part
    assert head is not None
    return head, body, done


RESPONSES = {
    "length": (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", 5),
    "chunks": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"hello",
        None,
    ),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"",
        0,
    ),
    "none": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", None),
}


@pytest.mark.parametrize("kind", RESPONSES)
def test_a_response_cut_anywhere_is_the_same_response(kind: str) -> None:
    wire, wanted, length = RESPONSES[kind]
    for at in range(len(wire) + 1):
        codec = reader()
        head, body, done = read_response(codec, [wire[:at], wire[at:]])
        assert done
        assert body == wanted
        assert head.content_length == length
        assert codec.keep_alive


def test_a_body_may_end_with_its_connection() -> None:
    codec = reader()
    head, body, done = read_response(codec, [b"HTTP/1.0 200 OK\r\n\r\npart", b" and rest"])
    assert (head.version, body, done) == (HTTP_1_0, b"part and rest", False)
    assert codec.eof()
    assert not codec.keep_alive


def test_a_known_length_must_not_end_with_its_connection() -> None:
    codec = reader()
    read_response(codec, [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart"])
    assert not codec.eof()


def test_bytes_after_a_response_spoil_the_connection() -> None:
    codec = reader()
    read_response(codec, [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokextra"])
    assert not codec.keep_alive


def test_a_response_to_head_has_a_length_and_no_body() -> None:
    head, body, done = read_response(
        reader("HEAD"), [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"]
    )
    assert (head.content_length, body, done) == (5, b"", True)


# --- messages written -----------------------------------------------------------------------


def writer(request: bytes) -> Http1ServerCodec:
    codec = Http1ServerCodec()
    assert codec.read_head(request) is not None
    return codec


@pytest.mark.parametrize(
    ("request_", "length", "ends", "framing", "closes"),
    [
        (b"GET / HTTP/1.1\r\nHost: v\r\n\r\n", 3, False, b"content-length: 3", False),
        (b"GET / HTTP/1.1\r\nHost: v\r\n\r\n", None, False, b"transfer-encoding: chunked", False),
        (b"GET / HTTP/1.1\r\nHost: v\r\n\r\n", None, True, b"content-length: 0", False),
        (b"HEAD / HTTP/1.1\r\nHost: v\r\n\r\n", 7, True, b"content-length: 7", False),
        (b"GET / HTTP/1.0\r\nHost: v\r\n\r\n", None, False, b"HTTP/1.0 200", True),
        (b"GET / HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n", 3, False, b"close", True),
    ],
)
def test_responses_are_framed_as_the_client_can_read_them(
    request_: bytes, length: int | None, ends: bool, framing: bytes, closes: bool
) -> None:
    codec = writer(request_)
    wire, last = codec.write_head(ResponseHead(200, Headers(), HTTP_1_1, length), ends, True)
    assert framing in wire
    assert last is closes


def test_trailers_go_to_those_who_asked() -> None:
    codec = writer(b"GET / HTTP/1.1\r\nHost: v\r\nTE: trailers\r\n\r\n")
    codec.write_head(ResponseHead(200, Headers([("trailer", b"x-a")]), HTTP_1_1), False, True)
    assert codec.write_body(b"abc") == b"3\r\nabc\r\n"
    assert codec.write_end(Headers([("x-a", b"1")])) == b"0\r\nx-a: 1\r\n\r\n"


def test_hop_by_hop_headers_go_and_their_nominees_with_them() -> None:
    headers = Headers(
        [
            ("connection", b"close, X-Secret, Host"),
            ("x-secret", b"1"),
            ("host", b"v"),
            ("keep-alive", b"timeout=5"),
            ("te", b"gzip, trailers"),
            ("proxy-connection", b"x"),
            ("x-kept", b"1"),
        ]
    )
    strip_hop_by_hop(headers)
    assert sorted(headers.keys()) == ["host", "te", "x-kept"]
    assert headers["te"] == b"trailers"


def test_what_a_body_says_is_no_second_length() -> None:
    """LF alone ends lines, too: the head ends there, and not at the next CR LF CR LF."""
    codec = Http1ServerCodec()
    found = codec.read_head(
        b"POST / HTTP/1.1\nHost: v\nTransfer-Encoding: chunked\n\n"
        b"18\r\nx\r\nContent-Length: 4\r\n\r\n\r\n0\r\n\r\n"
    )
    assert found is not None
    body, ended = codec.read_body(codec.take_kept())
    assert body == b"x\r\nContent-Length: 4\r\n\r\n"
    assert ended
