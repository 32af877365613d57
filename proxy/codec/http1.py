"""HTTP/1.0 and 1.1 without I/O: one codec per connection, bytes in, heads and body bytes out.

The grammar is httpunk's (hyper's). This module adds what an intermediary must be stricter about
than an origin, because a message that two servers frame differently is two messages (RFC 9112
section 11.2): a request with both Content-Length and Transfer-Encoding, or not exactly one Host, is
refused, never repaired.

A codec is told what the connection does, in order: head, body bytes, end, and `next` for the
following message. Bytes that arrive early for the next message are kept.
"""

from __future__ import annotations

from httpunk._httpunk import (
    H1BodyDecoder,
    H1BodyError,
    H1Codec,
    H1Error,
    H1ParseError,
    uri_parts,
)

from proxy.codec.message import (
    HOP_BY_HOP,
    HTTP_1_0,
    HTTP_1_1,
    Headers,
    RequestHead,
    ResponseHead,
    is_authority,
    strip_hop_by_hop,
)

MAX_HEAD = 64 * 1024
"""Bytes a head may take; more is answered with 431 (requests) or fails (responses)."""

CONTINUE = H1Codec.continue_response()
H2C = b"h2c"
"""An upgrade nobody is offered: its HTTP/2 would be a tunnel to us. The request is served as it is."""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class MalformedMessageError(Exception):
    """Bytes that are not HTTP/1, or could be read in two ways. `status` is what to answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class _Body:
    """Finds the end of a body. Chunks are undone; a length is counted; otherwise it ends with EOF."""

    __slots__ = ("_chunks", "_left", "done", "trailers")

    def __init__(self, kind: str, length: int) -> None:
        self._chunks: H1BodyDecoder | None = None
        self._left = -1
        if kind == "length":
            self._left = length
        elif kind == "chunked":
            self._chunks = H1BodyDecoder("chunked")
        self.done = self._left == 0
        self.trailers: Headers | None = None

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """Body bytes, and the bytes after the body's end. Raises MalformedMessageError."""
        if self._chunks is not None:
            return self._decode_chunks(self._chunks, data)
        left = self._left
        if left < 0:
            return data, b""
        size = len(data)
        if size < left:
            self._left = left - size
            return data, b""
        self._left = 0
        self.done = True
        return (data, b"") if size == left else (data[:left], data[left:])

    def _decode_chunks(self, chunks: H1BodyDecoder, data: bytes) -> tuple[bytes, bytes]:
        chunks.feed(data)
        parts = []
        try:
            while (part := chunks.decode()) is not None:
                parts.append(part)
        except H1BodyError as error:
            raise MalformedMessageError(str(error.args[-1])) from error
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if not chunks.is_complete:
            return body, b""
        self.done = True
        self.trailers, over = chunks.finish()
        return body, data[len(data) - over :] if over else b""

    def eof(self) -> bool:
        """The connection ended; True if the body is complete with that."""
        if self._chunks is None and self._left < 0:
            self.done = True
        return self.done


_NO_BODY = _Body("length", 0)
_BODILESS = (204, 304)


