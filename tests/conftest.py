"""What tests of several folders share: a cluster, the mesh installed on it, the demo injected into it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.mesh import choose, story, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster
    from tests.mesh.story import Story

SETTING_UP = 400
"""Seconds for what comes before a test: a cluster, images, the control plane, the demo."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test comes first waits for the fixtures, so each has their time on top of its own."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            own = item.get_closest_marker("timeout")
            seconds = own.args[0] if own else 120
            item.add_marker(pytest.mark.timeout(seconds + SETTING_UP), append=False)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.root)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster that WEFT_TEST_CLUSTER names."""
    with choose.chosen(os.environ.get("WEFT_TEST_CLUSTER", "sandbox")) as chosen:
        yield chosen


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Iterator[Cluster]:
    """The control plane on it, healthy, and the suite's namespace, empty."""
    story.install(cluster)
    workloads.delete_namespace(cluster, wait=True)
    workloads.create_namespace(cluster)
    yield cluster
    if os.environ.get("WEFT_KEEP") != "1":
        workloads.delete_namespace(cluster, wait=False)


@pytest.fixture(scope="session")
def reachable(installed: Cluster) -> Cluster:
    """The same, when its pods run on this host: their addresses answer, their networks can be entered."""
    if not installed.pods_are_here:
        pytest.skip("the pods of this cluster run on other hosts")
    return installed


@pytest.fixture(scope="session")
def demo(installed: Cluster) -> Story:
    """The voting application, deployed unmeshed and then injected, with traffic."""
    return story.tell(installed)
