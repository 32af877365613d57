"""Every data-plane metric: its name, kind, help and buckets. Names and buckets are Linkerd's.

Nothing else in the project spells a metric's name: the proxy registers from here, queries are
built from here, and the reference page is generated from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family. `buckets` are upper bounds in the metric's unit, without +Inf."""

    name: str
    kind: Kind
    help: str
    buckets: tuple[float, ...] = ()


_ALL: list[Metric] = []


def _counter(name: str, text: str) -> Metric:
    return _add(Metric(name, Kind.COUNTER, text))


def _gauge(name: str, text: str) -> Metric:
    return _add(Metric(name, Kind.GAUGE, text))


def _histogram(name: str, text: str, *buckets: float) -> Metric:
    return _add(Metric(name, Kind.HISTOGRAM, text, buckets))


def _add(metric: Metric) -> Metric:
    _ALL.append(metric)
    return metric


LATENCY_MS_BUCKETS: tuple[float, ...] = tuple(
    float(digit * scale) for scale in (1, 10, 100, 1000, 10_000) for digit in (1, 2, 3, 4, 5)
)

FRAME_SIZE_BUCKETS: tuple[int, ...] = (128, 1024, 10_240)
"""Bytes."""

# -- HTTP, both directions ----------------------------------------------------------------------
REQUEST_TOTAL = _counter("request_total", "Total count of HTTP requests.")
RESPONSE_TOTAL = _counter("response_total", "Total count of HTTP responses.")
RESPONSE_LATENCY_MS = _histogram(
    "response_latency_ms",
    "Elapsed times between a request's headers being received and its response stream completing.",
    *LATENCY_MS_BUCKETS,
)
ROUTE_REQUEST_TOTAL = _counter("route_request_total", "Total count of HTTP requests per route.")
ROUTE_RESPONSE_TOTAL = _counter("route_response_total", "Total count of HTTP responses per route.")
ROUTE_RESPONSE_LATENCY_MS = _histogram(
    "route_response_latency_ms",
    "Elapsed times between a request's headers being received and its response stream completing, per route.",
    *LATENCY_MS_BUCKETS,
)
ROUTE_ACTUAL_REQUEST_TOTAL = _counter(
    "route_actual_request_total", "Total count of HTTP requests per route, each try counted."
)
ROUTE_ACTUAL_RESPONSE_TOTAL = _counter(
    "route_actual_response_total", "Total count of HTTP responses per route, each try counted."
)
ROUTE_RETRYABLE_TOTAL = _counter(
    "route_retryable_total", "Total count of retryable responses per route."
)

# -- TCP, both directions -----------------------------------------------------------------------
TCP_OPEN_TOTAL = _counter("tcp_open_total", "Total count of opened connections.")
TCP_OPEN_CONNECTIONS = _gauge("tcp_open_connections", "Number of currently-open connections.")
TCP_READ_BYTES_TOTAL = _counter("tcp_read_bytes_total", "Total count of bytes read from peers.")
TCP_WRITE_BYTES_TOTAL = _counter("tcp_write_bytes_total", "Total count of bytes written to peers.")
TCP_CLOSE_TOTAL = _counter("tcp_close_total", "Total count of closed connections.")

