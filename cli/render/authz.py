"""Authorizations of `weft.stats.v1` as Linkerd's table and JSON show them."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from cli.render.columns import Column, columns, titled
from cli.render.routes import parent_name, route_name
from cli.render.stats import MISSING, latencies, requests_cells, success, unauthorized
from cli.resources import short_name
from weftapi.stats.v1.authz_pb2 import Authorization

_NUMBERS = ("UNAUTHORIZED", "SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99")


def tables(rows: Sequence[Authorization], *, namespaces: bool) -> str:
    """One table for each resource, with its name above where there are several."""
    groups = [(key, list(some)) for key, some in groupby(_ordered(rows), key=_resource)]
    if len(groups) == 1:
        return _table(groups[0][1])
    return "\n".join(
        titled(f"{home}/{name}" if namespaces and home else name, _table(some))
        for (home, name), some in groups
    )


def json_text(rows: Sequence[Authorization]) -> str:
    """An array of one object for each row; see `mesh authz --help` for the fields."""
    return json.dumps([_document(row) for row in _ordered(rows)], indent=2) + "\n"


def _table(rows: Sequence[Authorization]) -> str:
    heads = [Column(title, left=True) for title in ("ROUTE", "SERVER", "AUTHORIZATION")]
    heads += [Column(title) for title in _NUMBERS]
    return columns(heads, [_line(row) for row in rows])


def _line(row: Authorization) -> list[str]:
    requests = row.requests if row.HasField("requests") else None
    return [
        _route(row) or MISSING,
        parent_name(row.server),
        _authorization(row),
        unauthorized(row),
        *requests_cells(requests),
    ]


def _document(row: Authorization) -> dict[str, Any]:
    has = row.HasField("requests")
    p50, p95, p99 = latencies(row.requests) if has else [None] * 3
    return {
        "namespace": row.resource.namespace,
        "kind": row.resource.kind,
        "name": row.resource.name,
        "route": _route(row),
        "server": parent_name(row.server),
        "authorization": _authorization(row),
        "unauthorized": row.denied_per_second,
        "allowed": row.allowed_per_second,
        "connections_unauthorized": row.connections_denied_per_second,
        "connections_allowed": row.connections_allowed_per_second,
        "success": success(row.requests) if has else None,
        "rps": row.requests.rps if has else None,
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
    }


def _resource(row: Authorization) -> tuple[str, str]:
    kind = row.resource.kind
    return row.resource.namespace, f"{short_name(kind)}/{row.resource.name}"


def _ordered(rows: Sequence[Authorization]) -> list[Authorization]:
    return sorted(
        rows,
        key=lambda row: (
            *_resource(row),
            parent_name(row.server),
            _route(row),
            _authorization(row),
        ),
    )


def _route(row: Authorization) -> str:
    return route_name(row.route) if row.HasField("route") else ""


def _authorization(row: Authorization) -> str:
    """`authorizationpolicy/web-only`."""
    if not row.HasField("authorization"):
        return ""
    return f"{row.authorization.kind}/{row.authorization.name}"
