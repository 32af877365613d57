"""An accepted HTTP/2 connection: every stream is the downstream of one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.codec.http2 import (
    CANCEL,
    INTERNAL_ERROR,
    REFUSED_STREAM,
    H2FrameHeaders,
    Http2Settings,
    Session,
    Stream,
    request_head,
)
from proxy.codec.message import Headers, ResponseHead, strip_hop_by_hop
from proxy.net.failure import Failure
from proxy.net.pulse import Pulse
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.exchange import Call, Service
    from proxy.net.transport import Transport


class ServerStream(Stream):
    """A request, and the way back for its response."""

    __slots__ = ("_call", "_connection")

    is_http1 = False

    def __init__(self, connection: Http2Server) -> None:
        # Said here and not by super(): one object per request.
        self._backlog = None
        self._owed = None
        self.paused = False
        self.closed = False
        self._connection = connection
        self._call: Call | None = None

    @property
    def transport(self) -> Transport:
        """The connection the stream is on."""
        return self._connection.transport

    @property
    def answered(self) -> bool:
        return self._call is not None and self._call.responded

    # --- the request ----------------------------------------------------------------------

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None:
        call = self._call = self._connection.service.call(request_head(frame), self)
        if ends:
            call.request_ended = True
        call.begin(ends)

    def on_data(self, data: bytes, ends: bool) -> None:
        if self._call is not None:
            self._call.request_body(data, ends)

    def on_trailers(self, trailers: Headers) -> None:
        if self._call is not None:
            self._call.request_trailers(trailers)

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.request_aborted()

    # --- the response ---------------------------------------------------------------------

    def respond(self, head: ResponseHead, ends: bool) -> None:
        self.session.respond(self, head, ends)
        if ends:
            self._call = None

    def respond_body(self, data: bytes, ends: bool) -> None:
        self.send_data(data, ends)
        if ends:
            self._call = None

    def respond_trailers(self, trailers: Headers) -> None:
        strip_hop_by_hop(trailers)
        self.send_trailers(trailers)
        self._call = None

    def abort(self, failure: Failure) -> None:
        self._call = None
        if not self.closed:
            self.reset(INTERNAL_ERROR)

    def refuse(self) -> None:
        """Say that the request had no effect and may be sent elsewhere."""
        self._call = None
        if not self.closed:
            self.reset(REFUSED_STREAM)

    def on_blocked(self) -> None:
        if self._call is not None:
            self._call.downstream_blocked()

    def on_unblocked(self) -> None:
        if self._call is not None:
            self._call.downstream_unblocked()

    def pause_request(self) -> None:
        self.pause()

    def resume_request(self) -> None:
        self.resume()

    def close_after_response(self) -> None:
        """Streams end by themselves."""

    def tunnel(self, head: ResponseHead) -> None:
        return None

    def __repr__(self) -> str:
        return f"<ServerStream {self.sid}>"


class Http2Server:
    """Receiver of the transport, and owner of the session."""

    __slots__ = ("_dirty", "_on_close", "_over", "_pulse", "_session", "service", "transport")

    def __init__(
        self,
        transport: Transport,
        service: Service,
        settings: Http2Settings,
        on_close: Callable[[Http2Server], None],
    ) -> None:
        self.transport = transport
        self.service = service
        self._on_close = on_close
        self._dirty = False
        self._over = False
        self._session = Session(self, settings, server=True)
        self._pulse: Pulse | None = None
        if settings.keep_alive is not None:
            self._pulse = Pulse(settings.keep_alive, self._session, transport)
        self.wake()

    # --- bytes ----------------------------------------------------------------------------

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_data(self, data: bytes) -> None:
        if self._over:
            return
        if self._pulse is not None:
            self._pulse.heard = True
        wrong = self._session.receive(data)
        if wrong is not None:
            kind = errors.HTTP2_FLOOD if self._session.flooded else errors.HTTP2_VIOLATION
            self.service.refused(Failure(kind, wrong))
            self._end()

    def now(self) -> float:
        return self.transport.reactor.clock()

    def wake(self) -> None:
        if not self._dirty:
            self._dirty = True
            self.transport.reactor.mark_dirty(self)

    def flush(self) -> None:
        self._dirty = False
        session = self._session
        transport = self.transport
        over = self._over
        # The last of it goes to the transport in any case, which does not wait for ever for a peer that
        # takes nothing.
        while session.pending and (over or not transport.blocked) and not transport.closed:
            transport.send(session.take())
            session.sent()
        if over and not session.pending:
            transport.close(linger=True)
            self._closed()

    # --- the session's owner --------------------------------------------------------------

    def accept(self) -> ServerStream:
        return ServerStream(self)

    def slot_freed(self) -> None:
        """Only clients wait for slots."""

    def finished(self) -> None:
        if self._session.streams == 0:
            self._end()

    # --- the end --------------------------------------------------------------------------

    def drain(self) -> None:
        """Take no new requests, finish those in progress, close."""
        self._session.shut_down()
        self.wake()

    def stop(self) -> None:
        self.transport.lose(Failure(errors.DRAINING))

    def _end(self) -> None:
        """Send what is left to say, then close."""
        if not self._over:
            self._over = True
            self.wake()

    def on_eof(self) -> None:
        self._session.fail()
        self.transport.close()
        self._closed()

    def on_lost(self, failure: Exception) -> None:
        self._session.fail()
        self._closed()

    def _closed(self) -> None:
        if self._pulse is not None:
            self._pulse.stop()
        self._on_close(self)

    def on_failure(self, error: Exception) -> None:
        """Our flush raised."""
        self.transport.on_failure(error)

    def on_blocked(self) -> None:
        """Frames wait in the session; its streams' send buffers are bounded."""

    def on_unblocked(self) -> None:
        self.wake()

    def __repr__(self) -> str:
        return f"<Http2Server {self._session.streams} streams>"


__all__ = ["CANCEL", "Http2Server", "ServerStream"]
