"""Pods and deployments as the tests need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft import labels
from weft.names import CONTROL_PLANE_NAMESPACE, TrustDomain

if TYPE_CHECKING:
    from tests.mesh.cluster import Cluster, Json

PROXY = "linkerd-proxy"
MESHED = f"{labels.CONTROL_PLANE_NS_LABEL}={CONTROL_PLANE_NAMESPACE}"


@dataclass(frozen=True, slots=True)
class Pod:
    """A running pod."""

    namespace: str
    name: str
    ip: str
    service_account: str
    restarts: int
    """Of all its containers together."""

    @property
    def identity(self) -> str:
        return TrustDomain().identity(self.service_account, self.namespace)


def running(cluster: Cluster, namespace: str, selector: str) -> list[Pod]:
    """Pods that have an address and are not on their way out; `--all-namespaces` is a namespace."""
    where = [namespace] if namespace == ALL else ["-n", namespace]
    found = cluster.read("pods", *where, "-l", selector)["items"]
    return [_pod(one) for one in found if _is_running(one)]


def all_ready(cluster: Cluster) -> bool:
    """Whether every meshed pod that is not over or ending is ready."""
    found = cluster.read("pods", ALL, "-l", MESHED)["items"]
    return all(
        condition["status"] == "True"
        for one in found
        if _is_running(one)
        for condition in one["status"].get("conditions", [])
        if condition["type"] == "Ready"
    )


def only(cluster: Cluster, namespace: str, selector: str) -> Pod:
    """The one pod. Raises AssertionError when there are more or none."""
    found = running(cluster, namespace, selector)
    assert len(found) == 1, f"{selector} in {namespace}: {[one.name for one in found]}"
    return found[0]


ALL = "--all-namespaces"


def _is_running(pod: Json) -> bool:
    return (
        pod["status"].get("phase") == "Running"
        and bool(pod["status"].get("podIP"))
        and not pod["metadata"].get("deletionTimestamp")
    )


def _pod(pod: Json) -> Pod:
    status = pod["status"]
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return Pod(
        pod["metadata"]["namespace"],
        pod["metadata"]["name"],
        status["podIP"],
        pod["spec"]["serviceAccountName"],
        sum(one.get("restartCount", 0) for one in containers),
    )


def scale(cluster: Cluster, namespace: str, deployment: str, replicas: int) -> None:
    """Returns when the deployment has exactly as many pods, ready."""
    cluster.kubectl("scale", f"deploy/{deployment}", "-n", namespace, f"--replicas={replicas}")
    await_rollout(cluster, namespace, deployment)


def restart(cluster: Cluster, namespace: str, deployment: str) -> None:
    """A rolling restart; returns when it is done."""
    cluster.kubectl("rollout", "restart", f"deploy/{deployment}", "-n", namespace)
    await_rollout(cluster, namespace, deployment)


def await_rollout(cluster: Cluster, namespace: str, deployment: str) -> None:
    cluster.kubectl("rollout", "status", f"deploy/{deployment}", "-n", namespace, "--timeout=120s")


def restart_all(cluster: Cluster, *namespaces: str) -> None:
    """All deployments at once; returns when the old pods are gone."""
    for namespace in namespaces:
        cluster.kubectl("rollout", "restart", "deploy", "-n", namespace)
    for namespace in namespaces:
        await_renewal(cluster, namespace)


def upgrade(cluster: Cluster, *flags: str) -> None:
    """Returns when the control plane is what the flags of `mesh upgrade` ask for."""
    cluster.kubectl("apply", "-f", "-", given=cluster.mesh("upgrade", *flags))
    await_renewal(cluster, CONTROL_PLANE_NAMESPACE)


def await_renewal(cluster: Cluster, namespace: str) -> None:
    """Returns when every deployment is rolled out and no old pod is on its way out."""
    cluster.kubectl("rollout", "status", "deploy", "-n", namespace, "--timeout=120s")
    cluster.terminal.wait_until(
        f"the old pods of {namespace} are gone",
        lambda: not _terminating(cluster, namespace),
        seconds=120,
    )


def _terminating(cluster: Cluster, namespace: str) -> bool:
    found = cluster.read("pods", "-n", namespace)["items"]
    return any(one["metadata"].get("deletionTimestamp") for one in found)


def await_none(cluster: Cluster, namespace: str, selector: str) -> None:
    """Returns when no pod is left, also none on its way out."""
    cluster.terminal.wait_until(
        f"no pod {selector} is left in {namespace}",
        lambda: not cluster.read("pods", "-n", namespace, "-l", selector)["items"],
        seconds=60,
        every=0.2,
    )
