"""An HTTP/2 connection we made, shared by every request to one endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from proxy.codec.http2 import (
    CANCEL,
    H2FrameHeaders,
    H2UserError,
    Http2Settings,
    Session,
    Stream,
)
from proxy.codec.message import HTTP_2, ResponseHead
from proxy.net.failure import Failure
from proxy.net.pulse import Pulse
from proxy.net.waiting import Waiting
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import Headers
    from proxy.net.exchange import Call
    from proxy.net.transport import Transport


class ClientStream(Stream):
    """The upstream of one call."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        # Said here and not by super(): one object per request.
        self._backlog = None
        self._owed = None
        self.paused = False
        self.closed = False
        self._call: Call | None = call

    # --- the response ---------------------------------------------------------------------

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None:
        call = self._call
        if call is not None:
            head = ResponseHead(frame.status or 502, frame.headers, HTTP_2, frame.content_length)
            if ends:
                self._call = None
                if call.declines(head):
                    return
            call.response(head, ends)

    def on_data(self, data: bytes, ends: bool) -> None:
        call = self._call
        if call is not None:
            if ends:
                self._call = None
            call.response_body(data, ends)

    def on_trailers(self, trailers: Headers) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.response_trailers(trailers)

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None:
        call, self._call = self._call, None
        if call is not None:
            if code is None:
                call.response_failed(self._broken())
            else:
                why = f"reset by the peer, code {code}"
                call.response_failed(Failure(errors.CONNECTION_LOST, why, unprocessed=unprocessed))

    def _broken(self) -> Failure:
        owner = self.session.owner
        cause = owner.cause if isinstance(owner, Http2Client) else None
        if cause is None or cause.kind is errors.CONNECTION_LOST:
            return Failure(errors.CONNECTION_LOST, "the connection broke", broken=True)
        return Failure(cause.kind, cause.detail, broken=True)

    # --- the request ----------------------------------------------------------------------

    def send_body(self, data: bytes, ends: bool) -> None:
        self.send_data(data, ends)

    def cancel(self) -> None:
        self._call = None
        self.reset(CANCEL)

    def pause_response(self) -> None:
        self.pause()

    def resume_response(self) -> None:
        self.resume()

    def on_blocked(self) -> None:
        if self._call is not None:
            self._call.upstream_blocked()

    def on_unblocked(self) -> None:
        if self._call is not None:
            self._call.upstream_unblocked()

    def __repr__(self) -> str:
        return f"<ClientStream {self.sid}>"


class Keeper(Protocol):
    """Where a connection belongs."""

    def verify(self, transport: Transport) -> Failure | None:
        """What is wrong with whom we reached; nothing was sent yet."""

    def ready(self, connection: Http2Client) -> None:
        """It is connected."""

    def retired(self, connection: Http2Client) -> None:
        """It takes no new requests; those in progress may go on."""

    def gone(self, connection: Http2Client, failure: Failure | None) -> None:
        """It is closed. Before `ready` was called: it could not be made."""


