"""Messages of `weft.stats.v1` and plain values, both ways."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from web.stats.aggregate import Requests, Row, Tcp
from web.stats.edges import Edge, EdgesAnswer
from web.stats.query import QueryError, Question
from weftapi.stats.v1 import edges_pb2, stats_pb2

Json = Mapping[str, Any]


def read_request(body: bytes) -> Question:
    """Canonical JSON of a StatRequest. Raises QueryError."""
    message = stats_pb2.StatRequest()
    _parse(body, message)
    return Question(
        message.resource.kind,
        message.resource.namespace,
        message.resource.name,
        message.label_selector,
        _seconds(message.window) if message.HasField("window") else None,
        _resource(message.to) if message.HasField("to") else None,
        _resource(getattr(message, "from")) if message.HasField("from") else None,
        message.tcp,
        not message.skip_traffic,
    )


def read_edges_request(body: bytes) -> Question:
    """Canonical JSON of an EdgesRequest. Raises QueryError."""
    message = edges_pb2.EdgesRequest()
    _parse(body, message)
    return Question(
        message.resource.kind,
        message.resource.namespace,
        message.resource.name,
        window=_seconds(message.window) if message.HasField("window") else None,
    )


def write_edges(found: EdgesAnswer) -> Json:
    """An EdgesResponse as canonical JSON."""
    message = edges_pb2.EdgesResponse(
        edges=[_edge(edge) for edge in found.edges],
        window=_duration(found.window),
        observed=_duration(found.observed),
        backend=found.backend,
    )
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def write_response(rows: Iterable[Row], window: float, observed: float, backend: str) -> Json:
    """A StatResponse as canonical JSON, with zeros and empty strings written out."""
    message = stats_pb2.StatResponse(
        rows=[_row(row) for row in rows],
        window=_duration(window),
        observed=_duration(observed),
        backend=backend,
    )
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def _parse(body: bytes, message: Message) -> None:
    try:
        if not isinstance(json.loads(body), dict):  # which the parser takes for an empty message
            raise json_format.ParseError("it is not an object")
        json_format.Parse(body, message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        what = message.DESCRIPTOR.name
        raise QueryError("request", f"not the JSON of a {what}: {error}") from None


def _edge(edge: Edge) -> edges_pb2.Edge:
    message = edges_pb2.Edge(
        client_id=edge.client_id,
        server_id=edge.server_id,
        secured=edge.is_secured,
        no_tls_reason=edge.reason,
    )
    for field, end in (("source", edge.source), ("target", edge.target)):
        if end is not None:
            getattr(message, field).CopyFrom(
                stats_pb2.Resource(namespace=end.namespace, kind=end.kind.value, name=end.name)
            )
    if edge.requests is not None:
        message.requests.CopyFrom(_requests(edge.requests))
    if edge.tcp is not None:
        message.tcp.CopyFrom(_tcp(edge.tcp))
    return message


def _row(row: Row) -> stats_pb2.Row:
    message = stats_pb2.Row(status=row.status)
    message.resource.namespace = row.resource.namespace
    message.resource.kind = row.resource.kind.value
    message.resource.name = row.resource.name
    if row.pods is not None:
        message.pods.CopyFrom(
            stats_pb2.Pods(meshed=row.pods.meshed, running=row.pods.running, failed=row.pods.failed)
        )
    if row.requests is not None:
        message.requests.CopyFrom(_requests(row.requests))
    if row.tcp is not None:
        message.tcp.CopyFrom(_tcp(row.tcp))
    return message


def _requests(requests: Requests) -> stats_pb2.Requests:
    return stats_pb2.Requests(
        success=requests.success,
        failure=requests.failure,
        rps=requests.rps,
        latency_ms_p50=requests.latency.p50,
        latency_ms_p95=requests.latency.p95,
        latency_ms_p99=requests.latency.p99,
    )


def _tcp(tcp: Tcp) -> stats_pb2.Tcp:
    return stats_pb2.Tcp(
        open_connections=tcp.open_connections,
        read_bytes_per_second=tcp.read_rate,
        write_bytes_per_second=tcp.write_rate,
    )


def _resource(message: stats_pb2.Resource) -> tuple[str, str, str]:
    return message.kind, message.namespace, message.name


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
