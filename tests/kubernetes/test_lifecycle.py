"""Install, upgrade to the same, remove: in this order, and after everything else, for it
takes away what the other tests stand on."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from deploy.demo import steps
from deploy.demo.terminal import KUBECTL, ROOT
from tests.kubernetes import inventory
from tests.kubernetes.removal import await_no_namespace, is_installed, make_bare, remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def bare(cluster: Cluster) -> set[str]:
    """What a cluster holds that has no mesh; one that other tests left is taken away first."""
    make_bare(cluster)
    return inventory.names(cluster)


@pytest.fixture(scope="module")
def manifests(cluster: Cluster, bare: set[str]) -> Iterator[str]:
    """What `mesh install` printed; applied once, and healthy."""
    printed = cluster.mesh("install")
    cluster.kubectl("apply", "-f", "-", given=printed)
    steps.check_after(cluster.terminal)
    yield printed
    if is_installed(cluster):
        remove(cluster)


def test_1_applied_again_it_changes_nothing(cluster: Cluster, manifests: str) -> None:
    said = cluster.kubectl("apply", "-f", "-", given=manifests).splitlines()
    print(f"{len(said)} objects")
    assert [line for line in said if not line.endswith(" unchanged")] == []


def test_2_an_upgrade_to_the_same_version_differs_in_nothing(
    cluster: Cluster, manifests: str
) -> None:
    assert _difference(cluster, cluster.mesh("upgrade")) == ""
    assert cluster.mesh("prune").strip() == "", "nothing is left over"


def test_3_a_difference_would_be_seen(cluster: Cluster, manifests: str) -> None:
    """Otherwise the empty one would say nothing."""
    assert "+  replicas: 2" in _difference(
        cluster, cluster.mesh("upgrade", "--set", "controllerReplicas=2")
    )


def test_4_removal_leaves_nothing(cluster: Cluster, manifests: str, bare: set[str]) -> None:
    installed = inventory.names(cluster)
    remove(cluster)
    await_no_namespace(cluster)
    left = inventory.names(cluster)
    print(f"{len(bare)} objects before, {len(installed)} with the mesh, {len(left)} after")
    assert sorted(left - bare) == []
    assert sorted(bare - left) == []


def _difference(cluster: Cluster, manifests: str) -> str:
    """What `kubectl diff` prints; exit code 1 says that there is one."""
    result = subprocess.run(
        [*KUBECTL, "diff", "-f", "-"],
        input=manifests,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(cluster.terminal.environment),
        check=False,
    )
    assert result.returncode == bool(result.stdout), result.stderr
    return result.stdout
