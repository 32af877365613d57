"""A cluster without a mesh, whatever was on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.demo import steps
from tests.mesh import workloads
from weft.names import CONTROL_PLANE_NAMESPACE

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster


def make_bare(cluster: Cluster) -> None:
    """Takes away the mesh that other tests left, and what they ran in it. Skips on a cluster that
    is somebody else's."""
    if cluster.name != "kubernetes":
        pytest.skip("no mesh is taken away from a cluster that is somebody else's")
    for namespace in (steps.NAMESPACE, workloads.NAMESPACE):
        cluster.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s")
    if is_installed(cluster):
        remove(cluster)
    await_no_namespace(cluster)


def is_installed(cluster: Cluster) -> bool:
    return cluster.exists("configmap", "weft-config", "-n", CONTROL_PLANE_NAMESPACE)


def remove(cluster: Cluster) -> None:
    """By what `mesh uninstall` prints."""
    cluster.kubectl("delete", "--timeout=180s", "-f", "-", given=cluster.mesh("uninstall"))


def await_no_namespace(cluster: Cluster) -> None:
    cluster.terminal.wait_until(
        "the control plane's namespace is gone",
        lambda: not cluster.exists("namespace", CONTROL_PLANE_NAMESPACE),
        seconds=120,
    )
