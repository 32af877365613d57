"""What the tap service counts about itself."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge


class Metrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.requests = Counter(
            "tap_http_requests_total",
            "Requests answered, by HTTP status.",
            ["code"],
            registry=registry,
        )
        self.viewers = Gauge("tap_viewers", "Streams being watched now.", registry=registry)
        self.events = Counter("tap_events_total", "Events sent to viewers.", registry=registry)
        self.dropped = Counter(
            "tap_dropped_events_total",
            "Events a viewer lost because it, or this service, did not keep up.",
            registry=registry,
        )
