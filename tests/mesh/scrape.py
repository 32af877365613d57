"""Metrics of proxies and applications, read as an operator would: through the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from weft import ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.mesh.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a scrape; `name` is the line's, so `response_total` and not `response`."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """Every sample of one answer."""

    samples: tuple[Sample, ...]

    def total(self, name: str, **labels: str) -> float:
        """The sum over all series that carry these labels; 0 when there is none."""
        return sum(
            one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        )


def parse(text: str) -> Scrape:
    """Prometheus's text format. Raises ValueError for anything else."""
    families = text_string_to_metric_families(text)
    return Scrape(
        tuple(
            Sample(sample.name, sample.labels, sample.value)
            for family in families
            for sample in family.samples
        )
    )


def proxy(cluster: Cluster, namespace: str, pod: str) -> Scrape:
    return parse(cluster.port(namespace, pod, ports.ADMIN, "metrics"))


def served(cluster: Cluster, namespace: str, pod: str) -> float:
    """How many requests a pod has answered since its proxy began."""
    return proxy(cluster, namespace, pod).total("response_total", direction="inbound")


def application(cluster: Cluster, namespace: str, pod: str, port: int) -> Scrape:
    return parse(cluster.port(namespace, pod, port, "metrics"))
