"""The webhook is down while pods are made: they run without a proxy, and what becomes of them is the user's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mesh import outages, pods, workloads
from tests.mesh.test_injection import SLEEPER, bare_pod, proxies, said_by_check
from tests.mesh.workloads import NAMESPACE
from weft.names import CONTROL_PLANE_NAMESPACE, INJECTOR_COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mesh.cluster import Cluster, Json

PATIENCE = 90.0
"""Seconds; the Lease of a replica that was killed runs out in 30."""
NAME, BARE = "missed", "missed-bare"


@pytest.fixture(scope="module")
def missed(installed: Cluster) -> Iterator[Cluster]:
    """A deployment of one pod and a bare pod, made while there was no webhook. They are ready before it is back."""
    try:
        with outages.down(installed, INJECTOR_COMPONENT):
            template = workloads.pod_template(NAME, SLEEPER, {})
            installed.apply(workloads.deployment(NAME, template), bare_pod(BARE, NAMESPACE))
            pods.await_rollout(installed, NAMESPACE, NAME)
        yield installed
    finally:
        installed.kubectl(
            "delete", f"deploy/{NAME}", f"pod/{BARE}", "-n", NAMESPACE, "--wait=false"
        )
        if _choice(installed) != "report":
            _choose(installed, "report")


def _choice(cluster: Cluster) -> str:
    found = cluster.read("deploy", INJECTOR_COMPONENT, "-n", CONTROL_PLANE_NAMESPACE)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    (choice,) = (one["value"] for one in container["env"] if one["name"] == "WEFT_UNMESHED_PODS")
    return str(choice)


def _choose(cluster: Cluster, choice: str) -> None:
    manifests = cluster.mesh("upgrade", "--set", f"proxyInjector.unmeshedPods={choice}")
    cluster.kubectl("apply", "-f", "-", given=manifests)
    pods.await_rollout(cluster, CONTROL_PLANE_NAMESPACE, INJECTOR_COMPONENT)


def _events(cluster: Cluster, reason: str, kind: str, name: str) -> list[Json]:
    return [
        one
        for one in cluster.read("events", "-n", NAMESPACE)["items"]
        if one["reason"] == reason
        and (one["involvedObject"]["kind"], one["involvedObject"]["name"]) == (kind, name)
    ]


def _await_event(cluster: Cluster, reason: str, kind: str, name: str, says: str) -> None:
    cluster.terminal.wait_until(
        f"event {reason} on {kind} {name} says: {says}",
        lambda: any(says in one["message"] for one in _events(cluster, reason, kind, name)),
        seconds=PATIENCE,
        every=0.2,
    )


def _the_pod(cluster: Cluster) -> pods.Pod:
    return pods.only(cluster, NAMESPACE, f"app={NAME}")


def test_1_they_are_reported_and_left_as_they_are(missed: Cluster) -> None:
    """With `report`, the default: on the pods and on the workload, each once."""
    assert _choice(missed) == "report"
    pod = _the_pod(missed)
    for kind, name in (("Pod", pod.name), ("Pod", BARE), ("Deployment", NAME)):
        _await_event(missed, "InjectionMissed", kind, name, "created while the webhook did not")
        (event,) = _events(missed, "InjectionMissed", kind, name)
        assert event["type"] == "Warning"
    assert _the_pod(missed) == pod
    result, why = said_by_check(missed, NAMESPACE)["data plane pods are meshed"]
    assert result == "error"
    assert f"{NAMESPACE}/{pod.name} has no linkerd-proxy container" in why


def test_2_they_are_restarted_where_a_controller_makes_new_ones(missed: Cluster) -> None:
    before = _the_pod(missed)
    _choose(missed, "restart")
    _await_event(missed, "RestartedForInjection", "Pod", before.name, "evicted")

    def ready() -> list[Json]:
        found = missed.read("pods", "-n", NAMESPACE, "-l", f"app={NAME}")["items"]
        return [
            one
            for one in found
            if one["metadata"]["name"] != before.name
            and {"type": "Ready", "status": "True"}
            in [
                {key: condition[key] for key in ("type", "status")}
                for condition in one["status"].get("conditions", [])
            ]
        ]

    missed.terminal.wait_until(
        "a new pod is ready in its place", lambda: len(ready()) == 1, seconds=PATIENCE, every=0.2
    )
    (pod,) = ready()
    assert len(proxies(pod)) == 1
    assert _events(missed, "RestartedForInjection", "Deployment", NAME)


def test_3_a_bare_pod_is_reported_with_the_reason_and_stays(missed: Cluster) -> None:
    _await_event(missed, "InjectionMissed", "Pod", BARE, "no controller that is known")
    pod = missed.read("pod", BARE, "-n", NAMESPACE)
    assert pod["status"]["phase"] == "Running"
    assert proxies(pod) == []
