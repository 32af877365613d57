"""Counts and latencies of HTTP requests. One `RequestMetrics` per (route, endpoint, TLS) label set.

metrics = http.requests(labels)         # when the route or connection is set up
metrics.request.value += 1              # a request began
count, latency = metrics.response(200, True)
count.value += 1
latency.observe(milliseconds)           # its response ended
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.metrics import REQUEST_TOTAL, RESPONSE_LATENCY_MS, RESPONSE_TOTAL

if TYPE_CHECKING:
    from proxy.telemetry.registry import Counter, Family, Histogram, Labels, Registry

_Key = tuple[int, bool, int | None, str | None]


class RequestMetrics:
    """The series of one label set; responses are resolved once per outcome."""

    __slots__ = ("_counts", "_labels", "_latencies", "_outcomes", "request")

    def __init__(
        self,
        requests: Family[Counter],
        counts: Family[Counter],
        latencies: Family[Histogram],
        labels: Labels,
    ) -> None:
        self.request = requests.child(labels)
        self._counts = counts
        self._latencies = latencies
        self._labels = labels
        self._outcomes: dict[_Key, tuple[Counter, Histogram]] = {}

    def response(
        self,
        status_code: int,
        success: bool,
        grpc_status: int | None = None,
        error: str | None = None,
    ) -> tuple[Counter, Histogram]:
        """Where to count a response that ended.

        `status_code` 0 means that none was sent. `success` is the classification. `grpc_status` is
        None for anything that is not gRPC; `error` names the fault of a response made here.
        """
        key = (status_code, success, grpc_status, error)
        found = self._outcomes.get(key)
        if found is None:
            found = self._outcomes[key] = self._resolve(*key)
        return found

    def _resolve(
        self, status_code: int, success: bool, grpc_status: int | None, error: str | None
    ) -> tuple[Counter, Histogram]:
        status: Labels = (("status_code", str(status_code)),) if status_code else ()
        outcome: Labels = (("classification", "success" if success else "failure"),)
        if grpc_status is not None:
            outcome += (("grpc_status", str(grpc_status)),)
        if error is not None:
            outcome += (("error", error),)
        labels = self._labels + status
        return self._counts.child(labels + outcome), self._latencies.child(labels)


class HttpMetrics:
    """The three families of requests, and the label sets met so far."""

    def __init__(self, registry: Registry) -> None:
        self._requests = registry.counter(REQUEST_TOTAL)
        self._counts = registry.counter(RESPONSE_TOTAL)
        self._latencies = registry.histogram(RESPONSE_LATENCY_MS)

    def requests(self, labels: Labels) -> RequestMetrics:
        """Resolve a label set: `direction`, `target_*`, TLS, server and route, or `dst_*`.

        Hold on to the answer: it keeps its series alive, and its outcomes resolved.
        """
        return RequestMetrics(self._requests, self._counts, self._latencies, labels)
