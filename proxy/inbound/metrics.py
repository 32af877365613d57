"""The inbound side's families of requests: per client and authorization, and per route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.stack.meta import route_labels
from proxy.telemetry import labels
from proxy.telemetry.request import HttpMetrics, Statuses
from weft import metrics
from weft.classification import is_success

if TYPE_CHECKING:
    from proxy.stack.meta import Meta
    from proxy.telemetry.registry import Labels, Registry
    from proxy.telemetry.request import RequestMetrics


class InboundMetrics:
    """Resolves label sets; nothing in here is called for a request."""

    def __init__(self, registry: Registry) -> None:
        self._http = HttpMetrics(registry)
        self._families = {
            False: (
                registry.counter(metrics.INBOUND_HTTP_REQUESTS_TOTAL),
                registry.counter(metrics.INBOUND_HTTP_STATUSES_TOTAL),
                registry.histogram(metrics.INBOUND_HTTP_REQUEST_DURATION_SECONDS),
                registry.histogram(metrics.INBOUND_HTTP_RESPONSE_DURATION_SECONDS),
                registry.histogram(metrics.INBOUND_HTTP_REQUEST_FRAME_SIZE_BYTES),
                registry.histogram(metrics.INBOUND_HTTP_RESPONSE_FRAME_SIZE_BYTES),
            ),
            True: (
                registry.counter(metrics.INBOUND_GRPC_REQUESTS_TOTAL),
                registry.counter(metrics.INBOUND_GRPC_STATUSES_TOTAL),
                registry.histogram(metrics.INBOUND_GRPC_REQUEST_DURATION_SECONDS),
                registry.histogram(metrics.INBOUND_GRPC_RESPONSE_DURATION_SECONDS),
                registry.histogram(metrics.INBOUND_GRPC_REQUEST_FRAME_SIZE_BYTES),
                registry.histogram(metrics.INBOUND_GRPC_RESPONSE_FRAME_SIZE_BYTES),
            ),
        }

    def route(self, named: Labels, parent: Meta, route: Meta, *, grpc: bool) -> RequestMetrics:
        """Requests with these labels, and of this route of a port's policy."""
        requests, statuses, durations, waits, request_sizes, response_sizes = self._families[grpc]
        view = Statuses(
            route_labels(parent, route),
            requests,
            statuses,
            durations,
            waits=waits,
            request_sizes=request_sizes,
            response_sizes=response_sizes,
            grpc=grpc,
        )
        return self._http.requests(labels.INBOUND + named, view, classify=is_success)
