"""Under load: the control plane away, replicas coming and going, rolling restarts, an upgrade. No
request fails. A real Kubernetes is shown the ones that matter most there, unless WEFT_LONG asks for all."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from deploy.demo.steps import NAMESPACE
from tests.mesh import pods, scrape
from tests.mesh.load import pod as load
from weft import labels
from weft.names import CONTROL_PLANE_NAMESPACE, DESTINATION_COMPONENT, IDENTITY_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster
    from tests.mesh.load.pod import Load
    from tests.mesh.story import Story

LONG = os.environ.get("WEFT_LONG") == "1"
"""Outages, rounds and replicas that a release must bear; otherwise enough to notice what is broken."""
OUTAGE_SECONDS = 120.0 if LONG else 20.0
ROUNDS = 3 if LONG else 1
REPLICAS = 5 if LONG else 2
LEAST_SECONDS = 120.0 if LONG else 0.0
"""For so long in all the load lasts while everything changes."""
HEARD_AGAIN_SECONDS = 30.0
"""Proxies ask an absent control plane again with a back-off of ten seconds and some jitter."""
VOTING = "app=voting-svc"


@pytest.fixture
def at_length(installed: Cluster) -> None:
    """Skips where the short form is enough."""
    if installed.name != "sandbox" and not LONG:
        pytest.skip("on a real Kubernetes only with WEFT_LONG=1")


@pytest.fixture(scope="module")
def asking(demo: Story, installed: Cluster) -> Iterator[Load]:
    """200 requests a second to web, voting and emoji."""
    with load.running(installed) as running:
        yield running


@pytest.mark.timeout(180)
def test_voting_grows_to_three_and_shrinks_to_one(installed: Cluster, asking: Load) -> None:
    before = asking.read()
    pods.scale(installed, NAMESPACE, "voting", 3)
    grown = pods.running(installed, NAMESPACE, VOTING)
    time.sleep(5)
    served = [scrape.served(installed, NAMESPACE, one.name) for one in grown]
    pods.scale(installed, NAMESPACE, "voting", 1)
    installed.terminal.wait_until(
        "two of three pods are gone",
        lambda: len(installed.read("pods", "-n", NAMESPACE, "-l", VOTING)["items"]) == 1,
        seconds=60,
    )
    time.sleep(2)
    print(f"requests served by each of three: {', '.join(f'{one:.0f}' for one in served)}")
    asking.require_no_failure(before, "voting 1 -> 3 -> 1")
    assert len(grown) == 3
    assert all(one > 0 for one in served), "a replica got no traffic"


@pytest.mark.usefixtures("at_length")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("deployment", ["emoji", "voting", "web"])
def test_a_rolling_restart(installed: Cluster, asking: Load, deployment: str) -> None:
    old = pods.only(installed, NAMESPACE, f"app={deployment}-svc")
    before = asking.read()
    pods.restart(installed, NAMESPACE, deployment)
    installed.terminal.wait_until(
        "the old pod is gone",
        lambda: not installed.exists("pod", old.name, "-n", NAMESPACE),
        seconds=60,
    )
    time.sleep(2)
    asking.require_no_failure(before, f"rolling restart of {deployment}")


@pytest.mark.usefixtures("at_length")
@pytest.mark.timeout(900)
def test_all_deployments_restart_grow_and_shrink(installed: Cluster, asking: Load) -> None:
    """All of the application at once, again and again, HTTP/1 and gRPC."""
    where = ("-n", NAMESPACE)
    seconds = 0.0
    rounds = 0
    while rounds < ROUNDS or seconds < LEAST_SECONDS:
        rounds += 1
        before = asking.read()
        pods.restart_all(installed, NAMESPACE)
        for replicas in (REPLICAS, 1):
            installed.kubectl("scale", "deploy", "--all", *where, f"--replicas={replicas}")
            pods.await_renewal(installed, NAMESPACE)
        time.sleep(2)
        what = f"round {rounds}: all restarted, 1 -> {REPLICAS} -> 1"
        seconds += asking.require_no_failure(before, what).seconds


@pytest.mark.usefixtures("at_length")
@pytest.mark.timeout(240)
def test_everything_restarts_at_once(installed: Cluster, asking: Load) -> None:
    """The control plane and the application it serves, at the same moment."""
    before = asking.read()
    pods.restart_all(installed, CONTROL_PLANE_NAMESPACE, NAMESPACE)
    time.sleep(2)
    asking.require_no_failure(before, "rolling restart of everything")


@pytest.mark.timeout(300)
def test_an_upgrade(installed: Cluster, asking: Load) -> None:
    """One that renews every pod of the control plane; then the application, for its proxies."""
    before = asking.read()
    try:
        pods.upgrade(installed, "--set", "proxy.logFormat=json")
        span = asking.require_no_failure(before, "upgrade of the control plane")
        pods.restart_all(installed, NAMESPACE)
        time.sleep(2)
        after = asking.require_no_failure(before, "upgrade of everything")
        assert after.answered > span.answered
        for namespace in (CONTROL_PLANE_NAMESPACE, NAMESPACE):
            assert _log_formats(installed, namespace) == {"json"}
    finally:
        pods.upgrade(installed, "--set", "proxy.logFormat=plain")


@pytest.mark.usefixtures("at_length")
@pytest.mark.timeout(300)
def test_the_control_plane_is_killed_and_comes_back(installed: Cluster, asking: Load) -> None:
    """Killed with no notice, away for a while, started again. What changes after that is heard."""
    components = (IDENTITY_COMPONENT, DESTINATION_COMPONENT)
    before = asking.read()
    try:
        for component in components:
            _kill(installed, component)
        time.sleep(OUTAGE_SECONDS)
    finally:
        for component in components:
            pods.scale(installed, CONTROL_PLANE_NAMESPACE, component, 1)
    back = time.monotonic()
    old = pods.only(installed, NAMESPACE, VOTING)
    pods.scale(installed, NAMESPACE, "voting", 2)
    (new,) = (one for one in pods.running(installed, NAMESPACE, VOTING) if one.name != old.name)
    installed.terminal.wait_until(
        "a pod that is new since the outage gets requests",
        lambda: scrape.served(installed, NAMESPACE, new.name) > 0,
        seconds=HEARD_AGAIN_SECONDS,
        every=0.5,
    )
    print(
        f"a new pod gets requests {time.monotonic() - back:.0f} s after the control plane is back"
    )
    pods.scale(installed, NAMESPACE, "voting", 1)
    time.sleep(3)
    asking.require_no_failure(before, f"no control plane for {OUTAGE_SECONDS:.0f} s")


def _kill(cluster: Cluster, component: str) -> None:
    """To no replica, its pods killed at once."""
    name = component.removeprefix("weft-")
    selector = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}={name}"
    where = ("-n", CONTROL_PLANE_NAMESPACE)
    now = ("--force", "--grace-period=0", "--ignore-not-found")
    cluster.kubectl("scale", f"deploy/{component}", *where, "--replicas=0")
    cluster.kubectl("delete", "pods", "-l", selector, *where, *now)
    pods.await_none(cluster, CONTROL_PLANE_NAMESPACE, selector)


def _log_formats(cluster: Cluster, namespace: str) -> set[str]:
    """Of the proxies that run there."""
    return {
        variable["value"]
        for pod in cluster.read("pods", "-n", namespace, "-l", pods.MESHED)["items"]
        for one in (*pod["spec"]["initContainers"], *pod["spec"]["containers"])
        if one["name"] == pods.PROXY
        for variable in one["env"]
        if variable["name"] == "LINKERD2_PROXY_LOG_FORMAT"
    }
