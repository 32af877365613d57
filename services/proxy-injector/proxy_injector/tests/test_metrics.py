"""What is counted cannot grow without end."""

from prometheus_client import CollectorRegistry

from proxy_injector.metrics import NAMESPACES, OTHER_NAMESPACES, Metrics


def test_namespaces_beyond_the_bound_are_counted_together() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    def shown() -> dict[tuple[str, str], float]:
        return {
            (sample.labels["namespace"], sample.labels["injectable"]): sample.value
            for family in registry.collect()
            for sample in family.samples
            if sample.name == "proxy_inject_unmeshed_pods"
        }

    many = {(f"small-{number:03}", True): 1 for number in range(NAMESPACES + 4)}
    metrics.count_unmeshed({**many, ("large", True): 7, ("large", False): 2})
    found = shown()
    assert len(found) == NAMESPACES + 2
    assert (found["large", "true"], found["large", "false"]) == (7, 2)
    assert found[OTHER_NAMESPACES, "true"] == 5
    metrics.count_unmeshed({("large", True): 1})
    assert shown() == {("large", "true"): 1}
