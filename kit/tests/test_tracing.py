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
