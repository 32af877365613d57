"""Bytes that no well-behaved client sends, by what is wrong with them."""

from __future__ import annotations

import random

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_H2 = _PREFACE + _SETTINGS
_HEADERS, _RST_STREAM, _PING, _CONTINUATION, _DATA = 1, 3, 6, 9, 0
_GET = b"\x82\x86\x84\x41\x01x"  # GET, http, "/" and authority x, from HPACK's static table


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "noise": _noise(4096),
    "zeros": bytes(4096),
    "much noise": _noise(1 << 20),
    "text": b"HELO there\r\n" * 20,
    "one letter of a method": b"G",
    "TLS record of noise": b"\x16\x03\x01\x02\x00" + _noise(512),
    "TLS record longer than allowed": b"\x16\x03\x01\xff\xff" + _noise(70_000),
    "TLS record of no length": b"\x16\x03\x01\x00\x00" * 100,
    "TLS alert first": b"\x15\x03\x03\x00\x02\x02\x28",
    "ClientHello cut short": b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + _noise(40),
    "endless request line": b"GET /" + b"a" * (1 << 20),
    "header without a colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "zero byte in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "ten thousand headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
    "two content lengths": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"
    ),
    "negative content length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "length and chunks": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
    ),
    "chunk of no number": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"
    ),
    "chunk larger than memory": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"ffffffffffffffff\r\nhello\r\n"
    ),
    "preface and noise": _PREFACE + _noise(4096),
    "frame larger than allowed": _H2 + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + bytes(65536),
    "data on no stream": _H2 + _frame(_DATA, 0, 7, b"hello"),
    "header block of noise": _H2 + _frame(_HEADERS, 5, 1, b"\xff" * 200),
    "endless header block": (
        _H2 + _frame(_HEADERS, 1, 1, _GET) + _frame(_CONTINUATION, 0, 1, b"\x40\x01a\x01b") * 20_000
    ),
    "twenty thousand pings": _H2 + _frame(_PING, 0, 0, bytes(8)) * 20_000,
    "twenty thousand settings": _H2 + _SETTINGS * 20_000,
    "rapid resets": (
        _H2
        + b"".join(
            _frame(_HEADERS, 5, stream, _GET) + _frame(_RST_STREAM, 0, stream, b"\0\0\0\x08")
            for stream in range(1, 6001, 2)
        )
    ),
    "streams out of order": _H2 + _frame(_HEADERS, 5, 5, _GET) + _frame(_HEADERS, 5, 3, _GET),
}
