"""The node's own programs restart under load. Between pods that go on running nothing may fail."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE
from tests.kubernetes.cluster import build, control_plane, node, runtime
from tests.kubernetes.cluster.processes import stop
from tests.mesh import pods, scrape
from tests.mesh.load import pod as load
from weft import labels, ports
from weft.names import CONTROL_PLANE_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.kubernetes.cluster.places import Places
    from tests.mesh.cluster import Cluster
    from tests.mesh.load.pod import Load
    from tests.mesh.story import Story

pytestmark = [
    pytest.mark.timeout(240),
    # What is started here outlives the test: whoever takes the cluster down ends it.
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]

AFTER_SECONDS = 12.0
"""How long the load goes on when everything is back: a proxy's probes come every ten seconds."""
VOTING = "app=voting-svc"


@pytest.fixture(scope="module")
def asking(demo: Story, installed: Cluster) -> Iterator[Load]:
    if installed.name != "kubernetes":
        pytest.skip("only the cluster that is started here can be taken apart")
    with load.running(installed) as running:
        yield running


def _kubelet(places: Places, kube: Path) -> None:
    stop(places, "kubelet")
    node.start_kubelet(places, kube)


def _containerd(places: Places, _: Path) -> None:
    stop(places, "containerd")
    runtime.start_containerd(places)


def _both_at_once(places: Places, kube: Path) -> None:
    stop(places, "kubelet", "containerd", at_once=True)
    runtime.start_containerd(places)
    node.start_kubelet(places, kube)


def _service_addresses(places: Places, kube: Path) -> None:
    stop(places, "proxy", at_once=True)
    node.start_proxy(places, kube)


def _api_server(places: Places, kube: Path) -> None:
    stop(places, "apiserver", at_once=True)
    control_plane.start_apiserver(places, kube)


RESTARTS: dict[str, Callable[[Places, Path], None]] = {
    "kubelet": _kubelet,
    "containerd": _containerd,
    "kubelet and containerd, killed": _both_at_once,
    "kube-proxy, killed": _service_addresses,
    "the API server, killed": _api_server,
}
UNREADY = ("kubelet", "kubelet and containerd, killed")
"""What always leaves Services without a ready endpoint for a while; others may."""


@pytest.mark.parametrize("what", RESTARTS)
def test_a_restart_fails_no_request(
    installed: Cluster, asking: Load, places: Places, what: str
) -> None:
    before, running, kept = asking.read(), _restarts(installed), _kept(installed)
    RESTARTS[what](places, build.programs(places)["kube"])
    installed.terminal.wait_until("the cluster answers", installed.answers, seconds=60)
    time.sleep(AFTER_SECONDS)
    installed.terminal.wait_until(
        "every meshed pod is ready", lambda: pods.all_ready(installed), seconds=60
    )
    span = asking.since(before)
    print(f"| {what} | {span.answered} | {span.failed} |")
    assert span.failed == 0, "\n".join((str(span), *span.failures[:20]))
    assert span.answered > 0
    assert _restarts(installed) == running, "a container was restarted"
    if what in UNREADY:
        assert _kept(installed) > kept, "no Service was without a ready endpoint"


def test_a_shim_that_is_killed_takes_its_pod_alone(
    installed: Cluster, asking: Load, places: Places
) -> None:
    """Its containers end with it, at once and without a word: what they were asked just then is
    lost, and nothing after."""
    pods.scale(installed, NAMESPACE, "voting", 2)
    victim = pods.running(installed, NAMESPACE, VOTING)[0]
    installed.terminal.wait_until(
        "both pods are asked",
        lambda: all(
            scrape.served(installed, NAMESPACE, one.name) > 0
            for one in pods.running(installed, NAMESPACE, VOTING)
        ),
        seconds=30,
    )
    before = asking.read()
    os.kill(runtime.pods_shim(places, NAMESPACE, victim.name), signal.SIGKILL)
    installed.terminal.wait_until(
        "voting is whole again", lambda: _is_whole(installed, victim.restarts), seconds=90
    )
    settled = asking.read()
    time.sleep(AFTER_SECONDS)
    during, after = asking.since(before), asking.since(settled)
    print(f"| a shim of one of two pods, killed | {during.answered} | {during.failed} |")
    print("\n".join(during.failures))
    pods.scale(installed, NAMESPACE, "voting", 1)
    assert after.failed == 0, after.failures
    assert during.failed < during.answered / 100


def _restarts(cluster: Cluster) -> dict[str, int]:
    found = pods.running(cluster, pods.ALL, pods.MESHED)
    return {f"{one.namespace}/{one.name}": one.restarts for one in found}


def _kept(cluster: Cluster) -> float:
    """How often destination kept endpoints that were not ready any more."""
    where = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}=destination"
    pod = pods.only(cluster, CONTROL_PLANE_NAMESPACE, where)
    found = scrape.application(cluster, pod.namespace, pod.name, ports.CONTROLLER_ADMIN)
    return found.total("destination_services_kept_total")


def _is_whole(cluster: Cluster, restarts: int) -> bool:
    found = cluster.read("deployment", "voting", "-n", NAMESPACE)["status"]
    again = sum(one.restarts for one in pods.running(cluster, NAMESPACE, VOTING)) > restarts
    return again and found.get("readyReplicas") == 2
