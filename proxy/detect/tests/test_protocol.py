"""Detection by table at the boundaries, at every split, and on random bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.detect.protocol import DETECT_LIMIT, Detection, detect, is_http2_server, is_http_server

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
REQUESTS = [
    b"GET / HTTP/1.1\r\nhost: web\r\n\r\n",
    b"GET / HTTP/1.0\n\n",
    b"POST /api?x=1 HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    b"PUT http://web.emojivoto/ HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"CONNECT web:443 HTTP/1.1\r\n\r\n",
    "GET /grüße HTTP/1.1\r\n\r\n".encode(),
]
UNUSUAL_REQUESTS = [
    b"PROPFIND /dav HTTP/1.1\r\n\r\n",
    b"m-search * HTTP/1.1\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\n\r\n",
    b"\n\nGET / HTTP/1.0\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", REQUESTS)
def test_request_at_every_split(request_bytes: bytes) -> None:
    for size in range(len(request_bytes) + 1):
        expected = Detection.NEED_MORE if size < 14 else Detection.HTTP1
        assert detect(request_bytes[:size]) is expected, request_bytes[:size]


@pytest.mark.parametrize("request_bytes", UNUSUAL_REQUESTS)
def test_unusual_request_that_comes_at_once(request_bytes: bytes) -> None:
    assert detect(request_bytes) is Detection.HTTP1


def test_preface_at_every_split() -> None:
    for size in range(len(PREFACE) + 1):
        expected = Detection.NEED_MORE if size < 14 else Detection.HTTP2
        assert detect(PREFACE[:size]) is expected, PREFACE[:size]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", Detection.NEED_MORE),
        (b"P", Detection.NEED_MORE),
        (b"PR", Detection.NEED_MORE),
        (b"PU", Detection.NEED_MORE),
        (b"PO", Detection.NEED_MORE),
        (b"GET", Detection.NEED_MORE),
        (b"GET ", Detection.NEED_MORE),
        (b"GET / HTTP/1.", Detection.NEED_MORE),
        (b"GET / HTTP/1.1", Detection.HTTP1),
        (b"GET / HTTP/1.0", Detection.HTTP1),
        (b"GET / HTTP/1.2", Detection.OPAQUE),
        (b"GET / HTTP/2.0", Detection.OPAQUE),
        (b"GET / http/1.1", Detection.OPAQUE),
        (b"GET / HTTP/1.1x", Detection.OPAQUE),
        (b"GET / HTTP/1.1\r", Detection.HTTP1),
        (b"GET / HTTP/1.1\rx", Detection.OPAQUE),
        (b"GET  / HTTP/1.1\r\n", Detection.OPAQUE),
        (b"GET /a b HTTP/1.1\r\n", Detection.OPAQUE),
        (b"GET /\x00 HTTP/1.1\r\n", Detection.OPAQUE),
        (b"G\xc3\xa9T / HTTP/1.1\r\n", Detection.OPAQUE),
        (b" GET / HTTP/1.1\r\n", Detection.OPAQUE),
        (b"HTTP/1.1 200 OK\r\n\r\n", Detection.OPAQUE),
        (b"PRI * HTTP/2.1\r\n", Detection.OPAQUE),
        (b"PRI * HTTP/1.1\r\n", Detection.HTTP1),
        # Words of other protocols, none of which may be waited upon.
        (b"\x16\x03\x01\x02", Detection.OPAQUE),
        (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", Detection.OPAQUE),
        (b"PING\r\n", Detection.OPAQUE),
        (b"*1\r\n$4\r\nPING\r\n", Detection.OPAQUE),
        (b"get foo\r\n", Detection.OPAQUE),
        (b"GET foo\r\n", Detection.OPAQUE),
        (b"SET a b", Detection.OPAQUE),
        (b"EHLO mail.test\r\n", Detection.OPAQUE),
        (b"hello", Detection.OPAQUE),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Detection.OPAQUE),
        (b"SSH-2.0-OpenSSH_9.9", Detection.OPAQUE),
        (b"\r\n", Detection.OPAQUE),
        (b"\r\n" * 20, Detection.OPAQUE),
    ],
)
def test_boundary(head: bytes, expected: Detection) -> None:
    assert detect(head) is expected


def test_long_target_is_a_request_before_it_ends() -> None:
    assert detect((b"GET /" + b"a" * 2 * DETECT_LIMIT)[:DETECT_LIMIT]) is Detection.HTTP1


@given(st.binary(min_size=14, max_size=64))
def test_fourteen_bytes_always_suffice(head: bytes) -> None:
    assert detect(head) is not Detection.NEED_MORE


@given(st.binary(max_size=13), st.binary(max_size=32))
def test_waiting_is_only_for_what_may_become_http(head: bytes, tail: bytes) -> None:
    """Bytes called opaque while short are never the beginning of a well-known request."""
    if detect(head) is Detection.OPAQUE:
        assert not head.startswith((b"GET /", b"POST /", b"PRI "))
        assert detect(head + tail) is not Detection.HTTP2


@given(
    st.sampled_from([b"GET", b"POST", b"DELETE", b"HEAD"]),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40),
    st.sampled_from([b"HTTP/1.0", b"HTTP/1.1"]),
    st.integers(min_value=14, max_value=80),
)
def test_any_well_formed_request_line(method: bytes, target: str, version: bytes, cut: int) -> None:
    request = b" ".join((method, target.encode(), version)) + b"\r\nhost: web\r\n\r\n"
    assert detect(request[:cut]) is Detection.HTTP1


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (b"", None),
        (b"\0", None),
        (b"\0\0\x18\x04", None),
        (b"\0\0\0\x04\0\0\0\0\0", True),
        (b"\0\0\x18\x04\0\0\0\0\0" + bytes(24), True),
        (b"\0\0\x07\x04\0\0\0\0\0", False),
        (b"\0\0\0\x04\x01\0\0\0\0", False),
        (b"\0\0\0\x04\0\0\0\0\x01", False),
        (b"\x4a\0\0\0\x0a8.0.36\0", False),
        (b"220 mail", False),
        (b"INFO {", False),
        (b"+OK", False),
    ],
)
def test_an_http2_server_is_known_by_its_settings(heard: bytes, answer: bool | None) -> None:
    assert is_http2_server(heard) is answer
    for cut in range(len(heard)):
        assert is_http2_server(heard[:cut]) in (None, answer)


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        (b"HTTP/1.1 408 Request Time-out\r\n", True),
        (b"HTTP/1.0 503 Service Unavailable\r\n", True),
        (b"\0\0\0\x04\0\0\0\0\0", True),
        (b"HTTP", None),
        (b"HELO", False),
        (b"220 mail", False),
    ],
)
def test_an_http_server_that_speaks_first_is_one(heard: bytes, answer: bool | None) -> None:
    assert is_http_server(heard) is answer
    for cut in range(len(heard)):
        assert is_http_server(heard[:cut]) in (None, answer)
