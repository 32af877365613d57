"""Spans of control-plane work, exported over OTLP/gRPC when a collector is named.

Without one nothing is imported and `span` costs a function call.
"""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

_tracer: Tracer | None = None


@contextmanager
def exporting(
    component: str, collector: str | None, exporter: SpanExporter | None = None
) -> Iterator[None]:
    """Exports spans while the block runs, and flushes at its end. `exporter` is for tests."""
    global _tracer
    if collector is None and exporter is None:
        yield
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if exporter is None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=collector, insecure=True)
    provider = TracerProvider(resource=Resource.create({"service.name": component}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("weft")
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()


@contextmanager
def span(name: str, **attributes: str | float | bool) -> Iterator[None]:
    """One step of work; an exception marks it failed."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, attributes=attributes):
        yield


@contextmanager
def call(name: str, metadata: Callable[[], Iterable[tuple[str, str | bytes]]]) -> Iterator[None]:
    """One call that is being served; in the caller's trace, when its metadata names one."""
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {key: value for key, value in metadata() if isinstance(value, str)}
    parent = TraceContextTextMapPropagator().extract(carrier)
    with _tracer.start_as_current_span(name, parent, SpanKind.SERVER):
        yield


@contextmanager
def http_call(
    method: str, path: str, headers: Callable[[], Iterable[tuple[str, str]]]
) -> Iterator[Callable[[int], None]]:
    """One HTTP request that is being served; what is yielded is told the status of its answer.

    `path` is the route's, not what was asked for: names of spans are few.
    """
    if _tracer is None:
        yield _untold
        return
    with call(f"{method} {path}", headers):
        from opentelemetry.trace import get_current_span
        from opentelemetry.trace.status import StatusCode

        current = get_current_span()
        current.set_attributes({"http.request.method": method, "http.route": path})

        def answered(status: int) -> None:
            current.set_attribute("http.response.status_code", status)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                current.set_status(StatusCode.ERROR)

        yield answered


def _untold(status: int) -> None:
    """Nobody collects."""
