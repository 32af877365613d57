"""A request that one call of this process hands to another: in on one side of the proxy, out on the other.

    client -> near call -> Crossing -> far call -> endpoint

To the near call it is the upstream, to the far one the downstream; back-pressure passes through it
both ways. Each call counts and decides as if it were alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.codec.message import RequestHead

if TYPE_CHECKING:
    from proxy.codec.message import Headers, ResponseHead
    from proxy.net.exchange import Call, Service
    from proxy.net.failure import Failure
    from proxy.net.relay import Done
    from proxy.net.transport import Transport


def cross(near: Call, service: Service, ends: bool) -> None:
    """Let a call of the service carry on a request that has come as far as `near`.

    `ends`: the request has no body. The far call gets a head of its own, with the same headers.
    """
    crossing = Crossing(near)
    near.upstream = crossing
    far = crossing.far = service.call(_same(near.head), crossing)
    far.request_ended = ends
    far.begin(ends)
    if near.kept is not None and not near.ended:
        near.replay(crossing)


class Crossing:
    """The middle of a request that two calls carry."""

    __slots__ = ("_answered", "far", "near")

    def __init__(self, near: Call) -> None:
        self.near = near
        self.far: Call
        self._answered = False
        """The far call has given its whole response, and ends by itself."""

    # --- upstream of the near call --------------------------------------------------------

    def send_body(self, data: bytes, ends: bool) -> None:
        self.far.request_body(data, ends)

    def send_trailers(self, trailers: Headers) -> None:
        self.far.request_trailers(trailers)

    def cancel(self) -> None:
        if not self._answered:
            self.far.request_aborted()

    def pause_response(self) -> None:
        self.far.downstream_blocked()

    def resume_response(self) -> None:
        self.far.downstream_unblocked()

    # --- downstream of the far call -------------------------------------------------------

    @property
    def is_http1(self) -> bool:
        return self.near.downstream.is_http1

    def respond(self, head: ResponseHead, ends: bool) -> None:
        self._answered = ends
        self.near.response(head, ends)

    def respond_body(self, data: bytes, ends: bool) -> None:
        self._answered = ends
        self.near.response_body(data, ends)

    def respond_trailers(self, trailers: Headers) -> None:
        self._answered = True
        self.near.response_trailers(trailers)

    def abort(self, failure: Failure) -> None:
        self._answered = True
        self.near.response_failed(failure)

    def pause_request(self) -> None:
        self.near.upstream_blocked()

    def resume_request(self) -> None:
        self.near.upstream_unblocked()

    def close_after_response(self) -> None:
        self.near.downstream.close_after_response()

    def tunnel(self, head: ResponseHead) -> tuple[Transport, bytes, Done] | None:
        near = self.near
        near.responded = True
        near.on_response(head)
        ours = near.downstream.tunnel(head)
        if ours is None:
            return None
        self._answered = True
        near.upstream = None
        near.finish(None, None)
        transport, early, done = ours
        return transport, early, near.on_tunnel(transport, done)

    def __repr__(self) -> str:
        return f"<Crossing {self.near.head!r}>"


def _same(head: RequestHead) -> RequestHead:
    """A head that may change version and authority on its way while the near call's stays."""
    copy = RequestHead(
        head.method,
        head.path,
        head.authority,
        head.headers,
        head.version,
        head.content_length,
        head.scheme,
        head.upgrade,
    )
    copy.absolute = head.absolute
    return copy
