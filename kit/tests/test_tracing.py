"""Spans, when somebody collects them."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kit import tracing


def test_without_a_collector_a_span_is_nothing() -> None:
    with tracing.exporting("identity", None), tracing.span("step", size=1):
        assert tracing._tracer is None


def test_spans_are_exported_and_failures_marked() -> None:
    exporter = InMemorySpanExporter()
    with tracing.exporting("identity", None, exporter):
        with tracing.span("good", size=1):
            pass
        with pytest.raises(RuntimeError), tracing.span("bad"):
            raise RuntimeError("why")
    good, bad = exporter.get_finished_spans()
    assert (good.name, good.attributes, good.status.is_ok) == ("good", {"size": 1}, True)
    assert (bad.name, bad.status.is_ok) == ("bad", False)
    assert good.resource.attributes["service.name"] == "identity"


TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_call_is_part_of_its_caller_s_trace() -> None:
    exporter = InMemorySpanExporter()
    metadata: list[tuple[str, str | bytes]] = [
        ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),
        ("binary-bin", b"x"),
    ]
    with tracing.exporting("identity", None, exporter):
        with tracing.call("Identity/Certify", lambda: metadata), tracing.span("step"):
            pass
        with tracing.call("Identity/Certify", list):
            pass
    step, call, alone = exporter.get_finished_spans()
    assert (call.name, call.kind.name) == ("Identity/Certify", "SERVER")
    assert f"{call.context.trace_id:032x}" == TRACE
    assert call.parent is not None
    assert f"{call.parent.span_id:016x}" == "b7ad6b7169203331"
    assert step.parent == call.context
    assert alone.parent is None


def test_without_a_collector_metadata_is_not_even_read() -> None:
    def metadata() -> list[tuple[str, str | bytes]]:
        raise AssertionError

    with tracing.exporting("identity", None), tracing.call("Identity/Certify", metadata):
        pass


@pytest.mark.parametrize(("status", "failed"), [(200, False), (404, False), (503, True)])
def test_an_http_call_has_its_route_and_status(status: int, failed: bool) -> None:
    exporter = InMemorySpanExporter()
    headers = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]
    with (
        tracing.exporting("web", None, exporter),
        tracing.http_call("POST", "/api/v1/stat", lambda: headers) as answered,
    ):
        answered(status)
    (call,) = exporter.get_finished_spans()
    assert (call.name, call.kind.name) == ("POST /api/v1/stat", "SERVER")
    assert f"{call.context.trace_id:032x}" == TRACE
    assert call.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/stat",
        "http.response.status_code": status,
    }
    assert (call.status.status_code.name == "ERROR") is failed


def test_without_a_collector_headers_are_not_even_read() -> None:
    def headers() -> list[tuple[str, str]]:
        raise AssertionError

    with (
        tracing.exporting("web", None),
        tracing.http_call("POST", "/", headers) as answered,
    ):
        answered(200)
