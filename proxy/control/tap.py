"""The tap server: `Tap.Observe` on the control port, for the tap service and for nobody else.

    Listener -> TlsTransport (mesh TLS only) -> Http2Server -> one `Observation` per stream

It lives in the reactor: events come from the data path, so sending them is a plain call and they
leave with the batch's flush. A reader that does not keep up loses events and never holds a request
back: what its windows do not take waits in a small buffer, and what does not fit there is dropped
and counted. The count goes out with the trailers (`l5d-tap-dropped`). So is an event that cannot be
put into a message: whatever is wrong with telling must not cost the request that is told of.

A proxy of several processes has it in one of them, which asks the others (`tap_together.py`).
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import quote

from google.protobuf.message import DecodeError

from proxy.codec import grpc_frames
from proxy.codec.grpc_status import Code
from proxy.codec.http2 import Http2Settings
from proxy.codec.message import HTTP_2, Headers, ResponseHead
from proxy.control import translate_tap
from proxy.control.watch import UnusableMessageError
from proxy.identity.peer import peer_identity
from proxy.net.exchange import Call
from proxy.net.front import Front
from proxy.net.http2_server import Http2Server
from proxy.net.tls import TlsTransport
from proxy.tap.registry import Tap
from weftapi.proxy import tap_pb2

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from proxy.codec.message import RequestHead
    from proxy.control.tap_together import Elsewhere, Inquiry
    from proxy.identity.store import CertificateStore
    from proxy.net.exchange import Downstream
    from proxy.net.failure import Failure
    from proxy.net.reactor import Reactor
    from proxy.net.wheel import Timer
    from proxy.tap.registry import Registry
    from proxy.tap.subject import Event

_log = logging.getLogger("proxy.control.tap")

OBSERVE = "/io.linkerd.proxy.tap.Tap/Observe"
DROPPED = "l5d-tap-dropped"

BUFFER_EVENTS = 400
BUFFER_BYTES = 1 << 20
"""What one slow reader can pin; large headers must not make 400 events a lot of memory."""
MAX_REQUEST = 1 << 16
MAX_CONNECTIONS = 64
HANDSHAKE_TIMEOUT = 1.0
SETTINGS = Http2Settings(max_streams=256)


class TapServer(Front):
    """Accepts and serves on the reactor."""

    def __init__(
        self,
        reactor: Reactor,
        certificates: CertificateStore,
        registry: Registry,
        client_identity: str,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Only a client that proves `client_identity` may watch. `elsewhere`: what the other
        processes of this proxy see."""
        super().__init__(reactor)
        self.certificates = certificates
        self.registry = registry
        self.client_identity = client_identity
        self.elsewhere = elsewhere
        self.encoder = Encoder()

    def _accept(self, sock: socket.socket, client: tuple[str, int]) -> None:
        if len(self.connections) >= MAX_CONNECTIONS:
            _log.warning("a connection from %s is refused: %d are open", *client)
            sock.close()
            return
        Arrival(self, sock, client[0])

    def stop(self) -> None:
        super().stop()
        if self.elsewhere is not None:
            self.elsewhere.stop()


class Arrival:
    """A connection until its handshake is complete; plaintext never gets further."""

    __slots__ = ("_client", "_deadline", "_server", "_transport")

    def __init__(self, server: TapServer, sock: socket.socket, client: str) -> None:
        self._server = server
        self._client = client
        self._transport = TlsTransport(
            server.reactor, sock, self, server.certificates.server_context, server=True
        )
        server.opened(self)
        self._deadline: Timer = server.reactor.call_later(HANDSHAKE_TIMEOUT, self.stop)
        self._transport.start()

    def on_connected(self) -> None:
        server = self._server
        self._deadline.cancel()
        service = TapService(server, peer_identity(self._transport.certificate()))
        connection = Http2Server(self._transport, service, SETTINGS, server.closed)
        self._transport.receiver = connection
        server.closed(self)
        server.opened(connection)

    def on_data(self, data: bytes) -> None:
        raise AssertionError("nothing is read before the handshake is complete")

    def on_eof(self) -> None:
        self.stop()

    def on_lost(self, failure: Exception) -> None:
        _log.info("a connection from %s to the tap port failed: %s", self._client, failure)
        self._deadline.cancel()
        self._server.closed(self)

    def on_blocked(self) -> None:
        """Nothing was sent."""

    def on_unblocked(self) -> None:
        """Nothing was sent."""

    def drain(self) -> None:
        self.stop()

    def stop(self) -> None:
        self._deadline.cancel()
        self._transport.abort()
        self._server.closed(self)


class TapService:
    """The service of one connection."""

    __slots__ = ("_identity", "_server")

    def __init__(self, server: TapServer, identity: str | None) -> None:
        self._server = server
        self._identity = identity

    def call(self, head: RequestHead, downstream: Downstream) -> Observation:
        return Observation(head, downstream, self._server, self._identity)

    @property
    def informational(self) -> bool:
        return self._identity is not None

    def refused(self, failure: Failure) -> None:
        _log.info("a connection to the tap port was ended: %s", failure)


