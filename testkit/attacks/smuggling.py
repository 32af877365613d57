"""HTTP/1 requests that two servers might read differently.

An attack is sent with `NEXT` right after it on the same connection. It is either refused, and then
nothing after it is read, or served as what it is, and then `NEXT` is answered as itself.
"""

from __future__ import annotations

from dataclasses import dataclass

NEXT = b"GET /next HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: v\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Attack:
    sent: bytes
    status: int = 400
    """What it is refused with; 200 if it is harmless and served."""
    body: bytes = b""
    """Of a served one: the body the application must read."""


def _post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: v\r\n" + headers + b"\r\n" + body


def _get(headers: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
    return line + b"\r\n" + headers + b"\r\n"


def _sized(header: bytes) -> bytes:
    return _post(header + b"\r\n", b"abcd")


def _coded(header: bytes) -> bytes:
    return _post(header + b"\r\n", b"0\r\n\r\n")


def _chunks(body: bytes) -> bytes:
    return _post(b"Transfer-Encoding: chunked\r\n", body)


_HOST = b"Host: v\r\n"

LENGTHS: dict[str, Attack] = {
    "length and chunks": Attack(
        _post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED)
    ),
    "chunks and length": Attack(
        _post(b"Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 4\r\n", b"0\r\n\r\n")
    ),
    "chunks and length zero": Attack(
        _post(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED)
    ),
    "two lengths": Attack(_post(b"Content-Length: 4\r\nContent-Length: 5\r\n", b"abcd")),
    "two equal lengths": Attack(
        _post(b"Content-Length: 4\r\nContent-Length: 4\r\n", b"abcd"), 200, b"abcd"
    ),
    "list of lengths": Attack(_sized(b"Content-Length: 4, 4")),
    "list of unequal lengths": Attack(_sized(b"Content-Length: 4,5")),
    "plus": Attack(_sized(b"Content-Length: +4")),
    "minus": Attack(_sized(b"Content-Length: -4")),
    "hexadecimal": Attack(_sized(b"Content-Length: 0x4")),
    "space inside": Attack(_sized(b"Content-Length: 1 0")),
    "empty": Attack(_sized(b"Content-Length: ")),
    "more than 64 bits": Attack(_sized(b"Content-Length: 99999999999999999999")),
    "vertical tab": Attack(_sized(b"Content-Length: \x0b4")),
    "no-break space": Attack(_sized(b"Content-Length: \xa04")),
    "space before the colon": Attack(_sized(b"Content-Length : 4")),
    "leading zero is no octal": Attack(_sized(b"Content-Length: 04"), 200, b"abcd"),
    "underscore is another header": Attack(_post(b"Content_Length: 4\r\n"), 200),
    "longer name is another header": Attack(
        _post(b"Content-Length-Hint: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 200
    ),
    "nominated by Connection": Attack(
        _post(b"Connection: content-length\r\nContent-Length: 4\r\n", b"abcd"), 200, b"abcd"
    ),
    "GET with a body": Attack(_get(_HOST + b"Content-Length: 4\r\n") + b"abcd", 200, b"abcd"),
    "HEAD with a body": Attack(
        _get(_HOST + b"Content-Length: 4\r\n", b"HEAD / HTTP/1.1") + b"abcd", 200, b"abcd"
    ),
    "OPTIONS * with a body": Attack(
        _get(_HOST + b"Content-Length: 4\r\n", b"OPTIONS * HTTP/1.1") + b"abcd", 200, b"abcd"
    ),
    "no length is no body": Attack(_post(b""), 200),
    "a body that looks like a request": Attack(
        _post(b"Content-Length: %d\r\n" % len(SMUGGLED), SMUGGLED), 200, SMUGGLED
    ),
}

CODINGS: dict[str, Attack] = {
    "unknown": Attack(_coded(b"Transfer-Encoding: xchunked")),
    "identity": Attack(_post(b"Transfer-Encoding: identity\r\n")),
    "identity with a length": Attack(
        _post(b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n", b"abcd")
    ),
    "chunked not last": Attack(_coded(b"Transfer-Encoding: chunked, identity")),
    "two headers": Attack(_coded(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity")),
    "chunked in two headers": Attack(
        _coded(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 501
    ),
    "chunked twice": Attack(_coded(b"Transfer-Encoding: chunked, chunked"), 501),
    "gzip within chunks": Attack(_coded(b"Transfer-Encoding: gzip, chunked"), 501),
    "leading comma": Attack(_coded(b"Transfer-Encoding: ,chunked"), 501),
    "trailing comma": Attack(_coded(b"Transfer-Encoding: chunked,")),
    "vertical tab": Attack(_coded(b"Transfer-Encoding: \x0bchunked")),
    "form feed": Attack(_coded(b"Transfer-Encoding: \x0cchunked")),
    "NUL": Attack(_coded(b"Transfer-Encoding: \x00chunked")),
    "folded": Attack(_coded(b"Transfer-Encoding:\r\n chunked")),
    "quoted": Attack(_coded(b'Transfer-Encoding: "chunked"')),
    "parameter": Attack(_coded(b"Transfer-Encoding: chunked;x=y")),
    "empty": Attack(_coded(b"Transfer-Encoding: ")),
    "space before the colon": Attack(_coded(b"Transfer-Encoding : chunked")),
    "in HTTP/1.0": Attack(
        b"POST / HTTP/1.0\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "in HTTP/1.0 that is kept": Attack(
        b"POST / HTTP/1.0\r\nHost: v\r\nConnection: keep-alive\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "capitals": Attack(_coded(b"Transfer-Encoding: CHUNKED"), 200),
    "tab": Attack(_coded(b"Transfer-Encoding:\tchunked"), 200),
    "trailing space": Attack(_coded(b"Transfer-Encoding: chunked "), 200),
    "underscore is another header": Attack(_post(b"Transfer_Encoding: chunked\r\n"), 200),
    "nominated by Connection": Attack(
        _post(
            b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
            b"3\r\nabc\r\n0\r\n\r\n",
        ),
        200,
        b"abc",
    ),
}

CHUNKS: dict[str, Attack] = {
    "hexadecimal prefix": Attack(_chunks(b"0x3\r\nabc\r\n0\r\n\r\n")),
    "plus": Attack(_chunks(b"+3\r\nabc\r\n0\r\n\r\n")),
    "minus": Attack(_chunks(b"-3\r\nabc\r\n0\r\n\r\n")),
    "underscore": Attack(_chunks(b"1_0\r\nabc\r\n0\r\n\r\n")),
    "leading space": Attack(_chunks(b" 3\r\nabc\r\n0\r\n\r\n")),
    "no size": Attack(_chunks(b"\r\nabc\r\n0\r\n\r\n")),
    "more than 64 bits": Attack(_chunks(b"ffffffffffffffffff\r\nabc")),
    "spill": Attack(_chunks(b"3\r\nabcd\r\n0\r\n\r\n")),
    "nothing between": Attack(_chunks(b"3\r\nabc0\r\n\r\n")),
    "LF after the size": Attack(_chunks(b"3\nabc\r\n0\r\n\r\n")),
    "CR after the size": Attack(_chunks(b"3\rabc\r\n0\r\n\r\n")),
    "LF after the data": Attack(_chunks(b"3\r\nabc\n0\r\n\r\n")),
    "LF at the end": Attack(_chunks(b"3\r\nabc\r\n0\n\n")),
    "LF in an extension": Attack(_chunks(b"3;a\nb\r\nabc\r\n0\r\n\r\n")),
    "CR in an extension": Attack(_chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n")),
    "endless extension": Attack(_chunks(b"3;" + b"a" * 100_000 + b"\r\nabc\r\n0\r\n\r\n")),
    "too many trailers": Attack(
        _chunks(b"3\r\nabc\r\n0\r\n" + b"".join(b"x%d: y\r\n" % at for at in range(5000)) + b"\r\n")
    ),
    "a giant trailer": Attack(_chunks(b"3\r\nabc\r\n0\r\nx: " + b"y" * 200_000 + b"\r\n\r\n")),
    "a trailer without a name": Attack(_chunks(b"3\r\nabc\r\n0\r\nx y: z\r\n\r\n")),
    "extension": Attack(_chunks(b"3;a=b\r\nabc\r\n0\r\n\r\n"), 200, b"abc"),
    "empty extension": Attack(_chunks(b"3;\r\nabc\r\n0\r\n\r\n"), 200, b"abc"),
    "trailing space": Attack(_chunks(b"3 \r\nabc\r\n0\r\n\r\n"), 200, b"abc"),
    "many zeros": Attack(_chunks(b"000000000000000003\r\nabc\r\n0\r\n\r\n"), 200, b"abc"),
    **{
        f"trailer that is {name}": Attack(
            _post(
                b"TE: trailers\r\nTrailer: " + name.encode() + b"\r\n"
                b"Transfer-Encoding: chunked\r\n",
                b"3\r\nabc\r\n0\r\n" + name.encode() + b": evil-trailer\r\n\r\n",
            ),
            200,
            b"abc",
        )
        for name in (
            "Content-Length", "Transfer-Encoding", "Host", "Authorization", "Cookie",
            "L5d-Client-Id", "Connection",
        )
    },
}  # fmt: skip
"""No trailer in the list may reach the application: a value of `evil-trailer` must not be seen."""

HEADS: dict[str, Attack] = {
    "no Host": Attack(_get(b"X: y\r\n")),
    "two Hosts": Attack(_get(b"Host: v\r\nHost: w\r\n")),
    "two equal Hosts": Attack(_get(b"Host: v\r\nHost: v\r\n")),
    "user in Host": Attack(_get(b"Host: a@v\r\n")),
    "space in Host": Attack(_get(b"Host: a b\r\n")),
    "list in Host": Attack(_get(b"Host: a,b\r\n")),
    "path in Host": Attack(_get(b"Host: a/b\r\n")),
    "query in Host": Attack(_get(b"Host: a?b\r\n")),
    "backslash in Host": Attack(_get(b"Host: a\\b\r\n")),
    "port that is none": Attack(_get(b"Host: a:b\r\n")),
    "high bytes in Host": Attack(_get(b"Host: \xff\r\n")),
    "user in the target": Attack(_get(_HOST, b"GET http://me@v/ HTTP/1.1")),
    "folded header": Attack(_get(_HOST + b"X: a\r\n b\r\n")),
    "first header folded": Attack(_get(b" Host: v\r\n")),
    "NUL in a value": Attack(_get(_HOST + b"X: a\x00b\r\n")),
    "control byte in a value": Attack(_get(_HOST + b"X: a\x01b\r\n")),
    "DEL in a value": Attack(_get(_HOST + b"X: a\x7fb\r\n")),
    "CR in a value": Attack(_get(_HOST + b"X: a\rb\r\n")),
    "CR in a name": Attack(_get(_HOST + b"X\r: a\r\n")),
    "space in a name": Attack(_get(_HOST + b"X y: a\r\n")),
    "no name": Attack(_get(_HOST + b": a\r\n")),
    "control byte in a name": Attack(_get(_HOST + b"X\x01: a\r\n")),
    "high byte in a name": Attack(_get(_HOST + b"X\xff: a\r\n")),
    "more headers than allowed": Attack(
        _get(_HOST + b"".join(b"x%d: y\r\n" % at for at in range(100))), 431
    ),
    "a header as long as allowed at most": Attack(_get(_HOST + b"X: " + b"y" * 100_000), 431),
    "as many headers as allowed": Attack(
        _get(_HOST + b"".join(b"x%d: y\r\n" % at for at in range(95))), 200
    ),
    "empty Host": Attack(_get(b"Host: \r\n"), 200),
    "target and Host differ": Attack(_get(_HOST, b"GET http://other/ HTTP/1.1"), 200),
    "high bytes in a value": Attack(_get(_HOST + b"X: \xff\xfe\r\n"), 200),
    "LF ends lines": Attack(b"GET / HTTP/1.1\nHost: v\n\n", 200),
    "LF ends lines that carry two lengths": Attack(
        b"POST / HTTP/1.1\nHost: v\nTransfer-Encoding: chunked\nContent-Length: 4\n\n0\r\n\r\n"
    ),
    "empty lines before": Attack(b"\r\n\r\n" + _get(_HOST), 200),
    "Connection nominates Host": Attack(_get(_HOST + b"Connection: host\r\n"), 200),
    "Connection nominates the mesh's": Attack(
        _get(_HOST + b"Connection: l5d-client-id\r\nL5d-Client-Id: admin\r\n"), 200
    ),
    "another expectation": Attack(
        _post(b"Expect: 200-ok\r\nContent-Length: 4\r\n", b"abcd"), 200, b"abcd"
    ),
    "an upgrade with a body": Attack(
        _post(b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n", b"abcd"),
        200,
        b"abcd",
    ),
    "an upgrade in HTTP/1.0": Attack(
        b"GET / HTTP/1.0\r\nHost: v\r\nConnection: Upgrade, keep-alive\r\nUpgrade: x\r\n\r\n", 200
    ),
}

LINES: dict[str, Attack] = {
    "CR alone": Attack(b"GET / HTTP/1.1\rHost: v\r\r"),
    "HTTP/0.9": Attack(b"GET /\r\n\r\n"),
    "HTTP/1.2": Attack(_get(_HOST, b"GET / HTTP/1.2")),
    "HTTP/2.0": Attack(_get(_HOST, b"GET / HTTP/2.0")),
    "HTTP/1.01": Attack(_get(_HOST, b"GET / HTTP/1.01")),
    "no version": Attack(_get(_HOST, b"GET / ")),
    "space after the version": Attack(_get(_HOST, b"GET / HTTP/1.1 ")),
    "two spaces": Attack(_get(_HOST, b"GET  / HTTP/1.1")),
    "tabs": Attack(_get(_HOST, b"GET\t/ HTTP/1.1")),
    "space in the target": Attack(_get(_HOST, b"GET /a b HTTP/1.1")),
    "control byte in the target": Attack(_get(_HOST, b"GET /a\x01b HTTP/1.1")),
    "high byte in the target": Attack(_get(_HOST, b"GET /\xff HTTP/1.1")),
    "neither a path nor a URI": Attack(_get(_HOST, b"GET foo HTTP/1.1")),
    "CONNECT without a host": Attack(_get(_HOST, b"CONNECT /a HTTP/1.1")),
    "control byte in the method": Attack(_get(_HOST, b"G\x01T / HTTP/1.1")),
    "a word that is not a method": Attack(_get(_HOST, b"G{T / HTTP/1.1")),
}
"""Request lines. Whoever has to find out whether this is HTTP may take them for something else."""