# -- inbound ------------------------------------------------------------------------------------
INBOUND_HTTP_AUTHZ_ALLOW_TOTAL = _counter(
    "inbound_http_authz_allow_total",
    "The total number of inbound HTTP requests that were authorized.",
)
INBOUND_HTTP_AUTHZ_DENY_TOTAL = _counter(
    "inbound_http_authz_deny_total", "The total number of inbound HTTP requests that were denied."
)
INBOUND_HTTP_ROUTE_NOT_FOUND_TOTAL = _counter(
    "inbound_http_route_not_found_total",
    "The total number of inbound HTTP requests that could not be associated with a route.",
)
INBOUND_HTTP_LOCAL_RATELIMIT_TOTAL = _counter(
    "inbound_http_local_ratelimit_total",
    "The total number of inbound HTTP requests that could not be processed due to rate limiting.",
)
INBOUND_HTTP_REQUESTS_TOTAL = _counter(
    "inbound_http_requests_total", "Inbound HTTP requests by the route they matched."
)
INBOUND_HTTP_STATUSES_TOTAL = _counter(
    "inbound_http_statuses_total", "Inbound HTTP responses by status."
)
INBOUND_HTTP_REQUEST_DURATION_SECONDS = _histogram(
    "inbound_http_request_duration_seconds",
    "Time between an inbound request's header and the end of its response.",
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0),
)
INBOUND_HTTP_RESPONSE_DURATION_SECONDS = _histogram(
    "inbound_http_response_duration_seconds",
    "Time between the end of an inbound request and the end of its response.",
    *(0.05, 0.5, 1.0, 10.0),
)
INBOUND_HTTP_REQUEST_FRAME_SIZE_BYTES = _histogram(
    "inbound_http_request_frame_size_bytes",
    "Sizes of the pieces in which bodies of inbound HTTP requests came.",
    *FRAME_SIZE_BUCKETS,
)
INBOUND_HTTP_RESPONSE_FRAME_SIZE_BYTES = _histogram(
    "inbound_http_response_frame_size_bytes",
    "Sizes of the pieces in which bodies of inbound HTTP responses came.",
    *FRAME_SIZE_BUCKETS,
)
INBOUND_GRPC_REQUESTS_TOTAL = _counter(
    "inbound_grpc_requests_total", "Inbound gRPC requests by the route they matched."
)
INBOUND_GRPC_STATUSES_TOTAL = _counter(
    "inbound_grpc_statuses_total", "Inbound gRPC responses by gRPC status."
)
INBOUND_GRPC_REQUEST_DURATION_SECONDS = _histogram(
    "inbound_grpc_request_duration_seconds",
    "Time between an inbound request's header and the end of its response.",
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0),
)
INBOUND_GRPC_RESPONSE_DURATION_SECONDS = _histogram(
    "inbound_grpc_response_duration_seconds",
    "Time between the end of an inbound request and the end of its response.",
    *(0.05, 0.5, 1.0, 10.0),
)
INBOUND_GRPC_REQUEST_FRAME_SIZE_BYTES = _histogram(
    "inbound_grpc_request_frame_size_bytes",
    "Sizes of the pieces in which bodies of inbound gRPC requests came.",
    *FRAME_SIZE_BUCKETS,
)
INBOUND_GRPC_RESPONSE_FRAME_SIZE_BYTES = _histogram(
    "inbound_grpc_response_frame_size_bytes",
    "Sizes of the pieces in which bodies of inbound gRPC responses came.",
    *FRAME_SIZE_BUCKETS,
)
INBOUND_TCP_AUTHZ_ALLOW_TOTAL = _counter(
    "inbound_tcp_authz_allow_total",
    "The total number of inbound TCP connections that were authorized.",
)
INBOUND_TCP_AUTHZ_DENY_TOTAL = _counter(
    "inbound_tcp_authz_deny_total", "The total number of inbound TCP connections that were denied."
)
INBOUND_TCP_AUTHZ_TERMINATE_TOTAL = _counter(
    "inbound_tcp_authz_terminate_total",
    "The total number of inbound TCP connections that were terminated because they stopped being authorized.",
)
INBOUND_HTTP_ERRORS_TOTAL = _counter(
    "inbound_http_errors_total",
    "The total number of inbound HTTP requests that the proxy answered with an error.",
)
INBOUND_TCP_ERRORS_TOTAL = _counter(
    "inbound_tcp_errors_total",
    "The total number of inbound TCP connections closed by a proxy error.",
)
INBOUND_TCP_DETECT_HTTP_DURATION_SECONDS = _histogram(
    "inbound_tcp_detect_http_duration_seconds", "Time spent detecting the protocol.", 0.001, 0.1
)
INBOUND_TCP_DETECT_HTTP_RESULTS_TOTAL = _counter(
    "inbound_tcp_detect_http_results_total", "Outcomes of protocol detection."
)
INBOUND_TCP_TRANSPORT_HEADER_CONNECTIONS_TOTAL = _counter(
    "inbound_tcp_transport_header_connections_total",
    "The number of TCP connections that came with a transport header.",
)

