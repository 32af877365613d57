"""Spans on their way to a collector: what it reads, and what happens when it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as otlp

from proxy.codec.grpc_status import Code, Status
from proxy.control.channel import RpcError
from proxy.control.spans import SpanExporter
from proxy.telemetry import exposition
from proxy.telemetry.registry import Registry
from proxy.trace.span import Kind, Span, SpanBuffer
from testkit.trio_tests import in_virtual_time
from weftapi.otlp.v1 import trace_pb2

if TYPE_CHECKING:
    from collections.abc import Callable

SPAN = Span(
    b"t" * 16,
    b"s" * 8,
    b"p" * 8,
    "a=b",
    Kind.CLIENT,
    "/vote",
    1_700_000_000_000_000_001,
    1_700_000_000_000_000_002,
    (("http.request.method", "GET"), ("http.response.status_code", 503)),
    "503",
)


class Collector:
    """Answers exports as it is told."""

    def __init__(self, *answers: bytes | Status | None) -> None:
        """None: no answer at all."""
        self._answers = list(answers)
        self.requests: list[Any] = []

    async def unary(self, path: str, request: bytes) -> bytes:
        assert path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        # Read by OpenTelemetry's own messages, so that ours are held against them.
        self.requests.append(otlp.ExportTraceServiceRequest.FromString(request))
        answer = self._answers.pop(0) if self._answers else b""
        if answer is None:
            await trio.sleep_forever()
        if isinstance(answer, Status):
            raise RpcError(answer)
        assert isinstance(answer, bytes)
        return answer


def exporter(collector: Collector) -> tuple[SpanExporter, SpanBuffer, Callable[[str], float]]:
    buffer, registry = SpanBuffer(), Registry()
    made = SpanExporter(collector, buffer, (("service.name", "voting"),), registry)

    def counted(series: str) -> float:
        for line in exposition.render(registry).splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return 0.0

    return made, buffer, counted


@in_virtual_time
async def test_a_collector_understands_them() -> None:
    collector = Collector()
    made, buffer, counted = exporter(collector)
    buffer.add(SPAN)
    await made.export()
    await made.export()  # nothing waits: nothing is sent
    (request,) = collector.requests
    (whole,) = request.resource_spans
    assert [(one.key, one.value.string_value) for one in whole.resource.attributes] == [
        ("service.name", "voting")
    ]
    (span,) = whole.scope_spans[0].spans
    assert whole.scope_spans[0].scope.name == "weft-proxy"
    assert (span.trace_id, span.span_id, span.parent_span_id) == (b"t" * 16, b"s" * 8, b"p" * 8)
    assert (span.name, span.trace_state, span.flags) == ("/vote", "a=b", 1)
    assert span.kind == span.SPAN_KIND_CLIENT
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (SPAN.begun, SPAN.ended)
    assert span.status.code == span.status.STATUS_CODE_ERROR
    method, status = span.attributes
    assert (method.key, method.value.string_value) == ("http.request.method", "GET")
    assert (status.key, status.value.int_value) == ("http.response.status_code", 503)
    assert counted("opentelemetry_span_exports_total") == 1
    assert counted('opentelemetry_span_export_requests_total{status="OK"}') == 1


REFUSED = trace_pb2.ExportTraceServiceResponse(
    partial_success=trace_pb2.ExportTracePartialSuccess(rejected_spans=1)
).SerializeToString()


@pytest.mark.parametrize(
    ("answer", "status", "taken"),
    [
        (Status(Code.UNAVAILABLE, "no"), "UNAVAILABLE", 0),
        (None, "DEADLINE_EXCEEDED", 0),
        (REFUSED, "OK", 1),
        (b"nonsense", "OK", 2),
    ],
)
@in_virtual_time
async def test_what_is_not_taken_is_dropped_and_counted(
    answer: bytes | Status | None, status: str, taken: int
) -> None:
    made, buffer, counted = exporter(Collector(answer))
    buffer.add(SPAN)
    buffer.add(SPAN)
    buffer.dropped = 3
    await made.export()
    assert counted("opentelemetry_span_exports_total") == taken
    assert counted("opentelemetry_spans_dropped_total") == 3 + 2 - taken
    assert counted(f'opentelemetry_span_export_requests_total{{status="{status}"}}') == 1


@in_virtual_time
async def test_every_few_seconds_and_at_the_end() -> None:
    collector = Collector(Status(Code.UNAVAILABLE, "no"), b"", None)
    made, buffer, counted = exporter(collector)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        for _ in range(2):
            buffer.add(SPAN)
            await trio.sleep(6)
        nursery.cancel_scope.cancel()
    assert len(collector.requests) == 2
    buffer.add(SPAN)
    began = trio.current_time()
    await made.farewell()
    assert trio.current_time() - began == pytest.approx(2)
    assert counted("opentelemetry_span_exports_total") == 1
    assert counted("opentelemetry_spans_dropped_total") == 2
