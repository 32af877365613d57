"""Messages of `weft.stats.v1` and plain values, both ways."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from web.stats.aggregate import Requests, Row, Tcp
from web.stats.query import QueryError, Question
from weftapi.stats.v1 import stats_pb2

Json = Mapping[str, Any]


def read_request(body: bytes) -> Question:
    """Canonical JSON of a StatRequest. Raises QueryError."""
    message = stats_pb2.StatRequest()
    try:
        if not isinstance(json.loads(body), dict):  # which the parser takes for an empty message
            raise json_format.ParseError("it is not an object")
        json_format.Parse(body, message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise QueryError("request", f"not the JSON of a StatRequest: {error}") from None
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


def write_response(rows: Iterable[Row], window: float, observed: float, backend: str) -> Json:
    """A StatResponse as canonical JSON, with zeros and empty strings written out."""
    message = stats_pb2.StatResponse(
        rows=[_row(row) for row in rows],
        window=_duration(window),
        observed=_duration(observed),
        backend=backend,
    )
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


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
