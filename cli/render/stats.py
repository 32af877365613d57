"""Rows of `weft.stats.v1` as Linkerd's tables and JSON show them.

One table for each kind, in the order of the kinds' names; names are prefixed (`deploy/web`) where
kinds are mixed. What is not known is `-`, and null in JSON.
"""

import json
import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from cli.render.columns import Column, columns
from cli.resources import AUTHORITY, POD, SERVICE, SHORT_NAMES
from weftapi.stats.v1.stats_pb2 import Requests, Row

MISSING = "-"

_TRAFFIC = ("SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99", "TCP_CONN")
_BYTES = ("READ_BYTES/SEC", "WRITE_BYTES/SEC")


def shown(rows: Sequence[Row], *, unmeshed: bool) -> list[Row]:
    """Without `unmeshed`, only resources with a meshed pod, and those that own no pods."""
    return [row for row in rows if unmeshed or not row.HasField("pods") or row.pods.meshed]


def tables(rows: Sequence[Row], *, namespaces: bool, wide: bool) -> str:
    """The tables, a blank line between them. `namespaces`: with a column for them."""
    ordered = _ordered(rows)
    mixed = len({row.resource.kind for row in ordered}) > 1
    widest = max((len(_name(row, mixed)) for row in ordered), default=0)
    return "\n".join(
        _table(kind, list(some), mixed=mixed, widest=widest, namespaces=namespaces, wide=wide)
        for kind, some in groupby(ordered, key=lambda row: row.resource.kind)
    )


def json_text(rows: Sequence[Row]) -> str:
    """An array of one object for each row; see `mesh stat --help` for the fields."""
    return json.dumps([_document(row) for row in _ordered(rows)], indent=2) + "\n"


def _ordered(rows: Sequence[Row]) -> list[Row]:
    return sorted(
        rows, key=lambda row: (row.resource.kind, row.resource.namespace, row.resource.name)
    )


def _table(
    kind: str, rows: list[Row], *, mixed: bool, widest: int, namespaces: bool, wide: bool
) -> str:
    heads = [Column("NAMESPACE", left=True)] if namespaces else []
    heads.append(Column("NAME", left=True, min_width=widest))
    heads += [Column("STATUS")] if kind == POD else []
    heads += [Column(title) for title in ("MESHED", *_TRAFFIC, *(_BYTES if wide else ()))]
    lines = []
    for row in rows:
        cells = [row.resource.namespace] if namespaces else []
        cells.append(_name(row, mixed))
        cells += [row.status or MISSING] if kind == POD else []
        cells += [
            _meshed(row) or MISSING,
            *requests_cells(row.requests if row.HasField("requests") else None),
            *_tcp(row, wide),
        ]
        lines.append(cells)
    return columns(heads, lines)


def _name(row: Row, mixed: bool) -> str:
    kind = row.resource.kind
    prefix = f"{SHORT_NAMES.get(kind, kind)}/" if mixed else ""
    return prefix + row.resource.name


def _meshed(row: Row) -> str | None:
    return f"{row.pods.meshed}/{row.pods.running}" if row.HasField("pods") else None


def requests_cells(requests: Requests | None) -> list[str]:
    """Success, rate and three latencies."""
    if requests is None:
        return [MISSING] * 5
    return [
        f"{success(requests) * 100:.2f}%",
        f"{requests.rps:.1f}rps",
        *(MISSING if ms is None else f"{ms}ms" for ms in latencies(requests)),
    ]


def _tcp(row: Row, wide: bool) -> list[str]:
    if not row.HasField("tcp"):
        return [MISSING] * (3 if wide else 1)
    rates = (row.tcp.read_bytes_per_second, row.tcp.write_bytes_per_second) if wide else ()
    return [str(row.tcp.open_connections), *(f"{rate:.1f}B/s" for rate in rates)]


def success(requests: Requests) -> float:
    """From 0 to 1."""
    return requests.success / (requests.success + requests.failure)


def latencies(requests: Requests) -> list[int | None]:
    """Whole milliseconds of the three quantiles, halves rounded up."""
    fields = ("latency_ms_p50", "latency_ms_p95", "latency_ms_p99")
    return [
        math.floor(getattr(requests, field) + 0.5) if requests.HasField(field) else None
        for field in fields
    ]


def _document(row: Row) -> dict[str, Any]:
    served = row.HasField("requests")
    p50, p95, p99 = latencies(row.requests) if served else [None] * 3
    tcp = row.tcp if row.HasField("tcp") else None
    document: dict[str, Any] = {
        "namespace": row.resource.namespace,
        "kind": row.resource.kind,
        "name": row.resource.name,
        "meshed": _meshed(row),
        "success": success(row.requests) if served else None,
        "rps": row.requests.rps if served else None,
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
        "tcp_open_connections": tcp.open_connections if tcp else None,
        "tcp_read_bytes_rate": tcp.read_bytes_per_second if tcp else None,
        "tcp_write_bytes_rate": tcp.write_bytes_per_second if tcp else None,
    }
    if row.resource.kind in (AUTHORITY, SERVICE):
        del document["meshed"]
    if row.resource.kind == POD:
        document["status"] = row.status
    return document