# -- outbound -----------------------------------------------------------------------------------
OUTBOUND_HTTP_ERRORS_TOTAL = _counter(
    "outbound_http_errors_total",
    "The total number of outbound HTTP requests that the proxy answered with an error.",
)
OUTBOUND_HTTP_ROUTE_REQUEST_STATUSES_TOTAL = _counter(
    "outbound_http_route_request_statuses_total",
    "HTTP requests of a route by the status the application was answered.",
)
OUTBOUND_HTTP_ROUTE_REQUEST_DURATION_SECONDS = _histogram(
    "outbound_http_route_request_duration_seconds",
    "Time between a request's header and the end of its response, every try included.",
    *(0.05, 0.5, 1.0, 10.0),
)
OUTBOUND_HTTP_ROUTE_REQUEST_FRAME_SIZE_BYTES = _histogram(
    "outbound_http_route_request_frame_size_bytes",
    "Sizes of the pieces in which bodies of a route's HTTP requests came from the application.",
    *FRAME_SIZE_BUCKETS,
)
OUTBOUND_HTTP_ROUTE_BACKEND_REQUESTS_TOTAL = _counter(
    "outbound_http_route_backend_requests_total", "HTTP tries sent to a backend of a route."
)
OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_STATUSES_TOTAL = _counter(
    "outbound_http_route_backend_response_statuses_total",
    "HTTP responses of a backend of a route by status.",
)
OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_DURATION_SECONDS = _histogram(
    "outbound_http_route_backend_response_duration_seconds",
    "Time between the end of a try's request and the end of its response.",
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0),
)
OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_FRAME_SIZE_BYTES = _histogram(
    "outbound_http_route_backend_response_frame_size_bytes",
    "Sizes of the pieces in which bodies of a backend's HTTP responses came.",
    *FRAME_SIZE_BUCKETS,
)
OUTBOUND_HTTP_ROUTE_RETRY_REQUESTS_TOTAL = _counter(
    "outbound_http_route_retry_requests_total", "HTTP requests that were sent once more."
)
OUTBOUND_HTTP_ROUTE_RETRY_SUCCESSES_TOTAL = _counter(
    "outbound_http_route_retry_successes_total",
    "HTTP requests whose last try, which was not the first, was not worth another.",
)
OUTBOUND_HTTP_ROUTE_RETRY_LIMIT_EXCEEDED_TOTAL = _counter(
    "outbound_http_route_retry_limit_exceeded_total",
    "HTTP requests that failed as often as their route lets them be tried.",
)
OUTBOUND_HTTP_ROUTE_RETRY_OVERFLOW_TOTAL = _counter(
    "outbound_http_route_retry_overflow_total",
    "HTTP requests that could not be retried because their body was too large to keep.",
)
OUTBOUND_GRPC_ROUTE_REQUEST_STATUSES_TOTAL = _counter(
    "outbound_grpc_route_request_statuses_total",
    "gRPC requests of a route by the status the application was answered.",
)
OUTBOUND_GRPC_ROUTE_REQUEST_DURATION_SECONDS = _histogram(
    "outbound_grpc_route_request_duration_seconds",
    "Time between a request's header and the end of its response, every try included.",
    *(0.05, 0.5, 1.0, 10.0),
)
OUTBOUND_GRPC_ROUTE_REQUEST_FRAME_SIZE_BYTES = _histogram(
    "outbound_grpc_route_request_frame_size_bytes",
    "Sizes of the pieces in which bodies of a route's gRPC requests came from the application.",
    *FRAME_SIZE_BUCKETS,
)
OUTBOUND_GRPC_ROUTE_BACKEND_REQUESTS_TOTAL = _counter(
    "outbound_grpc_route_backend_requests_total", "gRPC tries sent to a backend of a route."
)
OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_STATUSES_TOTAL = _counter(
    "outbound_grpc_route_backend_response_statuses_total",
    "gRPC responses of a backend of a route by status.",
)
OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_DURATION_SECONDS = _histogram(
    "outbound_grpc_route_backend_response_duration_seconds",
    "Time between the end of a try's request and the end of its response.",
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0),
)
OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_FRAME_SIZE_BYTES = _histogram(
    "outbound_grpc_route_backend_response_frame_size_bytes",
    "Sizes of the pieces in which bodies of a backend's gRPC responses came.",
    *FRAME_SIZE_BUCKETS,
)
OUTBOUND_GRPC_ROUTE_RETRY_REQUESTS_TOTAL = _counter(
    "outbound_grpc_route_retry_requests_total", "gRPC requests that were sent once more."
)
OUTBOUND_GRPC_ROUTE_RETRY_SUCCESSES_TOTAL = _counter(
    "outbound_grpc_route_retry_successes_total",
    "gRPC requests whose last try, which was not the first, was not worth another.",
)
OUTBOUND_GRPC_ROUTE_RETRY_LIMIT_EXCEEDED_TOTAL = _counter(
    "outbound_grpc_route_retry_limit_exceeded_total",
    "gRPC requests that failed as often as their route lets them be tried.",
)
OUTBOUND_GRPC_ROUTE_RETRY_OVERFLOW_TOTAL = _counter(
    "outbound_grpc_route_retry_overflow_total",
    "gRPC requests that could not be retried because their body was too large to keep.",
)
OUTBOUND_HTTP_BALANCER_ENDPOINTS = _gauge(
    "outbound_http_balancer_endpoints",
    "The endpoints of a backend, by whether they can be picked.",
)
OUTBOUND_HTTP_BALANCER_P2C_ENDPOINTS = _gauge(
    "outbound_http_balancer_p2c_endpoints", "The endpoints of a backend that can be picked."
)
OUTBOUND_HTTP_BALANCER_P2C_UPDATES_TOTAL = _counter(
    "outbound_http_balancer_p2c_updates_total",
    "Updates of a backend's endpoints, by what they did.",
)
OUTBOUND_HTTP_BALANCER_QUEUE_LENGTH = _gauge(
    "outbound_http_balancer_queue_length", "Requests that wait for an endpoint."
)
OUTBOUND_HTTP_BALANCER_QUEUE_REQUESTS_TOTAL = _counter(
    "outbound_http_balancer_queue_requests_total",
    "Requests that were given an endpoint, whether or not they had to wait for it.",
)
OUTBOUND_HTTP_BALANCER_QUEUE_LATENCY_SECONDS = _histogram(
    "outbound_http_balancer_queue_latency_seconds",
    "Time that requests waited for an endpoint; nothing where one was ready.",
    *(0.0005, 0.005, 0.05, 0.5, 1, 3),
)
OUTBOUND_HTTP_BALANCER_QUEUE_GATE_OPEN_TOTAL = _counter(
    "outbound_http_balancer_queue_gate_open_total",
    "Times an endpoint was found after the backend had been given up.",
)
OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TOTAL = _counter(
    "outbound_http_balancer_queue_gate_shut_total",
    "Times the backend was given up: no endpoint was ready for the fail-fast time.",
)
OUTBOUND_HTTP_BALANCER_QUEUE_GATE_OPEN_TIME = _gauge(
    "outbound_http_balancer_queue_gate_open_time_seconds",
    "Since when the backend is not given up, in seconds since the epoch; 0 while it is.",
)
OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TIME = _gauge(
    "outbound_http_balancer_queue_gate_shut_time_seconds",
    "Since when the backend is given up, in seconds since the epoch; 0 while it is not.",
)
OUTBOUND_HTTP_BALANCER_QUEUE_GATE_TIMEOUT = _gauge(
    "outbound_http_balancer_queue_gate_timeout_seconds",
    "How long requests wait for an endpoint before the backend is given up.",
)
OUTBOUND_TCP_ERRORS_TOTAL = _counter(
    "outbound_tcp_errors_total",
    "The total number of outbound TCP connections closed by a proxy error.",
)
OUTBOUND_TCP_ROUTE_OPEN_TOTAL = _counter(
    "outbound_tcp_route_open_total", "Connections that a TCP route took."
)
OUTBOUND_TCP_ROUTE_CLOSE_TOTAL = _counter(
    "outbound_tcp_route_close_total", "Connections of TCP routes that ended, by what ended them."
)
OUTBOUND_TLS_ROUTE_OPEN_TOTAL = _counter(
    "outbound_tls_route_open_total", "Connections that a TLS route took."
)
OUTBOUND_TLS_ROUTE_CLOSE_TOTAL = _counter(
    "outbound_tls_route_close_total", "Connections of TLS routes that ended, by what ended them."
)
OUTBOUND_TCP_PROTOCOL_CONNECTIONS_TOTAL = _counter(
    "outbound_tcp_protocol_connections_total", "Outbound TCP connections by protocol configuration."
)
OUTBOUND_TCP_DETECT_HTTP_DURATION_SECONDS = _histogram(
    "outbound_tcp_detect_http_duration_seconds", "Time spent detecting the protocol.", 0.001, 0.1
)
OUTBOUND_TCP_DETECT_HTTP_RESULTS_TOTAL = _counter(
    "outbound_tcp_detect_http_results_total", "Outcomes of protocol detection."
)

