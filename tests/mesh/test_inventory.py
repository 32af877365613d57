"""What `mesh version --proxy`, `mesh list` and `mesh check --crds` say of a mesh with the demo in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import DEPLOYMENTS, NAMESPACE
from weft.version import VERSION

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("demo")]


def test_every_pod_of_the_demo_has_this_version_of_the_proxy(installed: Cluster) -> None:
    said = installed.mesh("version", "--proxy", "-n", NAMESPACE)
    assert said.splitlines()[-2:] == ["Proxy versions:", f"\t{VERSION} ({len(DEPLOYMENTS)} pods)"]


def test_every_pod_of_the_demo_can_be_tapped(installed: Cluster) -> None:
    head, *pods = installed.mesh("viz", "list", "-n", NAMESPACE).splitlines()
    assert head == "Pods with tap enabled:"
    found = {pod.removeprefix(f"\t* {NAMESPACE}/").rsplit("-", 2)[0] for pod in pods}
    assert found == set(DEPLOYMENTS)


def test_the_definitions_are_all_there(installed: Cluster) -> None:
    found = json.loads(installed.mesh("check", "--crds", "-o", "json"))
    assert found["success"]
    assert found["categories"][-1]["categoryName"] == "weft-crd"