class Http1ServerCodec:
    """The accepting side: requests are read, responses are written.

    Hop-by-hop headers are taken off what is read, unless it asks for another protocol.
    """

    __slots__ = (
        "_bodiless",
        "_body",
        "_codec",
        "_head_bytes",
        "_max_head",
        "framed",
        "http10",
        "keep_alive",
        "kept",
        "method",
        "next",
    )

    def __init__(self, max_head: int = MAX_HEAD) -> None:
        """`max_head`: bytes a head may take; at least 8192."""
        self._codec = H1Codec(max_buf_size=max_head)
        self._max_head = max_head
        self._body = _NO_BODY
        self._head_bytes = b""
        self.kept = b""
        """Bytes that arrived ahead of their turn: the body's after a head, or the next request's."""
        self.framed = False
        """The response's body is chunked."""
        self._bodiless = False
        self.next = self._codec.reset
        """The exchange is over: be ready for the next head."""
        self.http10 = False
        self.keep_alive = True
        """Whether the client lets the connection carry another request."""
        self.method = ""

    def read_head(self, data: bytes) -> tuple[RequestHead, bool, bool] | None:
        """The request's head, whether it has no body, and whether the client awaits a 100.

        None while it is incomplete. Raises MalformedMessageError.
        """
        if self.kept:
            data, self.kept = self.kept + data, b""
        codec = self._codec
        if len(data) > self._max_head or self._head_bytes:
            self._refuse_large(data)
        try:
            parsed = codec.receive_request_head(data)
        except H1ParseError as error:
            status = codec.parse_error_status or 400
            raise MalformedMessageError(str(error.args[-1]), status) from error
        except H1Error as error:
            raise MalformedMessageError(str(error)) from error
        if parsed is None:
            # Kept only until the head is complete, and never more than MAX_HEAD.
            self._head_bytes += data
            return None
        headers = parsed.headers
        kind = parsed.body_kind
        method = parsed.method
        self.method = method
        self.http10 = http10 = parsed.http10
        self.keep_alive = parsed.keep_alive
        if kind == "chunked":
            self._refuse_two_lengths(data)
            _refuse_other_codings(headers)
        self._head_bytes = b""
        hosts = headers.get_all("host")
        if len(hosts) != 1 and (hosts or not http10):
            raise MalformedMessageError("a request needs exactly one Host header")
        authority = hosts[0].decode("latin-1") if hosts else ""
        if not is_authority(authority):
            raise MalformedMessageError("the Host header is not a host")
        length = parsed.content_length
        names = headers.keys()
        upgrade = parsed.is_upgrade and not _offers_http2(headers)
        if not upgrade and not HOP_BY_HOP.isdisjoint(names):
            strip_hop_by_hop(headers)
        if kind == "empty":
            self._body = _NO_BODY
            ends = True
            if not length and "content-length" not in names:
                length = None
        else:
            self._body = _Body(kind, length or 0)
            ends = self._body.done
        if codec.buffered():
            self.kept = codec.take_body()
        target = parsed.target
        head = RequestHead(
            method,
            target,
            authority,
            headers,
            HTTP_1_0 if http10 else HTTP_1_1,
            length,
            "http",
            upgrade,
        )
        if (target[0] != "/" and target != "*") or (upgrade and method == "CONNECT"):
            _split_absolute(head)
        return head, ends, parsed.expect_continue and not http10

    @property
    def head_begun(self) -> bool:
        """Part of a head has come, and not yet the rest."""
        return bool(self._head_bytes)

    def _refuse_large(self, data: bytes) -> None:
        """The parser holds only unfinished heads to their size, and one read may complete a large one."""
        if (self._head_bytes + data).find(b"\r\n\r\n") > self._max_head:
            raise MalformedMessageError("header larger than allowed", 431)

    def _refuse_two_lengths(self, data: bytes) -> None:
        """The parser drops Content-Length when there are chunks; the peer behind might not."""
        everything = self._head_bytes + data
        lines = everything[: len(everything) - self._codec.buffered()].lower().splitlines()
        if any(line.startswith(b"content-length:") for line in lines):
            raise MalformedMessageError("Content-Length and Transfer-Encoding in one request")

    def read_body(self, data: bytes) -> tuple[bytes, bool]:
        """Body bytes and whether the body ended. What follows is kept for the next request."""
        body, rest = self._body.decode(data)
        if rest:
            self.kept += rest
        return body, self._body.done

    @property
    def trailers(self) -> Headers | None:
        """The trailers after a chunked body, once it ended."""
        return self._body.trailers

    def keep(self, data: bytes) -> None:
        """Bytes that arrived before the current request was answered."""
        self.kept += data

    def take_kept(self) -> bytes:
        data, self.kept = self.kept, b""
        return data

    def write_head(self, head: ResponseHead, ends: bool, keep_alive: bool) -> tuple[bytes, bool]:
        """The response's head, and whether the connection must close after the response.

        Hop-by-hop headers are gone already.
        """
        codec = self._codec
        length = head.content_length
        chunked = length is None and (not ends or self.method == "HEAD")
        wire = codec.serialize_response(
            head.status,
            head.headers,
            keep_alive=keep_alive and self.keep_alive,
            http10=self.http10,
            content_length=length,
            chunked=chunked,
        )
        self.framed = length is None
        self._bodiless = not ends and (self.method == "HEAD" or head.status in _BODILESS)
        return wire, codec.response_is_last or (self.http10 and length is None)

    def write_body(self, data: bytes) -> bytes:
        """Body bytes as they go on the wire.

        A body of declared length goes as it is: whoever it comes from was held to its length.
        """
        if self._bodiless:
            return b""
        return self._codec.serialize_data(data) if self.framed else data

    def write_end(self, trailers: Headers | None) -> bytes:
        """The end of the response's body."""
        if not self.framed or self._bodiless:
            return b""
        if trailers is not None:
            return self._codec.serialize_trailers(trailers)
        return self._codec.serialize_end()