# -- the control plane, seen from the proxy -----------------------------------------------------
CONTROL_REQUEST_TOTAL = _counter("control_request_total", "Total count of control-plane requests.")
CONTROL_RESPONSE_TOTAL = _counter(
    "control_response_total", "Total count of control-plane responses."
)
CONTROL_RESPONSE_LATENCY_MS = _histogram(
    "control_response_latency_ms",
    "Elapsed times of control-plane requests.",
    *LATENCY_MS_BUCKETS,
)
OPENTELEMETRY_SPAN_EXPORTS_TOTAL = _counter(
    "opentelemetry_span_exports_total", "Total count of spans that the collector took."
)
OPENTELEMETRY_SPAN_EXPORT_REQUESTS_TOTAL = _counter(
    "opentelemetry_span_export_requests_total", "Total count of exports of spans, by status."
)
OPENTELEMETRY_SPANS_DROPPED_TOTAL = _counter(
    "opentelemetry_spans_dropped_total",
    "Total count of spans lost: too many waited, or the collector did not take them.",
)
CONTROL_IDENTITY_CERT_EXPIRATION = _gauge(
    "control_identity_cert_expiration_timestamp_seconds",
    "When the proxy's current certificate expires, in seconds since the epoch.",
)
CONTROL_IDENTITY_CERT_REFRESH = _gauge(
    "control_identity_cert_refresh_timestamp_seconds",
    "When the proxy's certificate was last refreshed, in seconds since the epoch.",
)
CONTROL_IDENTITY_CERT_REFRESHES_TOTAL = _counter(
    "control_identity_cert_refreshes_total", "Total count of certificate refreshes by result."
)

