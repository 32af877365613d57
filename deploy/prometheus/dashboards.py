"""Grafana dashboards, as the JSON that Grafana imports (schema 39)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.prometheus import queries

Json = dict[str, Any]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
INBOUND = 'direction="inbound"'
WIDTH, HEIGHT = 24, 8
"""Of the grid, and of a panel on it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph: expressions by what their lines are called, in a unit of Grafana's."""

    title: str
    unit: str
    lines: Sequence[tuple[str, str]]  # expression, legend
    description: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`variables` are label names by the metric that has them, each depending on those before."""

    uid: str
    title: str
    variables: Sequence[tuple[str, str]]  # name, query
    panels: Sequence[Panel]


def dashboards() -> tuple[Dashboard, ...]:
    return (_namespace(), _workload(), _route(), _control_plane())


def render(found: Dashboard) -> Json:
    """What Grafana imports."""
    return {
        "uid": found.uid,
        "title": found.title,
        "tags": ["weft"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "templating": {"list": [_data_source(), *(_variable(*one) for one in found.variables)]},
        "panels": [_panel(index, one) for index, one in enumerate(found.panels)],
    }


def _golden(where: str, by: str, legend: str) -> Iterator[Panel]:
    yield Panel("Success rate", "percentunit", [(queries.success(where, by), legend)])
    yield Panel("Requests per second", "reqps", [(queries.requests(where, by), legend)])
    yield Panel(
        "Latency",
        "ms",
        [
            (queries.latency(one, where, by), f"{legend} p{one * 100:g}")
            for one in (0.5, 0.95, 0.99)
        ],
    )


def _tcp(where: str, by: str, legend: str) -> Iterator[Panel]:
    yield Panel("Open connections", "short", [(queries.connections(where, by), legend)])
    yield Panel(
        "Bytes",
        "Bps",
        [
            (queries.read_bytes(f'{where},peer="src"', by), f"{legend} read"),
            (queries.written_bytes(f'{where},peer="src"', by), f"{legend} written"),
        ],
    )


def _namespace() -> Dashboard:
    home = 'namespace=~"$namespace"'
    where = f"{home},{INBOUND}"
    by, legend = "namespace, deployment", "{{namespace}}/{{deployment}}"
    return Dashboard(
        "weft-namespace",
        "Weft: namespaces",
        [("namespace", "label_values(proxy_build_info, namespace)")],
        [
            *_golden(where, by, legend),
            *_tcp(where, by, legend),
            Panel(
                "Requests over mutual TLS",
                "percentunit",
                [(queries.secured(where, "namespace"), "{{namespace}}")],
            ),
            Panel(
                "Requests that policy kept out",
                "reqps",
                [(queries.denied(home, "namespace, srv_name"), "{{namespace}} {{srv_name}}")],
            ),
            Panel("Proxies", "short", [(queries.proxies(home, "namespace"), "{{namespace}}")]),
        ],
    )


def _workload() -> Dashboard:
    own = 'namespace="$namespace",deployment="$deployment"'
    sent = f'{own},direction="outbound"'
    return Dashboard(
        "weft-workload",
        "Weft: workload",
        [
            ("namespace", "label_values(proxy_build_info, namespace)"),
            ("deployment", 'label_values(proxy_build_info{namespace="$namespace"}, deployment)'),
        ],
        [
            *_golden(f"{own},{INBOUND}", "pod", "{{pod}}"),
            Panel(
                "Success rate of what it sends",
                "percentunit",
                [(queries.success(sent, "dst_deployment"), "{{dst_deployment}}")],
            ),
            Panel(
                "What it sends",
                "reqps",
                [(queries.requests(sent, "dst_deployment"), "{{dst_deployment}}")],
            ),
            Panel(
                "Latency of what it sends",
                "ms",
                [(queries.latency(0.95, sent, "dst_deployment"), "{{dst_deployment}} p95")],
            ),
            *_tcp(f"{own},{INBOUND}", "pod", "{{pod}}"),
            Panel(
                "Errors of its proxies",
                "reqps",
                [(queries.errors("inbound", own, "error"), "inbound {{error}}")],
                "docs/reference/errors.md says what each means.",
            ),
            Panel("Proxies' processors", "short", [(queries.processor(own, "pod"), "{{pod}}")]),
            Panel("Proxies' memory", "bytes", [(queries.memory(own, "pod"), "{{pod}}")]),
        ],
    )


def _route() -> Dashboard:
    own = 'namespace="$namespace"'
    to, legend = "parent_name, route_name", "{{parent_name}} {{route_name}}"
    served = f"{own},{INBOUND}"
    by, at = "deployment, srv_name, route_name", "{{deployment}} {{srv_name}} {{route_name}}"
    return Dashboard(
        "weft-route",
        "Weft: routes",
        [("namespace", "label_values(proxy_build_info, namespace)")],
        [
            Panel("Served: success rate", "percentunit", [(queries.success(served, by), at)]),
            Panel("Served: requests per second", "reqps", [(queries.requests(served, by), at)]),
            Panel("Served: latency", "ms", [(queries.latency(0.95, served, by), f"{at} p95")]),
            Panel("Sent: success rate", "percentunit", [(queries.route_success(own, to), legend)]),
            Panel(
                "Sent: requests, and tries",
                "reqps",
                [
                    (queries.route_requests(own, to), legend),
                    (queries.tries(own, to), f"{legend} tries"),
                    (queries.retries(own, to), f"{legend} retries"),
                ],
                "Where retries are configured, there are more tries than requests.",
            ),
            Panel("Sent: latency", "s", [(queries.route_latency(0.95, own, to), f"{legend} p95")]),
        ],
    )


def _control_plane() -> Dashboard:
    own = 'namespace="$mesh"'
    where = f"{own},{INBOUND}"
    return Dashboard(
        "weft-control-plane",
        "Weft: control plane",
        [("mesh", 'label_values(proxy_build_info{namespace=~"weft.*"}, namespace)')],
        [
            *_golden(where, "deployment", "{{deployment}}"),
            Panel(
                "Calls of proxies",
                "reqps",
                [(queries.control_calls("", "addr"), "{{addr}}")],
            ),
            Panel(
                "How long proxies wait for answers",
                "ms",
                [(queries.control_latency(0.95, "", "addr"), "{{addr}} p95")],
            ),
            Panel(
                "The next certificate expires in",
                "s",
                [(queries.certificate_left("", "namespace"), "{{namespace}}")],
                "Proxies renew theirs after 70 % of its life.",
            ),
            Panel("Proxies by version", "short", [(queries.proxies("", "version"), "{{version}}")]),
            Panel("Processors", "short", [(queries.processor(own, "pod"), "{{pod}}")]),
            Panel("Memory", "bytes", [(queries.memory(own, "pod"), "{{pod}}")]),
        ],
    )


def _panel(index: int, found: Panel) -> Json:
    across = 3
    width = WIDTH // across
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": found.title,
        "description": found.description,
        "datasource": SOURCE,
        "gridPos": {
            "x": index % across * width,
            "y": index // across * HEIGHT,
            "w": width,
            "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": found.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for number, (expression, legend) in enumerate(found.lines)
        ],
    }


def _data_source() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }


def _variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "includeAll": name == "namespace",
        "multi": False,
    }