class Observation(Call):
    """One stream: reads the request, then tells until it is over."""

    __slots__ = (
        "_buffer",
        "_buffered",
        "_decoder",
        "_dropped",
        "_finished",
        "_headers",
        "_identity",
        "_inquiry",
        "_server",
        "_stalled",
        "_tap",
    )

    def __init__(
        self,
        head: RequestHead,
        downstream: Downstream,
        server: TapServer,
        identity: str | None,
    ) -> None:
        super().__init__(head, downstream, server.reactor)
        self._server = server
        self._identity = identity
        self._decoder = grpc_frames.Decoder(MAX_REQUEST)
        self._tap: Tap | None = None
        self._inquiry: Inquiry | None = None
        """What it is told by other processes."""
        self._headers = False
        self._buffer: deque[bytes] = deque()
        self._buffered = 0
        self._dropped = 0
        self._stalled = False
        self._finished = False

    # --- the request ----------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        expected = self._server.client_identity
        if self._identity != expected:
            who = self._identity or "a client without identity"
            _log.warning("%s may not tap: only %s may", who, expected)
            self._refuse(Code.UNAUTHENTICATED, f"{who} may not tap this proxy")
        elif self.head.method != "POST" or self.head.path != OBSERVE:
            self._refuse(Code.UNIMPLEMENTED, f"this server knows {OBSERVE} only")
        elif ends:
            self._refuse(Code.INVALID_ARGUMENT, "the request has no message")

    def request_body(self, data: bytes, ends: bool) -> None:
        if ends:
            self.request_ended = True
        if self.ended or self._tap is not None:
            return
        try:
            messages = self._decoder.feed(data)
            if messages:
                self._observe(messages[0])
            elif ends:
                self._refuse(Code.INVALID_ARGUMENT, "the request ends inside its message")
        except (grpc_frames.FrameError, DecodeError, UnusableMessageError, ValueError) as error:
            self._refuse(Code.INVALID_ARGUMENT, str(error))

    def _observe(self, message: bytes) -> None:
        """Raises DecodeError, UnusableMessageError, and ValueError for a limit of zero."""
        self._headers, self._tap = tap_of(message, self._deliver, self._complete)
        headers = Headers([("content-type", b"application/grpc")])
        self.responded = True
        self.downstream.respond(ResponseHead(200, headers, HTTP_2), False)
        self._server.registry.add(self._tap)
        if self._server.elsewhere is not None:
            self._inquiry = self._server.elsewhere.ask(message, self._tap, self._send)

    def _refuse(self, code: Code, message: str) -> None:
        """Trailers only: the answer is a status."""
        headers = Headers([("content-type", b"application/grpc")])
        headers["grpc-status"] = str(int(code))
        headers["grpc-message"] = quote(message, safe=" ")
        self.responded = True
        self.downstream.respond(ResponseHead(200, headers, HTTP_2), True)
        self.finish(None, None)

    # --- events ---------------------------------------------------------------------------

    def _deliver(self, event: Event) -> None:
        data = self._server.encoder.encode(event, headers=self._headers)
        if data is None:
            self._dropped += 1
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        """One event as it goes out."""
        if not self._stalled:
            self.downstream.respond_body(data, False)
        elif len(self._buffer) < BUFFER_EVENTS and self._buffered + len(data) <= BUFFER_BYTES:
            self._buffer.append(data)
            self._buffered += len(data)
        else:
            self._dropped += 1

    def downstream_blocked(self) -> None:
        self._stalled = True

    def downstream_unblocked(self) -> None:
        self._stalled = False
        while self._buffer and not self._stalled:
            data = self._buffer.popleft()
            self._buffered -= len(data)
            self.downstream.respond_body(data, False)
        if self._finished and not self._buffer and not self._stalled:
            self._say_goodbye()

    def _complete(self) -> None:
        """Every request that was asked for has ended."""
        self._finished = True
        if not self._stalled:
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        trailers = Headers([("grpc-status", b"0")])
        dropped = self._dropped + (self._inquiry.lost if self._inquiry is not None else 0)
        if dropped:
            trailers[DROPPED] = str(dropped)
        self.downstream.respond_trailers(trailers)
        self.finish(None, None)

    # --- the end --------------------------------------------------------------------------

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        if self._tap is not None:
            self._server.registry.remove(self._tap)
        if self._inquiry is not None:
            self._inquiry.withdraw()
        self._buffer.clear()

    def __repr__(self) -> str:
        return f"<Observation {self._tap!r}, {len(self._buffer)} wait, {self._dropped} dropped>"


def tap_of(
    message: bytes, deliver: Callable[[Event], None], finished: Callable[[], None]
) -> tuple[bool, Tap]:
    """What an ObserveRequest asks for: whether headers are wanted, and the watcher.

    Raises DecodeError, UnusableMessageError, and ValueError for a limit of zero.
    """
    request = tap_pb2.ObserveRequest.FromString(message)
    matches = translate_tap.predicate(request)
    headers = translate_tap.wants_headers(request)
    return headers, Tap(request.limit, matches, deliver, finished)


class Encoder:
    """Events as gRPC messages. Many readers of one event share its bytes."""

    __slots__ = ("_bytes", "_event", "_mentioned")

    def __init__(self) -> None:
        self._event: Event | None = None
        self._bytes: dict[bool, bytes | None] = {}
        self._mentioned: type[Exception] | None = None
        """What kept an event from being told the last time: a busy pod would go on about it."""

    def encode(self, event: Event, *, headers: bool) -> bytes | None:
        """None for an event that no message can hold; never raises, for the data path tells it."""
        if event is not self._event:
            self._event = event
            self._bytes.clear()
        if headers not in self._bytes:
            self._bytes[headers] = self._message(event, headers=headers)
        return self._bytes[headers]

    def _message(self, event: Event, *, headers: bool) -> bytes | None:
        # The codecs and the control plane let nothing pass that a message refuses. This runs in the
        # middle of the request it tells of, so if they should be wrong it is the event that is lost.
        try:
            message = translate_tap.event(event, headers=headers)
            return grpc_frames.encode(message.SerializeToString())
        except Exception as error:
            if self._mentioned is not type(error):
                self._mentioned = type(error)
                _log.warning("an event cannot be told to those who tap: %r", error)
            return None
