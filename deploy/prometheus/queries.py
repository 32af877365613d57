"""What is worth knowing of a mesh, as PromQL: the same expressions in rules and on dashboards.

Expressions are about groups of labels (`by`) and a selection (`where`, matchers as text). Rates are over
a minute, which is four scrapes at fifteen seconds.
"""

from weft import metrics as m

WINDOW = "1m"


def requests(where: str, by: str) -> str:
    """Answered requests per second."""
    return f"sum by ({by}) (rate({m.RESPONSE_TOTAL.name}{{{where}}}[{WINDOW}]))"


def success(where: str, by: str) -> str:
    """The part of them that went well, 0 to 1; nothing without requests."""
    good = _and(where, 'classification="success"')
    return f"{requests(good, by)} / ({requests(where, by)} > 0)"


def latency(quantile: float, where: str, by: str) -> str:
    """Milliseconds."""
    return _quantile(quantile, m.RESPONSE_LATENCY_MS.name, where, by)


def connections(where: str, by: str) -> str:
    """Open connections, each end of a proxied one counted."""
    return f"sum by ({by}) ({m.TCP_OPEN_CONNECTIONS.name}{{{where}}})"


def read_bytes(where: str, by: str) -> str:
    """Bytes per second that came."""
    return f"sum by ({by}) (rate({m.TCP_READ_BYTES_TOTAL.name}{{{where}}}[{WINDOW}]))"


def written_bytes(where: str, by: str) -> str:
    """Bytes per second that went."""
    return f"sum by ({by}) (rate({m.TCP_WRITE_BYTES_TOTAL.name}{{{where}}}[{WINDOW}]))"


def secured(where: str, by: str) -> str:
    """The part of requests that came over mutual TLS, 0 to 1."""
    safe = _and(where, 'tls="true"')
    return f"{requests(safe, by)} / ({requests(where, by)} > 0)"


def denied(where: str, by: str) -> str:
    """Requests per second that no policy let in."""
    return f"sum by ({by}) (rate({m.INBOUND_HTTP_AUTHZ_DENY_TOTAL.name}{{{where}}}[{WINDOW}]))"


def errors(side: str, where: str, by: str) -> str:
    """Requests per second that proxies of that side (`inbound`, `outbound`) answered with an error."""
    found = {"inbound": m.INBOUND_HTTP_ERRORS_TOTAL, "outbound": m.OUTBOUND_HTTP_ERRORS_TOTAL}
    return f"sum by ({by}) (rate({found[side].name}{{{where}}}[{WINDOW}]))"


def route_requests(where: str, by: str) -> str:
    """Requests per second that were sent by a route, every try of one together."""
    return f"sum by ({by}) (rate({m.OUTBOUND_HTTP_ROUTE_REQUEST_STATUSES_TOTAL.name}{{{where}}}[{WINDOW}]))"


def route_success(where: str, by: str) -> str:
    """The part of them that was not answered with 500 or above, or with an error, 0 to 1."""
    good = _and(where, 'http_status=~"[1234]..",error=""')
    return f"{route_requests(good, by)} / ({route_requests(where, by)} > 0)"


def route_latency(quantile: float, where: str, by: str) -> str:
    """Seconds."""
    return _quantile(quantile, m.OUTBOUND_HTTP_ROUTE_REQUEST_DURATION_SECONDS.name, where, by)


def tries(where: str, by: str) -> str:
    """Tries per second that routes sent to their backends."""
    return f"sum by ({by}) (rate({m.OUTBOUND_HTTP_ROUTE_BACKEND_REQUESTS_TOTAL.name}{{{where}}}[{WINDOW}]))"


def retries(where: str, by: str) -> str:
    """Tries per second that were not the first."""
    return f"sum by ({by}) (rate({m.OUTBOUND_HTTP_ROUTE_RETRY_REQUESTS_TOTAL.name}{{{where}}}[{WINDOW}]))"


def certificate_left(where: str, by: str) -> str:
    """Seconds until the first of the proxies' certificates expires."""
    return f"min by ({by}) ({m.CONTROL_IDENTITY_CERT_EXPIRATION.name}{{{where}}}) - time()"


def certificate_failures(where: str, by: str) -> str:
    """Certificates that could not be renewed in fifteen minutes."""
    failed = _and(where, 'result="err"')
    return (
        f"sum by ({by}) (increase({m.CONTROL_IDENTITY_CERT_REFRESHES_TOTAL.name}{{{failed}}}[15m]))"
    )


def control_latency(quantile: float, where: str, by: str) -> str:
    """Milliseconds that the control plane's answers take, seen from the proxies."""
    return _quantile(quantile, m.CONTROL_RESPONSE_LATENCY_MS.name, where, by)


def control_calls(where: str, by: str) -> str:
    """Calls per second of proxies to the control plane."""
    return f"sum by ({by}) (rate({m.CONTROL_REQUEST_TOTAL.name}{{{where}}}[{WINDOW}]))"


def proxies(where: str, by: str) -> str:
    """How many proxies there are."""
    return f"count by ({by}) ({m.PROXY_BUILD_INFO.name}{{{where}}})"


def processor(where: str, by: str) -> str:
    """Processors that proxies use."""
    return f"sum by ({by}) (rate({m.PROCESS_CPU_SECONDS_TOTAL.name}{{{where}}}[{WINDOW}]))"


def memory(where: str, by: str) -> str:
    """Bytes that proxies hold."""
    return f"sum by ({by}) ({m.PROCESS_RESIDENT_MEMORY_BYTES.name}{{{where}}})"


def unmeshed(by: str) -> str:
    """Pods that ask for a proxy and run without one, as the injector that leads counts them."""
    return f"sum by ({by}) (proxy_inject_unmeshed_pods)"


def _quantile(quantile: float, family: str, where: str, by: str) -> str:
    buckets = f"sum by (le, {by}) (rate({family}_bucket{{{where}}}[{WINDOW}]))"
    return f"histogram_quantile({quantile:g}, {buckets})"


def _and(*parts: str) -> str:
    return ",".join(part for part in parts if part)
