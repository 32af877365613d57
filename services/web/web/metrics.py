"""What the web service counts about itself."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.requests = Counter(
            "web_http_requests_total",
            "Requests answered, by path and HTTP status.",
            ["path", "code"],
            registry=registry,
        )
        self.latency = Histogram(
            "web_http_request_duration_seconds",
            "Time from a request to its answer, by path.",
            ["path"],
            registry=registry,
        )
        self.targets = Gauge(
            "web_collector_targets", "Proxies scraped in the last round.", registry=registry
        )
        self.scrapes = Counter(
            "web_collector_scrapes_total", "Scrapes, by outcome.", ["outcome"], registry=registry
        )
        self.round_seconds = Gauge(
            "web_collector_round_seconds", "How long the last round took.", registry=registry
        )