class Http2Client:
    """Receiver of the transport, and owner of the session."""

    __slots__ = (
        "_dirty",
        "_keep_alive",
        "_keeper",
        "_pulse",
        "_retired",
        "_session",
        "_waiting",
        "cause",
        "connected",
        "transport",
    )

    def __init__(self, keeper: Keeper, settings: Http2Settings) -> None:
        """`transport` is to be set before anything else is called."""
        self.transport: Transport
        self.connected = False
        self._keeper = keeper
        self._dirty = False
        self._retired = False
        self._waiting = Waiting()
        self._session = Session(self, settings, server=False)
        self._keep_alive = settings.keep_alive
        self._pulse: Pulse | None = None
        self.cause: Failure | None = None
        """Why it was lost."""

    # --- requests -------------------------------------------------------------------------

    def start(self, call: Call, ends: bool) -> None:
        """Open a stream for the call, or let it wait until the peer takes another."""
        if not self.connected or not self._open(call, ends):
            self._waiting.add(call, ends)
            self._session.wants_slot = True

    def _open(self, call: Call, ends: bool) -> bool:
        stream = ClientStream(call)
        try:
            if not self._session.open(stream, call.head, ends):
                return False
        except (H2UserError, ValueError) as error:
            call.response_failed(Failure(errors.BAD_REQUEST, str(error.args[-1])))
            return True
        if not self._dirty:
            self._dirty = True
            self.transport.reactor.mark_dirty(self)
        call.upstream = stream
        if call.kept is not None:
            call.replay(stream)
        return True

    def slot_freed(self) -> None:
        """The peer takes more streams."""
        waiting = self._waiting
        while (first := waiting.take()) is not None:
            call, ends = first
            call.on_carried()
            if not self._open(call, ends):
                waiting.put_back(call, ends)
                break
        self._session.wants_slot = self._retired or bool(waiting)
        if self._retired and not self._session.streams:
            self._close()

    @property
    def takes_requests(self) -> bool:
        return not self._retired

    @property
    def streams(self) -> int:
        return self._session.streams + len(self._waiting)

    # --- bytes ----------------------------------------------------------------------------

    def on_connected(self) -> None:
        failure = self._keeper.verify(self.transport)
        if failure is not None:
            self.transport.abort()
            self._over(failure)
            return
        self.connected = True
        if self._keep_alive is not None:
            self._pulse = Pulse(self._keep_alive, self._session, self.transport)
        self._keeper.ready(self)
        self.wake()
        self.slot_freed()

    def on_data(self, data: bytes) -> None:
        if self._pulse is not None:
            self._pulse.heard = True
        session = self._session
        wrong = session.receive(data)
        if wrong is not None:
            self.flush()
            self.transport.close()
            self._over(Failure(errors.BAD_RESPONSE, wrong))
        elif session.closed:
            self.retire()

    def now(self) -> float:
        return self.transport.reactor.clock()

    def wake(self) -> None:
        if not self._dirty and self.connected:
            self._dirty = True
            self.transport.reactor.mark_dirty(self)

    def flush(self) -> None:
        self._dirty = False
        session = self._session
        transport = self.transport
        while session.pending and not transport.blocked and not transport.closed:
            transport.send(session.take())
            session.sent()

    def on_blocked(self) -> None:
        """Frames wait in the session; its streams' send buffers are bounded."""

    def on_unblocked(self) -> None:
        self.wake()

    # --- the end --------------------------------------------------------------------------

    def accept(self) -> Stream:
        raise AssertionError("servers open no streams")

    def finished(self) -> None:
        """The session's word that no stream will begin or go on."""
        self.retire()

    def retire(self) -> None:
        """Take no new requests, let those in progress finish, then close."""
        if not self._retired:
            self._retired = True
            self._session.wants_slot = True
            self._keeper.retired(self)
            self._give_back()
        if not self._session.streams:
            self._close()

    def _give_back(self) -> None:
        """Requests that were never sent go elsewhere."""
        for call in self._waiting.take_all():
            call.response_failed(
                Failure(errors.CONNECTION_LOST, "the connection retired", unprocessed=True)
            )

    def _close(self) -> None:
        if not self.transport.closed:
            self.flush()
            self.transport.close()
            self._over(None)

    def on_eof(self) -> None:
        self.transport.close()
        self._over(Failure(errors.CONNECTION_LOST, "closed by the peer"))

    def on_lost(self, failure: Exception) -> None:
        if not isinstance(failure, Failure):
            failure = Failure(errors.CONNECTION_LOST, str(failure))
        self._over(failure)

    def _over(self, failure: Failure | None) -> None:
        self._retired = True
        self.cause = failure
        if self._pulse is not None:
            self._pulse.stop()
        self._keeper.gone(self, failure)
        if self.connected:
            self._give_back()
            self._session.fail()
        else:
            cause = failure or Failure(errors.CONNECT_FAILED, unprocessed=True)
            for call in self._waiting.take_all():
                call.response_failed(cause)

    def on_failure(self, error: Exception) -> None:
        """Our flush raised."""
        self.transport.on_failure(error)

    def __repr__(self) -> str:
        return f"<Http2Client {self._session.streams} streams>"
