"""docs/reference/metrics.md: every metric of the proxy."""

from __future__ import annotations

from deploy.docs.markdown import page, table
from weft.metrics import Kind, catalogue

_INTRODUCTION = """\
The proxy serves these at `:4191/metrics`, in Prometheus' text format. Names, labels and buckets are Linkerd's, so that
dashboards and alerts carry over. Label sets have a budget: beyond it a family folds new series into one."""


def write() -> str:
    rows = [
        (
            f"`{metric.name}`",
            metric.kind.value,
            metric.help,
            ", ".join(f"{bound:g}" for bound in metric.buckets),
        )
        for metric in catalogue()
    ]
    histograms = "Latencies in milliseconds unless the name says seconds."
    assert any(metric.kind is Kind.HISTOGRAM for metric in catalogue())
    head = ("metric", "kind", "what it counts", "buckets")
    return page("Metrics", _INTRODUCTION, histograms, table(head, rows))
