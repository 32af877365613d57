"""An accepted HTTP/1 connection: one request at a time, in order, pipelined ones kept until then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.codec.http1 import CONTINUE, MAX_HEAD, Http1ServerCodec, MalformedMessageError
from proxy.codec.message import HTTP_1_1, Headers, ResponseHead
from proxy.net.answer import ERROR, describe
from proxy.net.failure import Failure
from weft import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.exchange import Call, Service
    from proxy.net.relay import Done
    from proxy.net.transport import Transport
    from proxy.net.wheel import Timer


@dataclass(frozen=True, slots=True)
class Http1Bounds:
    """What an HTTP/1 client may take."""

    max_header: int = MAX_HEAD
    """Bytes of a request's head; more is answered with 431."""
    header_timeout: float = 30.0
    """Seconds a begun request head may take."""
    body_timeout: float = 300.0
    """Seconds of silence in the middle of a request's body."""


class Http1Server:
    """Receiver of the transport, and downstream of the request in progress."""

    __slots__ = (
        "_body_open",
        "_body_reads",
        "_body_timer",
        "_bounds",
        "_call",
        "_closing",
        "_codec",
        "_head_timer",
        "_on_close",
        "_pumping",
        "_service",
        "_tunnel",
        "draining",
        "transport",
    )

    is_http1 = True

    def __init__(
        self,
        transport: Transport,
        service: Service,
        on_close: Callable[[Http1Server], None],
        bounds: Http1Bounds,
    ) -> None:
        self.transport = transport
        self.draining = False
        self._service = service
        self._on_close = on_close
        self._bounds = bounds
        self._codec = Http1ServerCodec(bounds.max_header)
        self._call: Call | None = None
        self._body_open = False
        self._body_reads = 0
        self._body_timer: Timer | None = None
        self._closing = False
        self._pumping = False
        self._tunnel = False
        self._head_timer: Timer | None = None

    # --- requests -------------------------------------------------------------------------

    def on_connected(self) -> None:
        """Accepted connections are connected."""

    def on_data(self, data: bytes) -> None:
        if self._body_open and self._call is not None:
            self._read_body(data)
            return
        if self._call is not None or self.transport.blocked:
            self._codec.keep(data)
            if len(self._codec.kept) > self._bounds.max_header:
                self.transport.pause()
            return
        # A loop, for a pipeline of requests that are answered at once may be long.
        self._pumping = True
        codec = self._codec
        try:
            while True:
                found = codec.read_head(data)
                if found is None:
                    self._await_head()
                    break
                head, ends, wants_continue = found
                if self._head_timer is not None:
                    self._head_timer.cancel()
                    self._head_timer = None
                call = self._call = self._service.call(head, self)
                if ends:
                    call.request_ended = True
                    call.begin(True)
                else:
                    self._begin_with_body(call, wants_continue)
                if self._call is not None or self._closing or not codec.kept:
                    break
                data = b""
        except MalformedMessageError as error:
            self._refuse(error)
        finally:
            self._pumping = False

    def _await_head(self) -> None:
        """A head that has begun must be complete in time."""
        if self._head_timer is None and self._codec.head_begun:
            self._head_timer = self.transport.reactor.call_later(
                self._bounds.header_timeout, self._header_overdue
            )

    def _begin_with_body(self, call: Call, wants_continue: bool) -> None:
        self._body_open = True
        if wants_continue:
            self.transport.write(CONTINUE)
        call.begin(False)
        if self._call is call:
            early = self._codec.take_kept()
            if early:
                self._read_body(early)
        if self._body_open and self._call is call:
            self._await_body()

    def _await_body(self) -> None:
        """The client must go on in time. One timer looks now and then; pieces that come are counted."""
        reads = self._body_reads
        self._body_timer = self.transport.reactor.call_later(
            self._bounds.body_timeout, lambda: self._look_at_body(reads)
        )

    def _look_at_body(self, reads: int) -> None:
        self._body_timer = None
        call = self._call
        if call is None or not self._body_open:
            return
        if self._body_reads != reads or self.transport.paused:
            self._await_body()
            return
        failure = Failure(errors.BODY_TIMEOUT)
        responded = call.responded
        self._call = None
        call.request_aborted()
        if responded:
            self._service.refused(failure)
            self.transport.abort()
            self._closed()
        else:
            self._answer_and_close(failure.kind.http_status, failure)

    def _read_body(self, data: bytes) -> None:
        call = self._call
        assert call is not None
        self._body_reads += 1
        try:
            body, ended = self._codec.read_body(data)
        except MalformedMessageError as error:
            self._call = None
            call.request_aborted()
            self._refuse(error)
            return
        if ended:
            self._body_open = False
            if self._body_timer is not None:
                self._body_timer.cancel()
                self._body_timer = None
            trailers = self._codec.trailers
            if trailers is not None:
                if body:
                    call.request_body(body, False)
                if self._call is call:
                    call.request_trailers(trailers)
            else:
                call.request_body(body, True)
            if self._call is call and self.transport.paused:
                # Nobody will resume what has ended, and the connection is to carry the next request.
                self.transport.resume()
        elif body:
            call.request_body(body, False)

    def _refuse(self, error: MalformedMessageError) -> None:
        """Not a request, or one that could be read in two ways: nothing after it can be trusted."""
        kind = errors.HEADER_TOO_LARGE if error.status == 431 else errors.BAD_REQUEST
        self._answer_and_close(error.status, Failure(kind, str(error)))

    def _header_overdue(self) -> None:
        self._head_timer = None
        kind = errors.HEADER_TIMEOUT
        self._answer_and_close(kind.http_status, Failure(kind))

    def _answer_and_close(self, status: int, failure: Failure) -> None:
        self._service.refused(failure)
        headers = Headers([("content-length", b"0")])
        if self._service.informational:
            headers[ERROR] = describe(failure)
        head = ResponseHead(status, headers, HTTP_1_1, 0)
        wire, _last = self._codec.write_head(head, True, False)
        self.transport.write(wire)
        self._close(linger=True)

    # --- responses ------------------------------------------------------------------------

    def respond(self, head: ResponseHead, ends: bool) -> None:
        if self._body_open:
            # The answer came before the request was complete: what is left of it has no reader.
            self._closing = True
        wire, last = self._codec.write_head(head, ends, not (self.draining or self._closing))
        if last:
            self._closing = True
        self.transport.write(wire)
        if ends:
            self._finish(None)
        elif self.transport.blocked and self._call is not None:
            # It was blocked before there was an upstream to hear so.
            self._call.downstream_blocked()

    def respond_body(self, data: bytes, ends: bool) -> None:
        if data:
            self.transport.write(self._codec.write_body(data))
        if ends:
            self._finish(None)

    def respond_trailers(self, trailers: Headers) -> None:
        self._finish(trailers)

    def _finish(self, trailers: Headers | None) -> None:
        """The response is complete: go on with the next request, or close."""
        codec = self._codec
        self._call = None
        if codec.framed:
            self.transport.write(codec.write_end(trailers))
        if self._closing or self.draining:
            # A client that was not told to expect it may have sent its next request by now.
            self._close(linger=self._body_open or not self._closing)
            return
        codec.next()
        if codec.kept and not self._pumping:
            self._go_on()

    def _go_on(self) -> None:
        """With the next request, unless the client has yet to take the responses there are."""
        if self._codec.kept and not self.transport.blocked:
            self.transport.resume()
            self.on_data(b"")

    def abort(self, failure: Failure) -> None:
        """The client has part of a response: only the end of the connection can tell it."""
        self._call = None
        self._closing = True
        self.transport.flush()
        self.transport.abort()
        self._closed()

    def close_after_response(self) -> None:
        self._closing = True

    def pause_request(self) -> None:
        self.transport.pause()

    def resume_request(self) -> None:
        self.transport.resume()

    def tunnel(self, head: ResponseHead) -> tuple[Transport, bytes, Done]:
        wire, _last = self._codec.write_head(head, True, True)
        self.transport.write(wire)
        self._call = None
        self._closing = True
        self._tunnel = True
        return self.transport, self._codec.take_kept(), self._tunnel_over

    def _tunnel_over(self, failure: Exception | None) -> None:
        self._closed()

    # --- the end --------------------------------------------------------------------------

    def on_eof(self) -> None:
        """The client sends no more. In the middle of an exchange that means that it has gone."""
        self._abandon()
        self._close()

    def on_lost(self, failure: Exception) -> None:
        self._abandon()
        self._closing = True
        self._closed()

    def on_blocked(self) -> None:
        if self._call is not None:
            self._call.downstream_blocked()

    def on_unblocked(self) -> None:
        if self._call is not None:
            self._call.downstream_unblocked()
        else:
            self._go_on()

    def drain(self) -> None:
        """Finish what is in progress and close; at once when nothing is."""
        self.draining = True
        if self._call is None and not self._tunnel:
            self._close()

    def stop(self) -> None:
        self.transport.lose(Failure(errors.DRAINING))

    def _abandon(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.request_aborted()

    def _close(self, *, linger: bool = False) -> None:
        self._closing = True
        self.transport.close(linger=linger)
        self._closed()

    def _closed(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        self._on_close(self)

    def __repr__(self) -> str:
        return f"<Http1Server {'busy' if self._call else 'idle'}>"
