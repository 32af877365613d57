"""What the proxy-injector counts."""

from collections.abc import Iterable, Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from proxy_injector.annotations import RULES, STABLE_PREFIX, canonical

_CONFIG_LABELS = {
    name: "config_" + name.partition("/")[2].replace("-", "_")
    for name in RULES
    if name.startswith(STABLE_PREFIX)
}
"""Annotation -> label, whose value is `true` where the annotation is used. The annotation's own text is
not a label: whoever writes manifests could make series without end."""


NAMESPACES = 100
"""Most namespaces that the unmeshed pods are counted by: those with the most of them."""
OTHER_NAMESPACES = "_other"
"""Those beyond; no namespace can have this name."""


class Metrics:
    """Admissions, by whose pods they are and what became of them; and pods that missed theirs."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        common = ["owner_kind", "namespace", "annotation_at"]
        self.requests = Counter(
            "proxy_inject_admission_requests_total",
            "Pods that were sent for injection.",
            [*common, *_CONFIG_LABELS.values()],
            registry=registry,
        )
        self.responses = Counter(
            "proxy_inject_admission_responses_total",
            "Pods that were answered, by whether and why they were skipped.",
            [*common, "skip", "skip_reason", *_CONFIG_LABELS.values()],
            registry=registry,
        )
        self.failures = Counter(
            "proxy_inject_admission_failures_total",
            "Reviews that could not be answered, by cause.",
            ["cause"],
            registry=registry,
        )

        self.unmeshed = Gauge(
            "proxy_inject_unmeshed_pods",
            "Pods that ask for a proxy and run without one, by whether a new pod would have it.",
            ["namespace", "injectable"],
            registry=registry,
        )
        self.evictions = Counter(
            "proxy_inject_unmeshed_evictions_total",
            "Unmeshed pods that were evicted, or whose eviction was refused.",
            ["outcome"],
            registry=registry,
        )

    def count_unmeshed(self, counts: Mapping[tuple[str, bool], int]) -> None:
        """What there is now, by namespace and whether a new pod would have its proxy."""
        sums: dict[str, int] = {}
        for (namespace, _), count in counts.items():
            sums[namespace] = sums.get(namespace, 0) + count
        named = set(sorted(sums, key=lambda one: (-sums[one], one))[:NAMESPACES])
        self.unmeshed.clear()
        for (namespace, injectable), count in counts.items():
            shown = namespace if namespace in named else OTHER_NAMESPACES
            self.unmeshed.labels(shown, "true" if injectable else "false").inc(count)

    def request(
        self, owner_kind: str, namespace: str, annotation_at: str, annotations: Iterable[str]
    ) -> None:
        """A pod has come."""
        self.requests.labels(
            owner_kind=owner_kind,
            namespace=namespace,
            annotation_at=annotation_at,
            **_used(annotations),
        ).inc()

    def response(
        self,
        owner_kind: str,
        namespace: str,
        annotation_at: str,
        annotations: Iterable[str],
        skipped: Iterable[str],
    ) -> None:
        """A pod was answered; `skipped` are the reasons, none when it was injected."""
        reasons = ",".join(skipped)
        self.responses.labels(
            owner_kind=owner_kind,
            namespace=namespace,
            annotation_at=annotation_at,
            skip="true" if reasons else "false",
            skip_reason=reasons,
            **_used(annotations),
        ).inc()


def _used(annotations: Iterable[str]) -> dict[str, str]:
    present = {canonical(name) for name in annotations}
    return {label: "true" if name in present else "" for name, label in _CONFIG_LABELS.items()}
