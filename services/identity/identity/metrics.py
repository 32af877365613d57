"""What the identity service counts."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge


class Metrics:
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.issued = Counter(
            "identity_certificates_issued_total", "Leaf certificates signed.", registry=registry
        )
        self.refused = Counter(
            "identity_certificates_refused_total",
            "Requests refused, by the gRPC code of the answer.",
            ["code"],
            registry=registry,
        )
        self.reloads = Counter(
            "identity_issuer_reloads_total",
            "Changed issuer secrets, by whether they were taken into use.",
            ["outcome"],
            registry=registry,
        )
        self.issuer_ttl = Gauge(
            "issuer_cert_ttl_seconds",
            "Seconds until the first certificate of the issuer's chain expires.",
            registry=registry,
        )
