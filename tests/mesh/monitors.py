"""The scrape jobs that the Prometheus operator makes of a PodMonitor: its rules around ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Json

META = "__meta_kubernetes"


def jobs(monitor: Json) -> Iterator[Json]:
    """One for each endpoint. Raises KeyError for what the operator would take and this does not."""
    spec, name = monitor["spec"], monitor["metadata"]["name"]
    home = monitor["metadata"]["namespace"]
    everywhere = spec.get("namespaceSelector", {}).get("any", False)
    discovery = {"role": "pod"} | ({} if everywhere else {"namespaces": {"names": [home]}})
    for index, endpoint in enumerate(spec["podMetricsEndpoints"]):
        yield {
            "job_name": f"podMonitor/{home}/{name}/{index}",
            "scrape_interval": endpoint["interval"],
            "kubernetes_sd_configs": [discovery],
            "relabel_configs": [
                _drop(f"{META}_pod_phase", "(Failed|Succeeded)"),
                *(_selected(one) for one in spec["selector"]["matchExpressions"]),
                _keep(f"{META}_pod_container_port_name", endpoint["port"]),
                _copy(f"{META}_namespace", "namespace"),
                _copy(f"{META}_pod_container_name", "container"),
                _copy(f"{META}_pod_name", "pod"),
                {"target_label": "job", "replacement": f"{home}/{name}"},
                {"target_label": "endpoint", "replacement": endpoint["port"]},
                *(_snake(one) for one in endpoint["relabelings"]),
            ],
        }


def _selected(requirement: Json) -> Json:
    assert requirement["operator"] == "Exists", requirement
    label = re.sub(r"[^a-zA-Z0-9_]", "_", requirement["key"])
    return _keep(f"{META}_pod_labelpresent_{label}", "true")


def _keep(source: str, regex: str) -> Json:
    return {"source_labels": [source], "regex": regex, "action": "keep"}


def _drop(source: str, regex: str) -> Json:
    return {"source_labels": [source], "regex": regex, "action": "drop"}


def _copy(source: str, target: str) -> Json:
    return {"source_labels": [source], "target_label": target}


def _snake(rule: Json) -> dict[str, Any]:
    """`sourceLabels` of the resource is `source_labels` of the file."""
    return {re.sub(r"[A-Z]", lambda one: f"_{one[0].lower()}", key): rule[key] for key in rule}
