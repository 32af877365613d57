"""The outbound side's families, and the faces a request shows in them: route, backend, profile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from proxy.net.failure import Failure
from proxy.stack.meta import route_labels
from proxy.telemetry import labels
from proxy.telemetry.request import Classified, HttpMetrics, Statuses
from weft import errors, metrics
from weft.addresses import SocketAddress
from weft.classification import is_success

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.discovery.destination import Destination
    from proxy.stack.meta import Meta
    from proxy.telemetry.registry import Counter, Family, Labels, Registry
    from proxy.telemetry.request import Classify, RequestMetrics, View


class RetryMetrics:
    """What became of retries on one route. Retries are rare: each look-up is made when it is due."""

    __slots__ = ("_families", "_labels")

    def __init__(self, families: tuple[Family[Counter], ...], labels: Labels) -> None:
        """Families of retries sent, of those that succeeded, of requests that reached their limit,
        and of those too large."""
        self._families = families
        self._labels = labels

    def sent(self) -> None:
        self._families[0].child(self._labels).value += 1

    def succeeded(self) -> None:
        self._families[1].child(self._labels).value += 1

    def exceeded(self) -> None:
        self._families[2].child(self._labels).value += 1

    def overflowed(self) -> None:
        self._families[3].child(self._labels).value += 1


class StreamMetrics:
    """What is counted of the connections of one TCP or TLS route."""

    __slots__ = ("_closes", "_labels", "_opens")

    def __init__(self, opens: Family[Counter], closes: Family[Counter], labels: Labels) -> None:
        self._opens = opens.child(labels)
        self._closes = closes
        self._labels = labels

    def opened(self) -> None:
        self._opens.value += 1

    def closed(self, failure: Exception | None) -> None:
        """Exactly one for each that was opened."""
        ending = ended_by(failure)
        error = _STREAM_ERRORS.get(ending, ending)
        self._closes.child((*self._labels, ("error", error))).value += 1


_STREAM_ERRORS = {errors.FORBIDDEN_ROUTE.name: "forbidden", errors.INVALID_POLICY.name: "invalid"}
"""What Linkerd calls them."""


def ended_by(failure: Exception | None) -> str:
    """The name of what ended a connection; empty when both sides were done."""
    if failure is None:
        return ""
    return failure.kind.name if isinstance(failure, Failure) else "i/o"


class PlanMetrics:
    """What is counted of requests before and beyond their endpoints."""

    __slots__ = ("_retryable", "began", "is_policy", "retries", "view", "whole")

    def __init__(
        self,
        view: View,
        whole: RequestMetrics,
        retries: RetryMetrics | None,
        *,
        began: Counter | None = None,
        retryable: tuple[Family[Counter], Labels] | None = None,
    ) -> None:
        self.view = view
        """The route's face of every request."""
        self.whole = whole
        """For requests that never got to an endpoint, or needed several tries."""
        self.retries = retries
        """None for routes of a ServiceProfile, which count otherwise."""
        self.is_policy = began is None
        self.began = began
        """Requests of a ServiceProfile's route, counted as they come."""
        self._retryable = retryable

    def retryable(self, *, affordable: bool) -> None:
        """A response of a ServiceProfile's route was worth another try."""
        if self._retryable is not None:
            family, labels = self._retryable
            skipped = () if affordable else (("skipped", "no_budget"),)
            family.child(labels + skipped).value += 1


class BalancerFamilies:
    """What is shown of balancers."""

    def __init__(self, registry: Registry) -> None:
        self.states = registry.gauge(metrics.OUTBOUND_HTTP_BALANCER_ENDPOINTS)
        self.ready = registry.gauge(metrics.OUTBOUND_HTTP_BALANCER_P2C_ENDPOINTS)
        self.updates = registry.counter(metrics.OUTBOUND_HTTP_BALANCER_P2C_UPDATES_TOTAL)
        self.length = registry.gauge(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_LENGTH)
        self.requests = registry.counter(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_REQUESTS_TOTAL)
        self.latency = registry.histogram(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_LATENCY_SECONDS)
        self.opened = registry.counter(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_GATE_OPEN_TOTAL)
        self.shut = registry.counter(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TOTAL)
        self.open_time = registry.gauge(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_GATE_OPEN_TIME)
        self.shut_time = registry.gauge(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TIME)
        self.timeout = registry.gauge(metrics.OUTBOUND_HTTP_BALANCER_QUEUE_GATE_TIMEOUT)


