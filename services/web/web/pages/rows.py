"""Rows and edges as the browser gets them: short names, numbers as numbers."""

from collections.abc import Mapping
from typing import Any

from web.stats.aggregate import Requests, Row, Tcp
from web.stats.backend import Provenance
from web.stats.edges import Edge
from web.stats.links import End
from web.stats.policies import Policy
from web.stats.query import Ref
from web.stats.routes import Route

Json = dict[str, Any]


def row(found: Row) -> Json:
    """`requests` and `tcp` are null when nothing is known of them."""
    return {
        **ref(found.resource),
        "status": found.status,
        "pods": None
        if found.pods is None
        else {
            "meshed": found.pods.meshed,
            "running": found.pods.running,
            "failed": found.pods.failed,
        },
        "requests": requests(found.requests),
        "tcp": tcp(found.tcp),
    }


def edge(found: Edge) -> Json:
    """`source` is null when the sender is not in the mesh."""
    return {
        "source": None if found.source is None else end(found.source),
        "target": end(found.target),
        "clientId": found.client_id,
        "serverId": found.server_id,
        "secured": found.is_secured,
        "reason": found.reason,
        "requests": requests(found.requests),
        "tcp": tcp(found.tcp),
    }


def route(found: Route) -> Json:
    """`actual` counts tries; null where there are none."""
    return {
        "resource": ref(found.resource),
        "direction": found.direction,
        "parent": policy(found.parent),
        "route": policy(found.route),
        "requests": requests(found.requests),
        "actual": requests(found.actual),
    }


def policy(found: Policy) -> Json:
    return {
        "kind": found.kind,
        "namespace": found.namespace,
        "name": found.name,
        "port": found.port,
    }


def source(found: Provenance) -> Json:
    """`since` in epoch seconds, null before the first number; `fallbackReason` is empty unless a
    Prometheus is configured and something else answered."""
    return {
        "backend": found.backend,
        "since": found.since,
        "fallbackReason": found.fallback_reason,
    }


def ref(found: Ref) -> Json:
    return {"kind": found.kind.value, "namespace": found.namespace, "name": found.name}


def end(found: End) -> Json:
    return {"kind": found.kind.value, "namespace": found.namespace, "name": found.name}


def requests(found: Requests | None) -> Json | None:
    """Latencies in milliseconds; null when none was measured."""
    if found is None:
        return None
    return {
        "success": found.success,
        "failure": found.failure,
        "rps": found.rps,
        "p50": found.latency.p50,
        "p95": found.latency.p95,
        "p99": found.latency.p99,
    }


def tcp(found: Tcp | None) -> Json | None:
    """Rates in bytes per second."""
    if found is None:
        return None
    return {
        "open": found.open_connections,
        "read": found.read_rate,
        "write": found.write_rate,
    }


def key(found: Mapping[str, Any]) -> str:
    """What names a row within a page; the browser spells it in the same way."""
    return f"{found['kind']}/{found['namespace']}/{found['name']}"
