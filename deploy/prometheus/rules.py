"""Recording and alert rules: groups as Prometheus reads them."""

from collections.abc import Iterator
from typing import Any

from deploy.prometheus import queries

Json = dict[str, Any]

INBOUND = 'direction="inbound"'
ALLOWED = 'error!="unauthorized"'
POD_NAMESPACE = "exported_namespace"
"""The injector tells the namespace of the pods it counts. Prometheus keeps `namespace` for where the injector
itself is, and gives what it told this name."""
WORKLOADS = ("deployment", "statefulset", "daemonset")


def recording() -> Json:
    """Golden signals by namespace and by kind of workload, so that a year of them is cheap to look at."""
    rules = list(_golden("namespace", "namespace", INBOUND))
    for kind in WORKLOADS:
        rules += _golden(kind, f"namespace, {kind}", f'{INBOUND},{kind}!=""')
    return _file("weft-golden-signals", rules)


def alerts() -> Json:
    """What somebody should look at. Thresholds are a beginning: change them to what you promise."""
    return _file(
        "weft-alerts",
        [
            _alert(
                "WeftSuccessRateLow",
                f"{queries.success(INBOUND, 'namespace, deployment')} < 0.95"
                f" and {queries.requests(INBOUND, 'namespace, deployment')} > 0.1",
                "5m",
                "warning",
                "{{ $labels.namespace }}/{{ $labels.deployment }} answers {{ $value | humanizePercentage }} of requests well",
                "`mesh stat deploy -n {{ $labels.namespace }}` and `mesh routes deploy/{{ $labels.deployment }} -n {{ $labels.namespace }}` show what fails.",
            ),
            _alert(
                "WeftLatencyHigh",
                f"{queries.latency(0.99, INBOUND, 'namespace, deployment')} > 1000",
                "10m",
                "warning",
                '1 % of requests to {{ $labels.namespace }}/{{ $labels.deployment }} take more than {{ printf "%.0f" $value }} ms',
                "`mesh top deploy/{{ $labels.deployment }} -n {{ $labels.namespace }}` shows the slow calls.",
            ),
            _alert(
                "WeftTrafficGone",
                f"({queries.requests(INBOUND, 'namespace, deployment')} or 0 * {_an_hour_ago()}) < 0.01"
                f" and {_an_hour_ago()} > 1",
                "10m",
                "warning",
                "{{ $labels.namespace }}/{{ $labels.deployment }} gets no requests, and got some an hour ago",
                "`mesh edges deploy -n {{ $labels.namespace }}` shows who still talks to it.",
            ),
            _alert(
                "WeftProxyErrors",
                f"{queries.errors('outbound', '', 'namespace, error')} > 1"
                f" or {queries.errors('inbound', ALLOWED, 'namespace, error')} > 1",
                "5m",
                "warning",
                'Proxies in {{ $labels.namespace }} answer {{ printf "%.1f" $value }} requests a second with {{ $labels.error }}',
                "The dashboard's page of errors says which, and docs/reference/errors.md what to do.",
            ),
            _alert(
                "WeftRequestsDenied",
                f"{queries.denied('', 'namespace, srv_name')} > 1",
                "5m",
                "info",
                '{{ $labels.namespace }}\'s {{ $labels.srv_name }} keeps out {{ printf "%.1f" $value }} requests a second',
                "`mesh authz deploy -n {{ $labels.namespace }}` shows what policy lets in.",
            ),
            _alert(
                "WeftProxyCertificateExpires",
                f"{queries.certificate_left('', 'namespace, pod')} < 4 * 3600",
                "5m",
                "critical",
                "The certificate of {{ $labels.namespace }}/{{ $labels.pod }} expires in {{ $value | humanizeDuration }}",
                "It should have been renewed hours ago: is the identity service up? `mesh check --proxy` says more.",
            ),
            _alert(
                "WeftProxyCertificateNotRenewed",
                f"{queries.certificate_failures('', 'namespace')} > 3",
                "5m",
                "warning",
                "Proxies in {{ $labels.namespace }} cannot renew their certificates",
                "`mesh check` looks at the identity service and its issuer.",
            ),
            _alert(
                "WeftIssuerExpires",
                "min(issuer_cert_ttl_seconds) < 30 * 86400",
                "1h",
                "critical",
                "The mesh's issuer certificate expires in {{ $value | humanizeDuration }}",
                "docs/how-to/rotate-certificates.md shows how to replace it. When it has expired, no pod can join.",
            ),
            _alert(
                "WeftControlPlaneSlow",
                f"{queries.control_latency(0.99, '', 'addr')} > 1000",
                "10m",
                "warning",
                '1 % of calls to {{ $labels.addr }} take more than {{ printf "%.0f" $value }} ms',
                "New destinations and certificates wait that long. Has the service enough processors and memory?",
            ),
            _alert(
                "WeftPodsUnmeshed",
                f"{queries.unmeshed(POD_NAMESPACE)} > 0",
                "15m",
                "warning",
                f"Pods in {{{{ $labels.{POD_NAMESPACE} }}}} that ask for a proxy and run without one: {{{{ $value }}}}",
                f"`mesh check --proxy -n {{{{ $labels.{POD_NAMESPACE} }}}}` names them and says why; docs/how-to/troubleshoot.md what to do.",
            ),
        ],
    )


def _golden(level: str, by: str, where: str) -> Iterator[Json]:
    yield _record(f"{level}:weft_requests:rate1m", queries.requests(where, by))
    yield _record(f"{level}:weft_success:ratio1m", queries.success(where, by))
    for quantile in (0.5, 0.95, 0.99):
        name = f"{level}:weft_latency_ms:p{quantile * 100:g}"
        yield _record(name, queries.latency(quantile, where, by))
    yield _record(f"{level}:weft_tcp_connections:sum", queries.connections(where, by))


def _an_hour_ago() -> str:
    now = queries.requests(INBOUND, "namespace, deployment")
    return now.replace(f"[{queries.WINDOW}]", f"[{queries.WINDOW}] offset 1h")


def _record(name: str, expression: str) -> Json:
    return {"record": name, "expr": expression}


def _alert(
    name: str, expression: str, lasting: str, severity: str, summary: str, description: str
) -> Json:
    return {
        "alert": name,
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    }


def _file(name: str, rules: list[Json]) -> Json:
    return {"groups": [{"name": name, "interval": "15s", "rules": rules}]}
