"""One request and its response between the connection it came on and the one it goes out on.

    downstream  the accepted side: an HTTP/1 connection or an HTTP/2 stream; takes the response
    upstream    the other side, once there is one; takes the request
    Call        in the middle; relays both ways, and back-pressure with them

The three call each other directly, because a queue or a task per request would cost more than the
request. `inbound` and `outbound` subclass `Call` and say where a request goes and what is counted.

Until the response begins, a call keeps the request's body as long as it is small, so that it can be
sent again if the other side certainly did not act on it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

from proxy.codec.message import clean_trailers
from proxy.net.failure import Failure
from proxy.net.relay import join
from proxy.telemetry.frames import SIZES
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import Headers, RequestHead, ResponseHead
    from proxy.net.reactor import Reactor
    from proxy.net.relay import Done
    from proxy.net.transport import Transport
    from proxy.telemetry.request import RequestMetrics

REPLAY_LIMIT = 65_536
"""Bytes of a request's body that are kept for another try, or while there is no upstream yet."""

TOGETHER = 0.001
"""Seconds within which a body counts as having come with its head: no histogram is that fine."""


class Downstream(Protocol):
    """Where a response goes."""

    @property
    def is_http1(self) -> bool: ...

    def respond(self, head: ResponseHead, ends: bool) -> None:
        """Send the head; hop-by-hop headers are gone already."""

    def respond_body(self, data: bytes, ends: bool) -> None: ...

    def respond_trailers(self, trailers: Headers) -> None:
        """End the response."""

    def abort(self, failure: Failure) -> None:
        """The response cannot be completed: make sure that the client notices."""

    def pause_request(self) -> None: ...

    def resume_request(self) -> None: ...

    def close_after_response(self) -> None:
        """HTTP/1: let this response be the connection's last."""

    def tunnel(self, head: ResponseHead) -> tuple[Transport, bytes, Done] | None:
        """HTTP/1: send the head and hand over the connection, with bytes it had read already and
        whom to tell when the tunnel is over.

        None where a connection cannot become a tunnel.
        """


class Upstream(Protocol):
    """Where a request goes."""

    def send_body(self, data: bytes, ends: bool) -> None: ...

    def send_trailers(self, trailers: Headers) -> None: ...

    def cancel(self) -> None:
        """Nobody waits for the response any more; the call hears nothing further."""

    def pause_response(self) -> None: ...

    def resume_response(self) -> None: ...


class Service(Protocol):
    """What an accepted HTTP connection asks for each request."""

    def call(self, head: RequestHead, downstream: Downstream) -> Call:
        """A call that has not begun; `begin` follows."""

    @property
    def informational(self) -> bool:
        """Whether the client may see why the proxy itself answered: `l5d-proxy-error` and its like."""

    def refused(self, failure: Failure) -> None:
        """What a client sent was no request, or too much: its connection ends."""


