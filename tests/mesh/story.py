"""The story of the demo on a chosen cluster, from whatever is there already, and what it showed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.demo import steps
from tests.mesh import pods
from weft.names import CONTROL_PLANE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.mesh.cluster import Cluster

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Story:
    """What `mesh stat` said on the way; rows by name."""

    unmeshed: Rows
    """The demo's deployments before injection."""
    unmeshed_pods: str
    meshed: Rows
    meshed_pods: str
    seconds: Mapping[str, float]
    """How long each step took."""


def install(cluster: Cluster) -> None:
    """The control plane, unless there is one; returns when `mesh check` has no complaint."""
    terminal = cluster.terminal
    if not cluster.exists("configmap", "weft-config", "-n", CONTROL_PLANE_NAMESPACE):
        steps.check_before(terminal)
        steps.install(terminal)
    steps.check_after(terminal)


def tell(cluster: Cluster) -> Story:
    """The demo unmeshed, then injected, then seen with numbers. Raises StepFailed."""
    terminal, seconds = cluster.terminal, {}
    cluster.kubectl("delete", "deploy", "--all", "-n", steps.NAMESPACE, "--ignore-not-found")
    pods.await_none(cluster, steps.NAMESPACE, "version=v11")
    started = time.monotonic()
    steps.deploy_application(terminal)
    seconds["unmeshed"] = time.monotonic() - started
    unmeshed, unmeshed_pods = steps.rows(terminal, "deploy"), _meshed_pods(cluster)
    started = time.monotonic()
    steps.inject(terminal)
    seconds["injected"] = time.monotonic() - started
    started = time.monotonic()
    steps.show_numbers(terminal)
    seconds["numbers"] = time.monotonic() - started
    return Story(
        unmeshed, unmeshed_pods, steps.rows(terminal, "deploy"), _meshed_pods(cluster), seconds
    )


def _meshed_pods(cluster: Cluster) -> str:
    """How many of the namespace's pods `mesh stat` calls meshed: `0/4`."""
    output = cluster.mesh("stat", f"ns/{steps.NAMESPACE}", "--unmeshed", "-o", "json")
    (row,) = json.loads(output)
    return str(row["meshed"])
