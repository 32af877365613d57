"""A request's way back with a watcher in it.

Only a watched request has one, so counting bytes costs the others nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.net.crossing import Crossing
from proxy.net.http1_server import Http1Server
from proxy.net.http2_server import ServerStream
from proxy.stack.classify import grpc_status
from proxy.tap.subject import HeaderFields, ResponseEnd, ResponseInit
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.codec.message import Headers, ResponseHead
    from proxy.net.exchange import Downstream
    from proxy.net.failure import Failure
    from proxy.net.relay import Done
    from proxy.net.transport import Transport
    from proxy.tap.registry import Watched

INTERNAL_ERROR = 0x2
CANCEL = 0x8
_GONE = SocketAddress("0.0.0.0", 0)  # noqa: S104 (nobody's address)


class TappedDownstream:
    """Passes everything on, and tells of the response's head and end."""

    __slots__ = (
        "_answered",
        "_began",
        "_bytes",
        "_clock",
        "_grpc",
        "_over",
        "_tunnelled",
        "_watched",
        "inner",
    )

    def __init__(self, inner: Downstream, watched: Watched, clock: Callable[[], float]) -> None:
        self.inner = inner
        self._watched = watched
        self._clock = clock
        self._began = clock()
        self._answered: float | None = None
        self._bytes = 0
        self._grpc: int | None = None
        self._over = False
        self._tunnelled = False

    @property
    def is_http1(self) -> bool:
        return self.inner.is_http1

    # --- the response ---------------------------------------------------------------------

    def respond(self, head: ResponseHead, ends: bool) -> None:
        self._response(head)
        self.inner.respond(head, ends)
        if ends:
            self._end()

    def respond_body(self, data: bytes, ends: bool) -> None:
        self._bytes += len(data)
        self.inner.respond_body(data, ends)
        if ends:
            self._end()

    def respond_trailers(self, trailers: Headers) -> None:
        fields = header_fields(trailers)
        self._grpc = grpc_status(trailers)
        self.inner.respond_trailers(trailers)
        self._end(trailers=fields)

    def abort(self, failure: Failure) -> None:
        self.inner.abort(failure)
        self._end(reset=INTERNAL_ERROR)

    def tunnel(self, head: ResponseHead) -> tuple[Transport, bytes, Done] | None:
        self._response(head)
        self._tunnelled = True
        return self.inner.tunnel(head)

    def over(self) -> None:
        """The call has ended. When its response had not, the client is gone, or it is a tunnel."""
        self._end(reset=None if self._tunnelled else CANCEL)

    def _response(self, head: ResponseHead) -> None:
        watched = self._watched
        now = self._answered = self._clock()
        self._grpc = grpc_status(head.headers)
        fields = header_fields(head.headers)
        watched.tell(
            ResponseInit(watched.stream, watched.subject, head.status, fields, now - self._began)
        )

    def _end(self, *, trailers: HeaderFields = (), reset: int | None = None) -> None:
        if self._over:
            return
        self._over = True
        watched = self._watched
        now = self._clock()
        watched.end(
            ResponseEnd(
                watched.stream,
                watched.subject,
                since_request=now - self._began,
                since_response=0.0 if self._answered is None else now - self._answered,
                response_bytes=self._bytes,
                grpc_status=self._grpc if reset is None else None,
                reset=reset,
                trailers=trailers,
            )
        )

    # --- the request ----------------------------------------------------------------------

    def pause_request(self) -> None:
        self.inner.pause_request()

    def resume_request(self) -> None:
        self.inner.resume_request()

    def close_after_response(self) -> None:
        self.inner.close_after_response()

    def __repr__(self) -> str:
        return f"<TappedDownstream {self.inner!r}>"


def untapped(downstream: Downstream) -> Downstream:
    """The connection or stream itself."""
    return downstream.inner if isinstance(downstream, TappedDownstream) else downstream


def client_of(downstream: Downstream) -> SocketAddress:
    """Who made the connection; IPv4 clients of a dual-stack socket appear as IPv4."""
    found = untapped(downstream)
    while isinstance(found, Crossing):
        found = untapped(found.near.downstream)
    assert isinstance(found, Http1Server | ServerStream)
    try:
        ip, port = found.transport.sock.getpeername()[:2]
    except OSError:
        return _GONE
    return SocketAddress(ip.removeprefix("::ffff:") if "." in ip else ip, port)


def header_fields(headers: Headers) -> HeaderFields:
    """A copy that stays as it is while the head travels on and is changed."""
    return tuple((name, value) for name, value in headers.items())
