"""Trust anchor and issuer are replaced under load, as `docs/how-to/rotate-certificates.md` tells, and no request
fails. In this order: what one step leaves is what the next begins with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE
from deploy.demo.terminal import StepFailed
from tests.mesh import pods, trust
from tests.mesh.load import pod as load
from weft.names import CONTROL_PLANE_NAMESPACE, IDENTITY_COMPONENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mesh.cluster import Cluster
    from tests.mesh.story import Story
    from tests.mesh.trust import Authority

ISSUER = "second-issuer.weft.cluster.local"
RATES = "web=40,voting=20,emoji=20"
"""Requests per second: restarts of everything, again and again, leave a machine little else to do."""
SEEN_SECONDS = 150.0
"""A kubelet may take a minute and more to show a changed Secret."""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def rotating(demo: Story, installed: Cluster) -> Cluster:
    """The mesh with the demo in it."""
    if installed.name != "sandbox" and os.environ.get("WEFT_LONG") != "1":
        pytest.skip("on a real Kubernetes only with WEFT_LONG=1")
    return installed


@pytest.fixture(scope="module")
def next_one(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the mesh is to have."""
    return trust.new_authority(tmp_path_factory.mktemp("authority"), ISSUER)


def test_1_both_anchors_are_trusted(rotating: Cluster, next_one: Authority, tmp_path: Path) -> None:
    both = tmp_path / "both.crt"
    both.write_text(trust.anchors(rotating) + next_one.anchor.read_text())
    hurried = ("--identity-trust-anchors-file", str(both), *_issuer_flags(next_one))
    with pytest.raises(StepFailed, match="would not trust certificates of the issuer"):
        rotating.mesh("upgrade", *hurried)
    with load.running(rotating, RATES) as asking:
        before = asking.read()
        pods.upgrade(rotating, "--identity-trust-anchors-file", str(both))
        pods.restart_all(rotating, NAMESPACE)
        asking.require_no_failure(before, "both anchors are trusted")
    assert ISSUER not in _certificates(rotating)


def test_2_the_new_issuer_signs(rotating: Cluster, next_one: Authority) -> None:
    with load.running(rotating, RATES) as asking:
        before = asking.read()
        pods.upgrade(rotating, *_issuer_flags(next_one))
        rotating.terminal.wait_until(
            "identity has the new issuer", lambda: _told_of_issuer(rotating), seconds=SEEN_SECONDS
        )
        pods.restart_all(rotating, CONTROL_PLANE_NAMESPACE, NAMESPACE)
        asking.require_no_failure(before, "the new issuer signs")
    assert _certificates(rotating).count(ISSUER) >= 4


def test_3_the_old_anchor_is_forgotten(rotating: Cluster, next_one: Authority) -> None:
    with load.running(rotating, RATES) as asking:
        before = asking.read()
        pods.upgrade(rotating, "--identity-trust-anchors-file", str(next_one.anchor))
        pods.restart_all(rotating, NAMESPACE)
        asking.require_no_failure(before, "the old anchor is forgotten")
    assert trust.anchors(rotating).strip() == next_one.anchor.read_text().strip()
    for flags in ((), ("--proxy", "-n", NAMESPACE)):
        code, said = rotating.try_mesh("check", "--wait", "90s", *flags)
        assert code == 0, said


def _issuer_flags(authority: Authority) -> tuple[str, ...]:
    return (
        "--identity-issuer-certificate-file",
        str(authority.issuer),
        "--identity-issuer-key-file",
        str(authority.key),
    )


def _told_of_issuer(cluster: Cluster) -> bool:
    """Whether an event names the new issuer."""
    events = cluster.read("events", "-n", CONTROL_PLANE_NAMESPACE)["items"]
    return any(
        one.get("reason") == "IssuerUpdated"
        and one["involvedObject"]["name"] == IDENTITY_COMPONENT
        and ISSUER in one["message"]
        for one in events
    )


def _certificates(cluster: Cluster) -> str:
    """What every proxy of the demo presents, as `mesh identity` prints it."""
    names = [one.name for one in pods.running(cluster, NAMESPACE, pods.MESHED)]
    return cluster.mesh("identity", "-n", NAMESPACE, *names)
