"""Which cluster the suite runs on. What this run starts, it stops; what was up already stays."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.demo import steps
from deploy.demo.terminal import MESH, Terminal
from sandbox.settings import Settings
from tests.kubernetes.cluster.places import default_places
from tests.mesh.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

KUBERNETES = (sys.executable, "-m", "tests.kubernetes.cluster")


@contextmanager
def chosen(name: str) -> Iterator[Cluster]:
    """The cluster of that name, running, with the images. Raises ValueError, StepFailed."""
    if name not in _CLUSTERS:
        raise ValueError(f"WEFT_TEST_CLUSTER is {name!r}: allowed are {', '.join(_CLUSTERS)}")
    with _CLUSTERS[name]() as cluster:
        yield cluster


def _sandbox() -> Iterator[Cluster]:
    cluster = Cluster("sandbox", Settings().kubeconfig)
    return _running(cluster, (*MESH, "sandbox"))


def _kubernetes() -> Iterator[Cluster]:
    cluster = Cluster("kubernetes", default_places().kubeconfig())
    return _running(cluster, KUBERNETES)


def _current() -> Iterator[Cluster]:
    """Its images are the caller's business, and its pods may run on other machines."""
    kubeconfig = os.environ.get("KUBECONFIG", str(Path.home() / ".kube/config"))
    yield Cluster("current", Path(kubeconfig), pods_are_here=False)


def _running(cluster: Cluster, program: Sequence[str]) -> Iterator[Cluster]:
    if cluster.answers():
        yield cluster
        return
    terminal = Terminal()
    try:
        terminal.run(*program, "up")
        terminal.run(*program, "load", *steps.build_images())
        yield cluster
    finally:
        if os.environ.get("WEFT_KEEP") != "1":
            terminal.run(*program, "down")


_CLUSTERS: dict[str, Callable[[], AbstractContextManager[Cluster]]] = {
    "sandbox": contextmanager(_sandbox),
    "kubernetes": contextmanager(_kubernetes),
    "current": contextmanager(_current),
}