class BalancerMetrics:
    """One backend's endpoints, and the queue before them."""

    __slots__ = (
        "_labels",
        "_latency",
        "_length",
        "_now",
        "_open_time",
        "_opened",
        "_opened_at",
        "_pending",
        "_picked",
        "_ready",
        "_requests",
        "_shut",
        "_shut_at",
        "_shut_time",
        "_timeout",
        "_updates",
        "_wait_at_most",
        "_waits",
    )

    def __init__(
        self,
        families: BalancerFamilies,
        labels: Labels,
        timeout: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`timeout`: seconds that requests wait at most; `now`: seconds since the epoch."""
        self._labels = labels
        self._now = now
        self._wait_at_most = timeout
        self._opened_at = now()
        self._shut_at = 0.0
        self._picked = families.ready.child(labels)
        self._ready = families.states.child((*labels, ("endpoint_state", "ready")))
        self._pending = families.states.child((*labels, ("endpoint_state", "pending")))
        self._updates = families.updates
        self._length = families.length.child(labels)
        self._requests = families.requests.child(labels)
        self._latency = families.latency.child(labels)
        self._waits = 0
        """Requests that had to wait and are not shown yet: the latency has them already."""
        self._opened = families.opened.child(labels)
        self._shut = families.shut.child(labels)
        self._open_time = families.open_time.child(labels)
        self._shut_time = families.shut_time.child(labels)
        self._timeout = families.timeout.child(labels)

    def updated(self, *, added: int, removed: int) -> None:
        """The control plane changed the set by so many endpoints."""
        for op, count in (("Add", added), ("Remove", removed)):
            if count:
                self._updates.child((*self._labels, ("op", op))).value += 1

    def given_up(self) -> None:
        """No endpoint was ready in time."""
        self._shut.value += 1
        self._opened_at, self._shut_at = 0.0, self._now()

    def found(self) -> None:
        """An endpoint is there again."""
        self._opened.value += 1
        self._opened_at, self._shut_at = self._now(), 0.0

    def waited(self, seconds: float) -> None:
        """A request gets its endpoint only now."""
        self._latency.observe(seconds)
        self._waits += 1

    def show(self, *, ready: int, pending: int, waiting: int, given: int) -> None:
        """`given` requests had an endpoint since this was called last."""
        self._picked.value = self._ready.value = ready
        self._pending.value = pending
        self._length.value = waiting
        self._open_time.value = self._opened_at
        self._shut_time.value = self._shut_at
        self._timeout.value = self._wait_at_most
        self._requests.value += given
        # Most wait for nothing, and are not looked at one by one.
        self._latency.counts[0] += given - self._waits
        self._waits = 0

    def close(self, *, given: int) -> None:
        """Show the last requests, and nothing that is still so."""
        self._opened_at = self._shut_at = self._wait_at_most = 0.0
        self.show(ready=0, pending=0, waiting=0, given=given)


class OutboundMetrics:
    """Resolves label sets; nothing in here is called for a request."""

    def __init__(self, registry: Registry, http: HttpMetrics) -> None:
        self._http = http
        self.unrouted = http.viewed(classify=is_success)
        """For requests without a route, which only errors count."""
        self._route_statuses = {
            False: registry.counter(metrics.OUTBOUND_HTTP_ROUTE_REQUEST_STATUSES_TOTAL),
            True: registry.counter(metrics.OUTBOUND_GRPC_ROUTE_REQUEST_STATUSES_TOTAL),
        }
        self._route_durations = {
            False: registry.histogram(metrics.OUTBOUND_HTTP_ROUTE_REQUEST_DURATION_SECONDS),
            True: registry.histogram(metrics.OUTBOUND_GRPC_ROUTE_REQUEST_DURATION_SECONDS),
        }
        self._route_sizes = {
            False: registry.histogram(metrics.OUTBOUND_HTTP_ROUTE_REQUEST_FRAME_SIZE_BYTES),
            True: registry.histogram(metrics.OUTBOUND_GRPC_ROUTE_REQUEST_FRAME_SIZE_BYTES),
        }
        self._backend_requests = {
            False: registry.counter(metrics.OUTBOUND_HTTP_ROUTE_BACKEND_REQUESTS_TOTAL),
            True: registry.counter(metrics.OUTBOUND_GRPC_ROUTE_BACKEND_REQUESTS_TOTAL),
        }
        self._backend_statuses = {
            False: registry.counter(metrics.OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_STATUSES_TOTAL),
            True: registry.counter(metrics.OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_STATUSES_TOTAL),
        }
        self._backend_durations = {
            False: registry.histogram(
                metrics.OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_DURATION_SECONDS
            ),
            True: registry.histogram(metrics.OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_DURATION_SECONDS),
        }
        self._backend_sizes = {
            False: registry.histogram(
                metrics.OUTBOUND_HTTP_ROUTE_BACKEND_RESPONSE_FRAME_SIZE_BYTES
            ),
            True: registry.histogram(metrics.OUTBOUND_GRPC_ROUTE_BACKEND_RESPONSE_FRAME_SIZE_BYTES),
        }
        self._retries = {
            False: (
                registry.counter(metrics.OUTBOUND_HTTP_ROUTE_RETRY_REQUESTS_TOTAL),
                registry.counter(metrics.OUTBOUND_HTTP_ROUTE_RETRY_SUCCESSES_TOTAL),
                registry.counter(metrics.OUTBOUND_HTTP_ROUTE_RETRY_LIMIT_EXCEEDED_TOTAL),
                registry.counter(metrics.OUTBOUND_HTTP_ROUTE_RETRY_OVERFLOW_TOTAL),
            ),
            True: (
                registry.counter(metrics.OUTBOUND_GRPC_ROUTE_RETRY_REQUESTS_TOTAL),
                registry.counter(metrics.OUTBOUND_GRPC_ROUTE_RETRY_SUCCESSES_TOTAL),
                registry.counter(metrics.OUTBOUND_GRPC_ROUTE_RETRY_LIMIT_EXCEEDED_TOTAL),
                registry.counter(metrics.OUTBOUND_GRPC_ROUTE_RETRY_OVERFLOW_TOTAL),
            ),
        }
        self._streams = {
            False: (
                registry.counter(metrics.OUTBOUND_TCP_ROUTE_OPEN_TOTAL),
                registry.counter(metrics.OUTBOUND_TCP_ROUTE_CLOSE_TOTAL),
            ),
            True: (
                registry.counter(metrics.OUTBOUND_TLS_ROUTE_OPEN_TOTAL),
                registry.counter(metrics.OUTBOUND_TLS_ROUTE_CLOSE_TOTAL),
            ),
        }
        self._balancers = BalancerFamilies(registry)
        self._profile_requests = registry.counter(metrics.ROUTE_REQUEST_TOTAL)
        self._profile_responses = registry.counter(metrics.ROUTE_RESPONSE_TOTAL)
        self._profile_latencies = registry.histogram(metrics.ROUTE_RESPONSE_LATENCY_MS)
        self._actual_requests = registry.counter(metrics.ROUTE_ACTUAL_REQUEST_TOTAL)
        self._actual_responses = registry.counter(metrics.ROUTE_ACTUAL_RESPONSE_TOTAL)
        self._retryable = registry.counter(metrics.ROUTE_RETRYABLE_TOTAL)

    # --- routes of a policy ---------------------------------------------------------------

    def route(self, parent: Meta, route: Meta, hostname: str = "", *, grpc: bool) -> PlanMetrics:
        """`hostname`: empty where requests are not told apart by it."""
        named = route_labels(parent, route) + _hostname(hostname)
        view = Statuses(
            named,
            None,
            self._route_statuses[grpc],
            self._route_durations[grpc],
            request_sizes=self._route_sizes[grpc],
            grpc=grpc,
            per_try=False,
        )
        return PlanMetrics(
            view,
            self._http.viewed(view, classify=is_success),
            RetryMetrics(self._retries[grpc], named),
        )

    def backend(self, parent: Meta, route: Meta, backend: Meta, *, grpc: bool) -> View:
        return Statuses(
            route_labels(parent, route) + backend.full_labels("backend"),
            self._backend_requests[grpc],
            self._backend_statuses[grpc],
            waits=self._backend_durations[grpc],
            response_sizes=self._backend_sizes[grpc],
            grpc=grpc,
        )

    def balancer(self, parent: Meta, backend: Meta, timeout: float) -> BalancerMetrics:
        named = parent.full_labels("parent") + backend.full_labels("backend")
        return BalancerMetrics(self._balancers, named, timeout)

    def stream(
        self,
        parent: Meta,
        route: Meta,
        destination: Destination,
        hostname: str = "",
        *,
        tls: bool,
    ) -> StreamMetrics:
        """`destination` is where the application was going; a name has no IP to show."""
        ip = destination.ip if isinstance(destination, SocketAddress) else ""
        target = (("target_ip", ip), ("target_port", str(destination.port)))
        named = route_labels(parent, route) + _hostname(hostname)
        return StreamMetrics(*self._streams[tls], named + target)

    # --- routes of a ServiceProfile -------------------------------------------------------

    def profile(self, destination: str, route: Labels, classify: Classify) -> PlanMetrics:
        """`destination` is `web.emojivoto.svc.cluster.local:80`; `route` has the `rt_*` labels."""
        named = (*labels.OUTBOUND, ("dst", destination), *route)
        view = Classified(
            named, None, self._profile_responses, self._profile_latencies, per_try=False
        )
        return PlanMetrics(
            view,
            self._http.viewed(view, classify=classify),
            None,
            began=self._profile_requests.child(named),
            retryable=(self._retryable, named),
        )

    def profile_tries(self, destination: str, route: Labels) -> View:
        named = (*labels.OUTBOUND, ("dst", destination), *route)
        return Classified(named, self._actual_requests, self._actual_responses, None)


def _hostname(name: str) -> Labels:
    return (("hostname", name),) if name else ()