class Http1ClientCodec:
    """The connecting side: requests are written, responses are read; hop-by-hop headers as above."""

    __slots__ = ("_body", "_codec", "framed", "keep_alive", "next", "tunnel")

    def __init__(self) -> None:
        self._codec = H1Codec(max_buf_size=MAX_HEAD)
        self._body = _NO_BODY
        self.framed = False
        self.next = self._codec.reset
        """The exchange is over: be ready for the next head."""
        self.keep_alive = False
        """Whether the connection may carry another request, known with the response's head."""
        self.tunnel = False
        """The response turned the connection into a tunnel."""

    def write_head(self, head: RequestHead, ends: bool) -> bytes:
        """The request's head; Host is set from the authority if the headers have none."""
        headers = head.headers
        length = head.content_length
        self.framed = chunked = not ends and length is None
        if chunked:
            headers["transfer-encoding"] = b"chunked"
        path = f"{head.scheme}://{head.authority}{head.path}" if head.absolute else head.path
        return self._codec.serialize_request(
            head.method, path, headers, content_length=length, chunked=chunked
        )

    def write_body(self, data: bytes) -> bytes:
        """Body bytes as they go on the wire; see `Http1ServerCodec.write_body`."""
        return self._codec.serialize_data(data) if self.framed else data

    def write_end(self, trailers: Headers | None) -> bytes:
        """The end of the request's body."""
        if not self.framed:
            return b""
        if trailers is not None:
            return self._codec.serialize_trailers(trailers)
        return self._codec.serialize_end()

    def read_head(self, data: bytes) -> tuple[ResponseHead, bytes, bool] | None:
        """The final response's head, what came of its body, and whether that was all of it.

        None while it is incomplete; interim responses are skipped. After a head that opens a
        tunnel, the bytes are the tunnel's. Raises MalformedMessageError.
        """
        codec = self._codec
        try:
            parsed = codec.receive_head(data)
        except H1Error as error:
            raise MalformedMessageError(str(error.args[-1]), 502) from error
        if parsed is None:
            return None
        kind = parsed.body_kind
        length = parsed.content_length
        headers = parsed.headers
        self.keep_alive = parsed.wants_keep_alive
        self.tunnel = tunnel = parsed.is_upgrade
        if tunnel:
            # A tunnel has no length, whatever the server says of it (RFC 9110 section 9.3.6).
            for name in ("content-length", "transfer-encoding"):
                if name in headers:
                    del headers[name]
            kind, length = "empty", None
        names = headers.keys()
        if not tunnel and not HOP_BY_HOP.isdisjoint(names):
            strip_hop_by_hop(headers)
        body = codec.take_body() if codec.buffered() else b""
        done = False
        if kind == "length" and len(body) == length:
            self._body = _NO_BODY
            done = True
        elif kind == "empty":
            self._body = _NO_BODY
            # What a response to HEAD declares belongs to the body it does not have.
            length = _length_of(headers) if "content-length" in names else None
            done = True
            if body and not tunnel:
                self.keep_alive = False
                body = b""
        else:
            if length is None and "content-length" in names:
                # Its body ends otherwise, and whoever reads it next must not count (RFC 9112 section 6.3).
                del headers["content-length"]
            self._body = _Body(kind, length or 0)
            if body:
                body, done = self.read_body(body)
        head = ResponseHead(parsed.status, headers, HTTP_1_0 if parsed.http10 else HTTP_1_1, length)
        return head, body, done

    def read_body(self, data: bytes) -> tuple[bytes, bool]:
        """Body bytes, and whether the body ended. Bytes after the end spoil the connection."""
        body, rest = self._body.decode(data)
        if rest:
            self.keep_alive = False
        return body, self._body.done

    @property
    def trailers(self) -> Headers | None:
        return self._body.trailers

    def eof(self) -> bool:
        """The server closed; True if the body ends with that."""
        return self._body.eof()


def _offers_http2(headers: Headers) -> bool:
    """Protocols are a list, of one line or several, and their names are of any case (RFC 9110 section 7.8)."""
    return any(
        offer.strip().partition(b"/")[0].lower() == H2C
        for line in headers.get_all("upgrade")
        for offer in line.split(b",")
    )


def _refuse_other_codings(headers: Headers) -> None:
    """Chunks are undone here, and any other coding would be lost with them (RFC 9112 section 6.1)."""
    codings = headers.get_all("transfer-encoding")
    if len(codings) != 1 or codings[0].strip().lower() != b"chunked":
        raise MalformedMessageError("the only transfer coding understood is chunked", 501)


def _split_absolute(head: RequestHead) -> None:
    """`http://host/path` and CONNECT's `host:port`: the authority is the target's, not Host's."""
    if head.method == "CONNECT":
        if not is_authority(head.path):
            raise MalformedMessageError("the target of CONNECT is not a host and port")
        head.authority = head.path
        return
    try:
        scheme, host, port, _ = uri_parts(head.path)
    except ValueError as error:
        raise MalformedMessageError(f"the request target is not a URI: {error}") from error
    rest = head.path.partition("://")[2]
    cut = next((at for at, char in enumerate(rest) if char in "/?"), len(rest))
    # As the client wrote it: an application may not know itself by a name with a port.
    authority, path = rest[:cut], rest[cut:]
    if scheme is None or not host or port is None or not is_authority(authority):
        raise MalformedMessageError("the request target is neither a path nor a URI")
    head.path = path if path.startswith("/") else "/" + path
    head.scheme = scheme
    head.authority = authority
    head.absolute = True
    head.headers["host"] = authority.encode("latin-1")


def _length_of(headers: Headers) -> int | None:
    value = headers["content-length"]
    return int(value) if value.isdigit() else None
