"""The chart installed and uninstalled by helm itself, as docs/how-to/install.md says; after
everything else, for no other mesh may be there."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cli.manifests.credentials import make_identity
from deploy.chart.files import FOLDER
from deploy.demo import steps
from tests.kubernetes import inventory
from tests.kubernetes.removal import await_no_namespace, make_bare
from tests.mesh import pods, workloads
from weft.names import CONTROL_PLANE_NAMESPACE, TRUST_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.mesh.cluster import Cluster

HELM = os.environ.get("WEFT_HELM") or shutil.which("helm") or ""
RELEASE = ("weft", "--namespace", CONTROL_PLANE_NAMESPACE)

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not HELM, reason="needs helm, by WEFT_HELM or on the path"),
]


@pytest.fixture(scope="module")
def bare(cluster: Cluster) -> set[str]:
    """What the cluster holds before."""
    make_bare(cluster)
    return inventory.names(cluster)


@pytest.fixture(scope="module")
def by_helm(
    cluster: Cluster, bare: set[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The chart's mesh on it."""
    files = _credentials(tmp_path_factory.mktemp("credentials"))
    try:
        cluster.terminal.run(HELM, "install", *RELEASE, "--create-namespace", *files, str(FOLDER))
        yield cluster
    finally:
        cluster.terminal.run(HELM, "uninstall", *RELEASE, "--ignore-not-found")
        cluster.kubectl("delete", "namespace", CONTROL_PLANE_NAMESPACE, "--ignore-not-found")


def test_1_it_is_a_mesh_that_check_accepts(by_helm: Cluster) -> None:
    steps.check_after(by_helm.terminal)


def test_2_it_injects_pods_that_become_ready(by_helm: Cluster) -> None:
    workloads.create_namespace(by_helm)
    by_helm.apply(workloads.http_server("charted"))
    pods.await_rollout(by_helm, workloads.NAMESPACE, "charted")
    meshed = pods.running(by_helm, workloads.NAMESPACE, f"app=charted,{pods.MESHED}")
    by_helm.kubectl("delete", "namespace", workloads.NAMESPACE, "--timeout=120s")
    assert len(meshed) == 1


def test_3_uninstalled_it_leaves_nothing_but_its_namespace(
    by_helm: Cluster, bare: set[str]
) -> None:
    by_helm.terminal.run(HELM, "uninstall", *RELEASE, "--wait")
    assert by_helm.exists("namespace", CONTROL_PLANE_NAMESPACE), "helm made it, and keeps it"
    by_helm.kubectl("delete", "namespace", CONTROL_PLANE_NAMESPACE)
    await_no_namespace(by_helm)
    left = inventory.names(by_helm)
    assert sorted(left - bare) == []
    assert sorted(bare - left) == []


def _credentials(folder: Path) -> list[str]:
    """Options that give an anchor and an issuer: the chart makes none."""
    made = make_identity(CONTROL_PLANE_NAMESPACE, TRUST_DOMAIN, datetime.now(UTC))
    options = []
    for key, text in {
        "identityTrustAnchorsPEM": made.trust_anchors,
        "identity.issuer.tls.crtPEM": made.issuer_certificate,
        "identity.issuer.tls.keyPEM": made.issuer_key,
    }.items():
        (folder / key).write_text(text)
        options += ["--set-file", f"{key}={folder / key}"]
    return options