class Call:
    """A request on its way. Subclasses override `begin`, `on_response` and `on_end`."""

    __slots__ = (
        "_blocked",
        "_kept_size",
        "_metrics",
        "_reactor",
        "_replayable",
        "_sent_at",
        "_trailers",
        "attempt",
        "downstream",
        "ended",
        "head",
        "kept",
        "request_ended",
        "responded",
        "upstream",
    )

    def __init__(self, head: RequestHead, downstream: Downstream, reactor: Reactor) -> None:
        self.head = head
        self.downstream = downstream
        self.upstream: Upstream | None = None
        self.attempt = 0
        """Which try this is: a connection that still holds an earlier one lets it be."""
        self.request_ended = False
        self.responded = False
        """The response's head has been passed on."""
        self.ended = False
        self.kept: list[bytes] | None = None
        """What came of the request's body so far, while it may have to be sent again."""
        self._kept_size = 0
        self._replayable = True
        self._trailers: Headers | None = None
        self._blocked = False
        self._metrics: RequestMetrics | None = None
        """Where it is counted, once that is known."""
        self._sent_at = 0.0
        """When the batch began in which the request's body ended."""
        self._reactor = reactor

    # --- for subclasses -------------------------------------------------------------------

    def begin(self, ends: bool) -> None:
        """Find an upstream, or answer. `ends`: the request has no body."""
        raise NotImplementedError

    def on_carried(self) -> None:
        """There is a connection now that carries the request, which waited for it until now."""

    def on_response(self, head: ResponseHead) -> None:
        """Change or count the response's head before it is passed on."""

    def on_tunnel(self, near: Transport, done: Done) -> Done:
        """The client's connection is about to be a tunnel; whom to tell when that is over. Whoever
        wants to end it before, from the next batch on, loses `near`."""
        return done

    def declines(self, head: ResponseHead) -> bool:
        """Whether a response without a body is none: the call has found another way to get one."""
        return False

    def on_failure(self, failure: Failure) -> None:
        """No response will come, and none was begun: try again or answer."""
        raise NotImplementedError

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        """The call is over, well or not; called exactly once."""

    @property
    def unplaced(self) -> RequestMetrics | None:
        """Where it is counted before that is known."""
        return None

    def since_sent(self, now: float) -> float:
        """Milliseconds since the end of a request whose body did not come with its head; none
        while it has not ended."""
        return (now - self._sent_at) * 1000.0 if self.request_ended else 0.0

    # --- the request ----------------------------------------------------------------------

    def replay(self, upstream: Upstream) -> None:
        """The head was sent on a connection; send what was kept of the body after it."""
        kept = self.kept
        assert kept is not None
        held = self._blocked or self._kept_size > REPLAY_LIMIT
        self._blocked = False
        ended = self.request_ended and self._trailers is None
        last = len(kept) - 1
        for index, data in enumerate(kept):
            upstream.send_body(data, ended and index == last)
        if self._trailers is not None:
            upstream.send_trailers(self._trailers)
        if self._kept_size > REPLAY_LIMIT:
            self._forget_body()
        if held and not self._blocked:
            self.downstream.resume_request()

    def request_body(self, data: bytes, ends: bool) -> None:
        if ends:
            self.request_ended = True
            self._sent_at = self._reactor.turned
        upstream = self.upstream
        size = len(data)
        metrics = self._metrics or self.unplaced
        if size and metrics is not None:
            frames = metrics.request_frames
            frames.counts[bisect_left(SIZES, size)] += 1
            frames.sum += size
        if self._replayable and not self.responded:
            self._kept_size += size
            if self.kept is None:
                self.kept = [data]
            else:
                self.kept.append(data)
            if self._kept_size > REPLAY_LIMIT:
                if upstream is None:
                    self.downstream.pause_request()
                else:
                    self._forget_body()
        if upstream is not None:
            upstream.send_body(data, ends)

    def request_trailers(self, trailers: Headers) -> None:
        self.request_ended = True
        self._sent_at = self._reactor.turned
        clean_trailers(trailers)
        if self._replayable and not self.responded:
            self._trailers = trailers
            if self.kept is None:
                self.kept = []
        if self.upstream is not None:
            self.upstream.send_trailers(trailers)

    def request_aborted(self) -> None:
        """The client went away."""
        if self.ended:
            return
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.cancel()
        self.finish(None, Failure(errors.CLIENT_GONE))

    def awaits(self, attempt: int) -> bool:
        """Whether a connection that holds this try should still send it."""
        return not self.ended and self.attempt == attempt

    @property
    def can_repeat(self) -> bool:
        """Whether the request could be sent once more as it was."""
        return not self.responded and self._replayable

    @property
    def bodiless(self) -> bool:
        """The request is complete and was nothing but a head."""
        return self.request_ended and not self.kept and self._trailers is None

    def _forget_body(self) -> None:
        self._replayable = False
        self.kept = None

    # --- the response ---------------------------------------------------------------------

    def response(self, head: ResponseHead, ends: bool) -> None:
        self.responded = True
        self.kept = None
        self.on_response(head)
        self.downstream.respond(head, ends)
        if ends:
            self.finish(None, None)

    def response_body(self, data: bytes, ends: bool) -> None:
        size = len(data)
        metrics = self._metrics
        if size and metrics is not None:
            frames = metrics.response_frames
            frames.counts[bisect_left(SIZES, size)] += 1
            frames.sum += size
        self.downstream.respond_body(data, ends)
        if ends:
            if self.request_ended and not self.ended:
                self.ended = True
                self.on_end(None, None)
            else:
                self.finish(None, None)

    def response_trailers(self, trailers: Headers) -> None:
        self.downstream.respond_trailers(trailers)
        self.finish(trailers, None)

    def response_failed(self, failure: Failure) -> None:
        """The upstream broke off."""
        if self.ended:
            return
        self.upstream = None
        if self.responded:
            self.downstream.abort(failure)
            self.finish(None, failure)
        else:
            self.on_failure(failure)

    def finish(self, trailers: Headers | None, failure: Failure | None) -> None:
        if not self.ended:
            self.ended = True
            # A connection that has not sent it yet holds on to the call for a while.
            self.kept = None
            upstream = self.upstream
            if upstream is not None and not self.request_ended:
                # The response came first: nobody reads the rest of the request.
                self.upstream = None
                upstream.cancel()
            self.on_end(trailers, failure)

    # --- back-pressure --------------------------------------------------------------------

    def downstream_blocked(self) -> None:
        if self.upstream is not None:
            self.upstream.pause_response()

    def downstream_unblocked(self) -> None:
        if self.upstream is not None:
            self.upstream.resume_response()

    def upstream_blocked(self) -> None:
        if not self.request_ended:
            self._blocked = True
            self.downstream.pause_request()

    def upstream_unblocked(self) -> None:
        if self._blocked:
            self._blocked = False
            if not self.request_ended:
                self.downstream.resume_request()

    # --- tunnels --------------------------------------------------------------------------

    def response_tunnel(self, head: ResponseHead, transport: Transport, early: bytes) -> None:
        """The other side agreed to switch protocols, and gives up its connection."""
        if not self.head.upgrade:
            # What its client sends next would go past routes and authorizations.
            transport.close()
            self.response_failed(Failure(errors.BAD_RESPONSE, "a tunnel that nobody asked for"))
            return
        self.responded = True
        self.on_response(head)
        ours = self.downstream.tunnel(head)
        if ours is None:
            transport.close()
            failure = Failure(errors.BAD_RESPONSE, "a tunnel was opened that nobody asked for")
            self.downstream.abort(failure)
            self.finish(None, failure)
            return
        self.upstream = None
        near, from_near, done = ours
        join(near, from_near, transport, early, self.on_tunnel(near, done))
        self.finish(None, None)
