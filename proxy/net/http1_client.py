"""An HTTP/1 connection we made: one request at a time, kept for the next when both sides agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from proxy.codec.http1 import Http1ClientCodec, MalformedMessageError
from proxy.net.exchange import REPLAY_LIMIT
from proxy.net.failure import Failure
from proxy.stack.retry import IDEMPOTENT
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import Headers
    from proxy.net.exchange import Call
    from proxy.net.transport import Transport


class Keeper(Protocol):
    """Where a connection belongs."""

    def verify(self, transport: Transport) -> Failure | None:
        """What is wrong with whom we reached; nothing was sent yet."""

    def idle(self, connection: Http1Client) -> None:
        """It may carry another request."""

    def gone(self, connection: Http1Client, failure: Failure | None) -> None:
        """It is closed. `failure`: it could not be made."""


class Http1Client:
    """Receiver of the transport, and upstream of the request in progress."""

    __slots__ = (
        "_call",
        "_codec",
        "_early",
        "_head_read",
        "_keeper",
        "_method",
        "_paused",
        "_sent_all",
        "connected",
        "idle_since",
        "requests",
        "transport",
    )

    def __init__(self, keeper: Keeper) -> None:
        self.transport: Transport
        self.connected = False
        self.requests = 0
        self.idle_since = 0
        """Its pool's generation when it last fell idle."""
        self._keeper = keeper
        self._codec = Http1ClientCodec()
        self._early = 0
        """Bytes of a body that came before there was a connection to send them on."""
        self._call: Call | None = None
        self._head_read = False
        self._sent_all = False
        self._paused = False
        self._method = ""

    # --- requests -------------------------------------------------------------------------

    def start(self, call: Call, ends: bool) -> None:
        """Send a call's request. Hop-by-hop headers are gone already."""
        head = call.head
        self._call = call
        self._head_read = False
        self._sent_all = ends
        self._method = head.method
        self.requests += 1
        try:
            wire = self._codec.write_head(head, ends)
        except ValueError as error:
            # Such a request line can only have come as HTTP/2, which does not mind it.
            self._call = None
            self.transport.abort()
            self._keeper.gone(self, None)
            call.response_failed(Failure(errors.BAD_REQUEST, str(error)))
            return
        self.transport.write(wire)
        call.upstream = self
        if call.kept is not None:
            call.replay(self)

    def send_body(self, data: bytes, ends: bool) -> None:
        codec = self._codec
        if data:
            self.transport.write(codec.write_body(data))
            if not self.connected:
                self._hold(len(data))
        if ends:
            self._end(None)

    def _hold(self, size: int) -> None:
        """A transport tells that it takes no more only once it is connected."""
        self._early += size
        if self._early > REPLAY_LIMIT and self._call is not None:
            self._call.upstream_blocked()

    def send_trailers(self, trailers: Headers) -> None:
        self._end(trailers)

    def _end(self, trailers: Headers | None) -> None:
        self._sent_all = True
        codec = self._codec
        if codec.framed:
            self.transport.write(codec.write_end(trailers))

    def cancel(self) -> None:
        """HTTP/1 has no way to take a request back but to close."""
        self._call = None
        self.transport.abort()
        self._keeper.gone(self, None)

    def pause_response(self) -> None:
        # A response that was read to its end has nothing to hold back: the connection may carry
        # the next request already.
        if self._call is not None:
            self._paused = True
            self.transport.pause()

    def resume_response(self) -> None:
        self.transport.resume()

    # --- responses ------------------------------------------------------------------------

    def on_connected(self) -> None:
        failure = self._keeper.verify(self.transport)
        if failure is not None:
            self._break(failure)
            return
        self.connected = True
        if self.requests == 0:
            self._keeper.idle(self)
        elif self._call is not None:
            self._call.on_carried()
            self._call.upstream_unblocked()

    def on_data(self, data: bytes) -> None:
        call = self._call
        if call is None:
            # Bytes nobody asked for: what follows cannot be trusted either.
            self.transport.abort()
            self._keeper.gone(self, None)
            return
        codec = self._codec
        try:
            if self._head_read:
                body, ended = codec.read_body(data)
            else:
                found = codec.read_head(data)
                if found is None:
                    return
                head, body, ended = found
                self._head_read = True
                if codec.tunnel:
                    self._call = None
                    self._keeper.gone(self, None)
                    call.response_tunnel(head, self.transport, body)
                    return
                if ended and not body and codec.trailers is None:
                    self._finish()
                    call.response(head, True)
                    return
                call.response(head, False)
                if self._call is not call:
                    return
        except MalformedMessageError as error:
            self._break(Failure(errors.BAD_RESPONSE, str(error)))
            return
        if ended:
            trailers = codec.trailers
            self._finish()
            if trailers is None:
                call.response_body(body, True)
            else:
                if body:
                    call.response_body(body, False)
                call.response_trailers(trailers)
        elif body:
            call.response_body(body, False)

    def _finish(self) -> None:
        """The response is complete."""
        self._call = None
        if self._paused:
            self._paused = False
            self.transport.resume()
        if self._codec.keep_alive and self._sent_all:
            self._codec.next()
            self._keeper.idle(self)
        else:
            self.transport.close()
            self._keeper.gone(self, None)

    # --- the end --------------------------------------------------------------------------

    def on_eof(self) -> None:
        call = self._call
        if call is not None and self._head_read and self._codec.eof():
            self._codec.keep_alive = False
            self._finish()
            call.response_body(b"", True)
        else:
            self._break(None)

    def on_lost(self, failure: Exception) -> None:
        self._break(failure)

    def _break(self, error: Exception | None) -> None:
        call, self._call = self._call, None
        self.transport.abort()
        unmade = error if isinstance(error, Failure) and not self.connected else None
        self._keeper.gone(self, unmade)
        if call is None:
            return
        if isinstance(error, Failure):
            call.response_failed(error)
            return
        # A server may close a kept connection at the very moment a request is sent on it.
        repeatable = self.requests > 1 and not self._head_read and self._method in IDEMPOTENT
        call.response_failed(
            Failure(
                errors.CONNECTION_LOST,
                str(error) if error else "",
                unprocessed=repeatable,
                broken=not self._head_read,
            )
        )

    def on_blocked(self) -> None:
        if self._call is not None:
            self._call.upstream_blocked()

    def on_unblocked(self) -> None:
        if self._call is not None:
            self._call.upstream_unblocked()

    def close(self) -> None:
        """Close an idle connection."""
        self.transport.close()

    @property
    def busy(self) -> bool:
        return self._call is not None

    def __repr__(self) -> str:
        return f"<Http1Client {'busy' if self._call else 'idle'}, {self.requests} requests>"
