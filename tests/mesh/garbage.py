"""Bytes that no well-behaved client sends, by what is wrong with them."""

from __future__ import annotations

import random

from testkit.attacks.floods import FLOODS
from testkit.attacks.frames import BEGINNING, DATA, GET, HEADERS, PREFACE, frame
from testkit.attacks.smuggling import CHUNKS, LENGTHS


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
    **{f"length: {name}": LENGTHS[name].sent for name in ("two lengths", "minus")},
    "length and chunks": LENGTHS["length and chunks"].sent,
    **{f"chunks: {name}": CHUNKS[name].sent for name in ("minus", "more than 64 bits")},
    "preface and noise": PREFACE + _noise(4096),
    "frame larger than allowed": BEGINNING + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + bytes(65536),
    "data on no stream": BEGINNING + frame(DATA, 0, 7, b"hello"),
    "header block of noise": BEGINNING + frame(HEADERS, 5, 1, b"\xff" * 200),
    "streams out of order": BEGINNING + frame(HEADERS, 5, 5, GET) + frame(HEADERS, 5, 3, GET),
    **{f"flood: {name}": BEGINNING + flood for name, flood in FLOODS.items()},
}
