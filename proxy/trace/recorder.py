"""The observer that makes a span of each request whose trace is sampled."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from proxy.codec.message import HTTP_2
from proxy.trace import context
from proxy.trace.span import Kind, Span
from weft.classification import is_success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.codec.message import RequestHead
    from proxy.net.exchange import Call
    from proxy.trace.context import TraceContext
    from proxy.trace.span import SpanBuffer, Value

MAX_TEXT = 1024
"""Characters of a path or header that a span repeats."""

Outcome = tuple[int, int | None, str | None]
"""HTTP status (0: there was no response), gRPC status, and the name of the proxy's own error."""


class Recorder(ABC):
    """Observer of the calls of one direction.

    What a request carries on names the span that is being made, so it is decided at its begin
    whether there will be one.
    """

    kind: Kind
    direction: str

    def __init__(
        self,
        buffer: SpanBuffer,
        *,
        clock: Callable[[], int] = time.time_ns,
        new_id: Callable[[], bytes] = lambda: os.urandom(8),
    ) -> None:
        """`clock` gives nanoseconds since 1970."""
        self._buffer = buffer
        self._clock = clock
        self._new_id = new_id
        self._open: dict[Call, tuple[TraceContext, bytes, int]] = {}

    def __call__(self, call: Call, event: str) -> None:
        if event == "request":
            self._begin(call)
        elif event == "end":
            self._end(call)

    def _begin(self, call: Call) -> None:
        if call in self._open:
            return  # another try of the same request
        headers = call.head.headers
        found = context.read(headers)
        if found is None or not found.sampled:
            return
        span_id = self._new_id()
        context.pass_on(headers, span_id)
        self._open[call] = found, span_id, self._clock()

    def _end(self, call: Call) -> None:
        known = self._open.pop(call, None)
        if known is None:
            return
        found, span_id, begun = known
        status, grpc, error = self.outcome(call)
        if error is None and status and not is_success(status, grpc):
            error = f"grpc-status {grpc}" if grpc else str(status)
        self._buffer.add(
            Span(
                found.trace_id,
                span_id,
                found.span_id,
                found.state,
                self.kind,
                _path(call.head)[:MAX_TEXT],
                begun,
                self._clock(),
                tuple(self._attributes(call, status, grpc, error)),
                error or "",
            )
        )

    def _attributes(
        self, call: Call, status: int, grpc: int | None, error: str | None
    ) -> Iterator[tuple[str, Value]]:
        """By the semantic conventions for HTTP."""
        head = call.head
        yield "direction", self.direction
        yield "http.request.method", head.method
        yield "url.scheme", head.scheme
        yield "url.path", _path(head)[:MAX_TEXT]
        yield "network.protocol.version", "2" if head.version == HTTP_2 else "1.1"
        if head.authority:
            yield "server.address", head.authority[:MAX_TEXT]
        agent = head.headers.get("user-agent")
        if agent:
            yield "user_agent.original", agent[:MAX_TEXT].decode("latin-1")
        if status:
            yield "http.response.status_code", status
        if grpc is not None:
            yield "rpc.grpc.status_code", grpc
        if error:
            yield "error.type", error
        yield from self.peer(call)

    @abstractmethod
    def outcome(self, call: Call) -> Outcome: ...

    @abstractmethod
    def peer(self, call: Call) -> Iterator[tuple[str, Value]]:
        """Who is on the other side."""


def _path(head: RequestHead) -> str:
    """Without the query, which may hold what nobody else should read."""
    return head.path.partition("?")[0]
