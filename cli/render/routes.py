"""Routes of `weft.stats.v1` as Linkerd's tables and JSON show them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cli.render.columns import Column, columns, titled
from cli.render.stats import MISSING, latencies, success
from cli.resources import short_name
from weftapi.stats.v1.routes_pb2 import Policy, Route

DEFAULT = "[DEFAULT]"
OUTBOUND = "outbound"
_LATENCY = ("LATENCY_P50", "LATENCY_P95", "LATENCY_P99")
_EFFECTIVE = ("EFFECTIVE_SUCCESS", "EFFECTIVE_RPS", "ACTUAL_SUCCESS", "ACTUAL_RPS")

Routes = Mapping[str, Sequence[Route]]
"""By resource, as in `deploy/web`."""


def by_resource(routes: Iterable[Route]) -> Routes:
    """Resources in order of their names, each with its routes in order of theirs."""
    found: dict[str, list[Route]] = {}
    for route in routes:
        kind = route.resource.kind
        found.setdefault(f"{short_name(kind)}/{route.resource.name}", []).append(route)
    return {name: sorted(found[name], key=_order) for name in sorted(found)}


def tables(found: Routes, *, wide: bool) -> str:
    """One table for each resource, with its name above where there are several."""
    if len(found) == 1:
        return "".join(_table(routes, wide) for routes in found.values())
    return "\n".join(titled(name, _table(routes, wide)) for name, routes in found.items())


def json_text(found: Routes) -> str:
    """An object of arrays; see `mesh routes --help` for the fields."""
    documents = {name: [_document(route) for route in routes] for name, routes in found.items()}
    return json.dumps(documents, indent=2) + "\n"


def _table(routes: Sequence[Route], wide: bool) -> str:
    outbound = any(route.direction == OUTBOUND for route in routes)
    apart = wide and outbound
    heads = [Column("ROUTE", left=True), Column("SERVICE" if outbound else "SERVER", left=True)]
    heads += [
        Column(title) for title in (*(_EFFECTIVE if apart else ("SUCCESS", "RPS")), *_LATENCY)
    ]
    return columns(heads, [_line(route, apart) for route in routes])


def _line(route: Route, apart: bool) -> list[str]:
    has, tried = route.HasField("requests"), apart and route.HasField("actual")
    effective = (
        [f"{success(route.requests) * 100:.2f}%", f"{route.requests.rps:.1f}rps"]
        if has
        else [MISSING, MISSING]
    )
    actual = (
        [f"{success(route.actual) * 100:.2f}%", f"{route.actual.rps:.1f}rps"]
        if tried
        else [MISSING, MISSING]
    )
    times = latencies(route.requests) if has else [None] * 3
    return [
        route_name(route.route),
        parent_name(route.parent),
        *effective,
        *(actual if apart else ()),
        *(MISSING if ms is None else f"{ms}ms" for ms in times),
    ]


def _document(route: Route) -> dict[str, Any]:
    has, tried = route.HasField("requests"), route.HasField("actual")
    p50, p95, p99 = latencies(route.requests) if has else [None] * 3
    return {
        "route": route_name(route.route),
        "service": parent_name(route.parent),
        "effective_success": success(route.requests) if has else None,
        "effective_rps": route.requests.rps if has else None,
        "actual_success": success(route.actual) if tried else None,
        "actual_rps": route.actual.rps if tried else None,
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
    }


def route_name(route: Policy) -> str:
    """What a route is called; `[DEFAULT]` for what no object of policy stands behind."""
    return DEFAULT if route.kind == "default" or not route.name else route.name


def parent_name(parent: Policy) -> str:
    """`voting-svc:8080`, `default:all-unauthenticated`."""
    if parent.kind == "default":
        return f"default:{parent.name}"
    return f"{parent.name}:{parent.port}" if parent.port else parent.name or MISSING


def _order(route: Route) -> tuple[str, bool, str]:
    name = route_name(route.route)
    return parent_name(route.parent), name == DEFAULT, name
