"""An HTTP/2 client or server on a blocking socket, driven by our own codec, that notes what it sees."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.codec.http2 import H2FrameHeaders, Http2Settings, Session, Stream
from proxy.codec.message import HTTP_2, Headers, RequestHead, ResponseHead

if TYPE_CHECKING:
    import socket

Handler = Callable[["PeerStream"], None]


class PeerStream(Stream):
    """What one stream has brought so far."""

    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self.peer = peer
        self.frame: H2FrameHeaders | None = None
        self.body = b""
        self.trailers: Headers | None = None
        self.ended = False
        self.reset_code: int | None = None
        self.blocked = False

    @property
    def headers(self) -> Headers:
        assert self.frame is not None
        return self.frame.headers

    @property
    def status(self) -> int | None:
        return None if self.frame is None else self.frame.status

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None:
        self.frame = frame
        self._heard(ends)

    def on_data(self, data: bytes, ends: bool) -> None:
        self.body += data
        self._heard(ends)

    def on_trailers(self, trailers: Headers) -> None:
        self.trailers = trailers
        self._heard(True)

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None:
        self.reset_code = -1 if code is None else code
        self.ended = True

    def on_blocked(self) -> None:
        self.blocked = True

    def on_unblocked(self) -> None:
        self.blocked = False

    def _heard(self, ends: bool) -> None:
        self.ended = self.ended or ends
        if self.peer.handler is not None:
            self.peer.handler(self)

    # --- for server handlers --------------------------------------------------------------

    def respond(self, status: int, headers: dict[str, str], *, ends: bool = False) -> None:
        fields = Headers(list(headers.items()))
        self.session.respond(self, ResponseHead(status, fields, HTTP_2), ends)


class Peer:
    """The connection. Servers answer through `handler`, which is called after everything heard."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        server: bool = False,
        handler: Handler | None = None,
        settings: Http2Settings | None = None,
    ) -> None:
        self.sock = sock
        self.handler = handler
        self.closed = False
        self.server = server
        self.streams: list[PeerStream] = []
        self.session = Session(self, settings or Http2Settings(), server=server)
        self.flush()

    # --- the session's owner --------------------------------------------------------------

    def now(self) -> float:
        return time.monotonic()

    def wake(self) -> None:
        """Flushed after every step."""

    def accept(self) -> PeerStream:
        stream = PeerStream(self)
        self.streams.append(stream)
        return stream

    def slot_freed(self) -> None: ...

    def finished(self) -> None: ...

    # --- steps ----------------------------------------------------------------------------

    def flush(self) -> None:
        while self.session.pending:
            self.sock.sendall(self.session.take())
            self.session.sent()

    def step(self) -> bool:
        """Read once and answer; False when the connection ended."""
        try:
            data = self.sock.recv(65_536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            self.session.fail()
            return False
        self.session.receive(data)
        self.flush()
        return True

    def serve(self) -> None:
        while self.step():
            pass

    def request(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        *,
        ends: bool = True,
        authority: str = "voting:8080",
    ) -> PeerStream:
        stream = PeerStream(self)
        fields = Headers([(name, value) for name, value in (headers or {}).items()])
        head = RequestHead(method, path, authority, fields, HTTP_2)
        assert self.session.open(stream, head, ends)
        self.flush()
        return stream

    def send(self, stream: PeerStream, data: bytes, *, ends: bool = False) -> None:
        stream.send_data(data, ends)
        self.flush()

    def wait(self, until: Callable[[], bool]) -> None:
        """Until the condition holds or the peer has gone, which ends a server's connection."""
        while not until():
            if not self.step():
                if self.server:
                    raise ConnectionResetError("the client left first")
                return
