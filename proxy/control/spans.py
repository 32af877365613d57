"""Takes spans to a collector, every few seconds, off the path of requests.

A collector that is away costs the spans of that time, which are counted, and nothing else.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import trio
from google.protobuf.message import DecodeError

from proxy.codec.grpc_status import Code, Status
from proxy.control.channel import RpcError
from proxy.trace.span import Kind
from weft.metrics import (
    OPENTELEMETRY_SPAN_EXPORT_REQUESTS_TOTAL,
    OPENTELEMETRY_SPAN_EXPORTS_TOTAL,
    OPENTELEMETRY_SPANS_DROPPED_TOTAL,
)
from weft.version import VERSION
from weftapi.otlp.v1 import trace_pb2 as pb

if TYPE_CHECKING:
    from proxy.telemetry.registry import Registry
    from proxy.telemetry.resource import Attributes
    from proxy.trace.span import Span, SpanBuffer, Value

_log = logging.getLogger("proxy.trace")

PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
EVERY = 5.0
"""Seconds between exports."""
TIMEOUT = 10.0
"""Seconds a collector has to take one."""
FAREWELL = 2.0
"""Seconds it has for the last one."""


class UnaryChannel(Protocol):
    async def unary(self, path: str, request: bytes) -> bytes: ...


class SpanExporter:
    """The task that empties the buffer."""

    def __init__(
        self,
        channel: UnaryChannel,
        buffer: SpanBuffer,
        resource: Attributes,
        registry: Registry,
        *,
        every: float = EVERY,
    ) -> None:
        self._channel = channel
        self._buffer = buffer
        self._every = every
        self._resource = pb.Resource(attributes=[_attribute(*one) for one in resource])
        self._exports = registry.counter(OPENTELEMETRY_SPAN_EXPORTS_TOTAL).child()
        self._requests = registry.counter(OPENTELEMETRY_SPAN_EXPORT_REQUESTS_TOTAL)
        self._dropped = registry.counter(OPENTELEMETRY_SPANS_DROPPED_TOTAL).child()
        self._works = True

    async def run(self) -> None:
        """Export again and again; never returns."""
        while True:
            await trio.sleep(self._every)
            await self.export()

    async def farewell(self) -> None:
        """Export what is left, if the collector is quick about it."""
        with trio.move_on_after(FAREWELL):
            await self.export()

    async def export(self) -> None:
        """Everything that waits, in one request. What is not taken in time is dropped."""
        dropped, self._buffer.dropped = self._buffer.dropped, 0
        self._dropped.value += dropped
        spans = self._buffer.take()
        if not spans:
            return
        taken = 0
        try:
            taken = await self._send(spans)
        finally:
            self._exports.value += taken
            self._dropped.value += len(spans) - taken

    async def _send(self, spans: list[Span]) -> int:
        """How many spans were taken."""
        message = request(spans, self._resource)
        status = Status(Code.DEADLINE_EXCEEDED, f"no answer in {TIMEOUT:g}s")
        with trio.move_on_after(TIMEOUT):
            try:
                answer = await self._channel.unary(PATH, message.SerializeToString())
                status = Status(Code.OK)
            except RpcError as error:
                status = error.status
        self._requests.child((("status", status.code.name),)).value += 1
        if status.code is not Code.OK:
            self._said(works=False, why=str(status))
            return 0
        self._said(works=True, why="")
        return len(spans) - _refused(answer)

    def _said(self, *, works: bool, why: str) -> None:
        """Once for each time it begins to fail, or works again."""
        if works is not self._works:
            self._works = works
            if works:
                _log.info("spans are exported again")
            else:
                _log.warning("spans are lost, the collector does not take them: %s", why)


_KINDS = {Kind.SERVER: pb.Span.SPAN_KIND_SERVER, Kind.CLIENT: pb.Span.SPAN_KIND_CLIENT}


def request(spans: list[Span], resource: pb.Resource) -> pb.ExportTraceServiceRequest:
    scope = pb.ScopeSpans(
        scope=pb.InstrumentationScope(name="weft-proxy", version=VERSION),
        spans=map(_span, spans),
    )
    whole = pb.ResourceSpans(resource=resource, scope_spans=[scope])
    return pb.ExportTraceServiceRequest(resource_spans=[whole])


def _span(span: Span) -> pb.Span:
    message = pb.Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        trace_state=span.state,
        parent_span_id=span.parent_id,
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.begun,
        end_time_unix_nano=span.ended,
        attributes=[_attribute(*one) for one in span.attributes],
        flags=1,
    )
    if span.error:
        message.status.code = pb.Status.STATUS_CODE_ERROR
        message.status.message = span.error
    return message


def _attribute(key: str, value: Value) -> pb.KeyValue:
    if isinstance(value, int):
        return pb.KeyValue(key=key, value=pb.AnyValue(int_value=value))
    return pb.KeyValue(key=key, value=pb.AnyValue(string_value=value))


def _refused(answer: bytes) -> int:
    try:
        return pb.ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except DecodeError:
        return 0
