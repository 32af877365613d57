"""Rows of `weft.stats.v1` as Linkerd's tables and JSON show them.

One table for each kind, in the order of the kinds' names; names are prefixed (`deploy/web`) where
kinds are mixed. What is not known is `-`, and null in JSON. A kind has the columns that make sense for it.
"""

import json
import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Protocol

from cli.render.columns import Column, columns
from cli.resources import (
    AUTHORITY,
    POD,
    POLICY_SHORT_NAMES,
    ROUTES,
    SERVER,
    SERVICE,
    short_name,
)
from weftapi.stats.v1.stats_pb2 import Requests, Row

MISSING = "-"

_REQUESTS = ("SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99")
_CONNECTIONS = ("TCP_CONN",)
_BYTES = ("READ_BYTES/SEC", "WRITE_BYTES/SEC")
_GUARDS = (*ROUTES, SERVER)
"""Kinds of policy that keep something out."""


class Denied(Protocol):
    """A message that says what was kept out, per second."""

    denied_per_second: float
    connections_denied_per_second: float


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
    heads += [Column(title, left=title == "SERVER") for title in _titles(kind, wide)]
    lines = []
    for row in rows:
        cells = [row.resource.namespace] if namespaces else []
        cells.append(_name(row, mixed))
        cells += [
            *_own_cells(row),
            *requests_cells(row.requests if row.HasField("requests") else None),
        ]
        cells += _tcp(row, wide) if _has_tcp(kind) else []
        lines.append(cells)
    return columns(heads, lines)


def _titles(kind: str, wide: bool) -> list[str]:
    """The columns after the name."""
    own = ["STATUS"] if kind == POD else ["SERVER"] if kind in ROUTES else []
    if kind in _GUARDS:
        own.append("UNAUTHORIZED")
    elif kind not in POLICY_SHORT_NAMES:
        own.append("MESHED")
    tcp = (*_CONNECTIONS, *(_BYTES if wide else ())) if _has_tcp(kind) else ()
    return [*own, *_REQUESTS, *tcp]


def _own_cells(row: Row) -> list[str]:
    """What stands before the requests, in the order of `_titles`."""
    kind = row.resource.kind
    if kind in _GUARDS:
        servers = [", ".join(row.servers) or MISSING] if kind in ROUTES else []
        denied = row.unauthorized
        known = row.HasField("unauthorized")
        return [*servers, unauthorized(denied) if known else MISSING]
    if kind in POLICY_SHORT_NAMES:
        return []
    status = [row.status or MISSING] if kind == POD else []
    return [*status, _meshed(row) or MISSING]


def _has_tcp(kind: str) -> bool:
    """Of the kinds of policy, connections are counted by server alone."""
    return kind == SERVER or kind not in POLICY_SHORT_NAMES


def unauthorized(denied: Denied) -> str:
    """What was kept out: requests, or connections of ports that are not HTTP."""
    if denied.connections_denied_per_second and not denied.denied_per_second:
        return f"{denied.connections_denied_per_second:.1f}cps"
    return f"{denied.denied_per_second:.1f}rps"


def _name(row: Row, mixed: bool) -> str:
    kind = row.resource.kind
    prefix = f"{short_name(kind)}/" if mixed else ""
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
    kind = row.resource.kind
    document: dict[str, Any] = {
        "namespace": row.resource.namespace,
        "kind": kind,
        "name": row.resource.name,
        **_own_fields(row),
        "success": success(row.requests) if served else None,
        "rps": row.requests.rps if served else None,
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
    }
    if _has_tcp(kind):
        document |= {
            "tcp_open_connections": tcp.open_connections if tcp else None,
            "tcp_read_bytes_rate": tcp.read_bytes_per_second if tcp else None,
            "tcp_write_bytes_rate": tcp.write_bytes_per_second if tcp else None,
        }
    if kind == POD:
        document["status"] = row.status
    return document


def _own_fields(row: Row) -> dict[str, Any]:
    """What stands before the requests."""
    kind = row.resource.kind
    if kind in _GUARDS:
        denied = row.unauthorized if row.HasField("unauthorized") else None
        servers = {"servers": list(row.servers)} if kind in ROUTES else {}
        return servers | {
            "unauthorized": denied.denied_per_second if denied else None,
            "connections_unauthorized": denied.connections_denied_per_second if denied else None,
        }
    return {} if kind in (AUTHORITY, SERVICE, *POLICY_SHORT_NAMES) else {"meshed": _meshed(row)}
