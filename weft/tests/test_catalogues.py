import re

from weft import errors, labels, metrics


def test_error_numbers_and_names_are_unique_and_well_formed() -> None:
    numbers = [kind.number for kind in errors.CATALOGUE]
    names = [kind.name for kind in errors.CATALOGUE]
    assert numbers == sorted(set(numbers))
    assert len(names) == len(set(names))
    for kind in errors.CATALOGUE:
        assert re.fullmatch(r"[a-z]+([- ][a-z]+)*", kind.name)
        assert 400 <= kind.http_status <= 599
        assert 0 <= kind.grpc_status <= 16
        for sentence in (kind.meaning, kind.causes, kind.advice):
            assert sentence.endswith(".")


def test_metrics_are_unique_and_named_as_prometheus_wants_them() -> None:
    names = [metric.name for metric in metrics.catalogue()]
    assert len(names) == len(set(names))
    for metric in metrics.catalogue():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert (metric.kind is metrics.Kind.HISTOGRAM) == bool(metric.buckets)
        assert list(metric.buckets) == sorted(set(metric.buckets))
        if metric.kind is metrics.Kind.COUNTER:
            assert metric.name.endswith("_total")


def test_latency_buckets_are_linkerds() -> None:
    assert metrics.LATENCY_MS_BUCKETS[:7] == (1, 2, 3, 4, 5, 10, 20)
    assert metrics.LATENCY_MS_BUCKETS[-1] == 50_000
    assert len(metrics.LATENCY_MS_BUCKETS) == 25


def test_injection_annotations_are_what_users_write() -> None:
    assert labels.OPAQUE_PORTS in labels.INJECTION_ANNOTATIONS
    assert labels.CREATED_BY not in labels.INJECTION_ANNOTATIONS
    assert labels.ADMISSION_WEBHOOKS_LABEL not in labels.INJECTION_ANNOTATIONS
