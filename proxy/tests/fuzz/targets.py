"""One function per parser, for any bytes. Each raises AssertionError, or whatever a parser may not raise.

The invariant of all of them: bytes are read or refused with the parser's own error, and how they were cut
on their way makes no difference to what was read. The first byte of the input says how they are cut.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cache

from proxy.codec import grpc_frames
from proxy.codec.http1 import Http1ClientCodec, Http1ServerCodec, MalformedMessageError
from proxy.codec.http2 import H2FrameHeaders, Http2Settings, Session, Stream, request_head
from proxy.codec.message import HTTP_1_1, Headers, RequestHead
from proxy.codec.transport_header import TransportHeaderDecoder, TransportHeaderError
from proxy.detect.client_hello import ClientHello, NoHello, read_client_hello
from proxy.detect.protocol import Detection, detect
from proxy.tests.attacked import Victim, victim
from testkit.attacks import smuggling
from testkit.attacks.floods import FLOODS
from testkit.attacks.frames import BEGINNING, PREFACE, REQUESTS, RULES

Target = Callable[[bytes], None]


def pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """The bytes without the first, which says how they are cut, whole and in pieces."""
    if not data:
        return b"", []
    whole, size = data[1:], data[0] % 32 + 1
    return whole, [whole[at : at + size] for at in range(0, len(whole), size)]


# --- detection ------------------------------------------------------------------------------


def detection(data: bytes) -> None:
    """From fourteen bytes on a verdict is due, and HTTP/2 is exactly what begins with its preface.

    Between HTTP/1 and opaque bytes it depends on what has come at once: an unusual method, or a request
    after an empty line, is not waited for.
    """
    whole, _ = pieces(data)
    for end in range(14, len(whole) + 1):
        verdict = detect(whole[:end])
        assert verdict is not Detection.NEED_MORE
        assert (verdict is Detection.HTTP2) is whole.startswith(PREFACE[:14])


def client_hello(data: bytes) -> None:
    whole, _ = pieces(data)
    given: ClientHello | NoHello | None = None
    for end in range(len(whole) + 1):
        verdict = read_client_hello(whole[:end])
        if given is None:
            given = None if verdict is NoHello.NEED_MORE else verdict
        else:
            assert verdict == given


# --- codecs ---------------------------------------------------------------------------------


def transport_header(data: bytes) -> None:
    whole, cut = pieces(data)
    assert _header([whole] if whole else []) == _header(cut)


def _header(cut: list[bytes]) -> object:
    decoder = TransportHeaderDecoder()
    after = b""
    found = None
    try:
        for piece in cut:
            if found is not None:
                after += piece
                continue
            found = decoder.feed(piece)
            after = decoder.rest
    except TransportHeaderError:
        return "refused"
    return found, after if found is not None else b""


def grpc(data: bytes) -> None:
    whole, cut = pieces(data)
    assert _messages([whole]) == _messages(cut)


def _messages(cut: list[bytes]) -> object:
    decoder = grpc_frames.Decoder(1 << 16)
    found: list[bytes] = []
    try:
        for piece in cut:
            found += decoder.feed(piece)
    except grpc_frames.FrameError:
        return "refused"
    return found


def http1_server(data: bytes) -> None:
    whole, cut = pieces(data)
    assert _requests([whole] if whole else []) == _requests(cut)


def _requests(cut: list[bytes]) -> list[object]:
    """Heads and bodies, each answered at once, until the bytes end or are refused."""
    codec = Http1ServerCodec()
    read: list[object] = []
    body: list[bytes] | None = None
    try:
        for piece in cut:
            data = piece
            while True:
                if body is None:
                    found = codec.read_head(data)
                    if found is None:
                        break
                    head, ends, _ = found
                    read.append((head.method, head.path, head.authority, head.headers.items()))
                    if head.upgrade:
                        return read
                    if not ends:
                        body = []
                        data = codec.take_kept()
                        continue
                else:
                    part, ended = codec.read_body(data)
                    body.append(part)
                    if not ended:
                        break
                    read.append(b"".join(body))
                    body = None
                codec.next()
                data = b""
                if not codec.kept:
                    break
    except MalformedMessageError:
        read.append("refused")
    return read


def http1_client(data: bytes) -> None:
    whole, cut = pieces(data)
    assert _response([whole] if whole else []) == _response(cut)


def _response(cut: list[bytes]) -> object:
    codec = Http1ClientCodec()
    codec.write_head(RequestHead("GET", "/", "v", Headers([]), HTTP_1_1), True)
    head = None
    body = b""
    try:
        for piece in cut:
            if head is None:
                found = codec.read_head(piece)
                if found is None:
                    continue
                head, part, done = found
            else:
                part, done = codec.read_body(piece)
            body += part
            if done or codec.tunnel:
                break
    except MalformedMessageError:
        return "refused"
    return head and (head.status, head.headers.items(), body if not codec.tunnel else None)


class _Any(Stream):
    """Reads whatever comes."""

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None:
        if self.session.is_server:
            request_head(frame)

    def on_data(self, data: bytes, ends: bool) -> None: ...

    def on_trailers(self, trailers: Headers) -> None: ...

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None: ...

    def on_blocked(self) -> None: ...

    def on_unblocked(self) -> None: ...


class _Owner:
    def now(self) -> float:
        return 0.0

    def wake(self) -> None: ...

    def accept(self) -> Stream:
        return _Any()

    def slot_freed(self) -> None: ...

    def finished(self) -> None: ...


def http2_server(data: bytes) -> None:
    _, cut = pieces(data)
    session = Session(_Owner(), Http2Settings(), server=True)
    _follow(session, [PREFACE, *cut])


def http2_client(data: bytes) -> None:
    _, cut = pieces(data)
    session = Session(_Owner(), Http2Settings(), server=False)
    session.open(_Any(), RequestHead("GET", "/", "v", Headers([]), HTTP_1_1), True)
    _follow(session, cut)


def _follow(session: Session, cut: list[bytes]) -> None:
    for piece in cut:
        wrong = session.receive(piece)
        while session.pending:
            session.take()
            session.sent()
        if wrong is not None:
            return


# --- the whole inbound side -----------------------------------------------------------------


@cache
def _pair() -> tuple[contextlib.ExitStack, Victim]:
    stack = contextlib.ExitStack()
    return stack, stack.enter_context(victim())


def close() -> None:
    """End what `inbound` keeps between calls."""
    if _pair.cache_info().currsize:
        _pair()[0].close()
        _pair.cache_clear()


def inbound(data: bytes) -> None:
    """Over a socket: no handler fails, and every connection ends."""
    _, cut = pieces(data)
    _, pair = _pair()
    with pair.door("inbound") as sock, contextlib.suppress(OSError):
        for piece in cut[:64]:
            sock.sendall(piece)
        sock.sendall(b"".join(cut[64:]))
        sock.shutdown(1)
        while sock.recv(65_536):
            pass
    assert pair.reactor.failures == 0
    pair.eventually(lambda: len(pair.inbound.connections), 0)


TARGETS: dict[str, Target] = {
    "detection": detection,
    "client_hello": client_hello,
    "transport_header": transport_header,
    "grpc": grpc,
    "http1_server": http1_server,
    "http1_client": http1_client,
    "http2_server": http2_server,
    "http2_client": http2_client,
    "inbound": inbound,
}


def seeds() -> Iterator[bytes]:
    """Where to begin: what the attack tables hold, none of it long."""
    tables = (
        smuggling.LENGTHS,
        smuggling.CODINGS,
        smuggling.CHUNKS,
        smuggling.HEADS,
        smuggling.LINES,
    )
    for table in tables:
        yield from (attack.sent[:2_000] for attack in table.values())
    for frames in (REQUESTS, RULES):
        yield from (BEGINNING + attack.sent[:2_000] for attack in frames.values())
    yield from (BEGINNING + flood[:2_000] for flood in FLOODS.values())
    yield b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
    yield b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    yield b"\x00\x00\x00\x00\x05hello"