# -- the process --------------------------------------------------------------------------------
PROXY_BUILD_INFO = _gauge("proxy_build_info", "Proxy build info.")
PROCESS_CPU_SECONDS_TOTAL = _counter(
    "process_cpu_seconds_total", "Total user and system CPU time spent in seconds."
)
PROCESS_RESIDENT_MEMORY_BYTES = _gauge(
    "process_resident_memory_bytes", "Resident memory size in bytes."
)
PROCESS_VIRTUAL_MEMORY_BYTES = _gauge(
    "process_virtual_memory_bytes", "Virtual memory size in bytes."
)
PROCESS_OPEN_FDS = _gauge("process_open_fds", "Number of open file descriptors.")
PROCESS_MAX_FDS = _gauge("process_max_fds", "Maximum number of open file descriptors.")
PROCESS_START_TIME_SECONDS = _gauge(
    "process_start_time_seconds", "When the process started, in seconds since the epoch."
)
PROXY_MEMORY_CEILING_BYTES = _gauge(
    "proxy_memory_ceiling_bytes", "Memory above which the proxy turns new work away."
)
PROXY_MEMORY_SHEDDING = _gauge(
    "proxy_memory_shedding", "1 while new work is turned away because memory is above its ceiling."
)
LABEL_OVERFLOW_TOTAL = _counter(
    "proxy_metrics_label_overflow_total",
    "Series that were folded into one because their family reached its label budget, or responses"
    " ended in too many ways.",
)


def catalogue() -> tuple[Metric, ...]:
    """Every metric, in the order of this page."""
    return tuple(_ALL)
