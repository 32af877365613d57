"""What checks ask of the world. Nothing is remembered between two questions but the connection, and what
`list_once` read: a retried check must see what has changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.checks.problem import Problem
from cli.cluster.client import Cluster
from cli.cluster.installed import Installed, read_installed
from cli.cluster.paths import PODS, Resource, items
from weft import labels
from weft.names import (
    DESTINATION_COMPONENT,
    IDENTITY_COMPONENT,
    INJECTOR_COMPONENT,
    TAP_COMPONENT,
    WEB_COMPONENT,
)
from weft.readiness import LISTENING

Json = dict[str, Any]
COMPONENTS = {
    "identity": IDENTITY_COMPONENT,
    "destination": DESTINATION_COMPONENT,
    "proxy-injector": INJECTOR_COMPONENT,
    "web": WEB_COMPONENT,
    "tap": TAP_COMPONENT,
}
"""Component label -> Deployment."""
PROXY = "linkerd-proxy"


@dataclass(slots=True)
class Context:
    """One run of `mesh check`."""

    connect: Callable[[], Cluster]
    """Raises ClusterError."""
    weft_namespace: str
    data_namespace: str | None
    """The namespace whose proxies are checked; None is all."""
    expected_version: str
    now: Callable[[], datetime]
    _cluster: Cluster | None = field(default=None)
    _listed: dict[tuple[Resource, str | None], list[Json]] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        """The connection, made once. Raises ClusterError."""
        if self._cluster is None:
            self._cluster = self.connect()
        return self._cluster

    def list_once(self, resource: Resource, namespace: str | None = None) -> list[Json]:
        """Objects as they were when first asked for, for checks that are not retried. Raises ClusterError."""
        key = resource, namespace
        if key not in self._listed:
            self._listed[key] = items(self.cluster, resource, namespace)
        return self._listed[key]

    def installed(self) -> Installed:
        """The installation. Raises ClusterError."""
        found = read_installed(self.cluster, self.weft_namespace)
        if found is None:
            raise Problem(
                f"there is no control plane in namespace {self.weft_namespace}", hopeless=True
            )
        return found

    def component_pods(self, component: str) -> list[Json]:
        """Pods of one control-plane component that are not on their way out."""
        selector = f"{labels.CONTROL_PLANE_COMPONENT_LABEL}={component}"
        return [
            pod for pod in items(self.cluster, PODS, self.weft_namespace, selector) if alive(pod)
        ]

    def control_plane_pods(self) -> list[Json]:
        """Pods of all components."""
        return [pod for component in COMPONENTS for pod in self.component_pods(component)]

    def data_plane_pods(self) -> list[Json]:
        """Meshed pods of applications, in the namespace under check or in all."""
        selector = f"{labels.CONTROL_PLANE_NS_LABEL}={self.weft_namespace}"
        return [
            pod
            for pod in items(self.cluster, PODS, self.data_namespace, selector)
            if alive(pod)
            and labels.CONTROL_PLANE_COMPONENT_LABEL not in pod_labels(pod)
            and any(one["name"] == PROXY for one in proxies_and_containers(pod))
        ]


def alive(pod: Json) -> bool:
    """Neither over nor being deleted."""
    return not over(pod) and not pod["metadata"].get("deletionTimestamp")


def over(pod: Json) -> bool:
    """Whether its containers have ended for good, as those of a Job's pod that stays to be looked at."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def pod_name(pod: Json) -> str:
    """`namespace/name`."""
    metadata = pod["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def pod_labels(pod: Json) -> dict[str, str]:
    """Labels; none when absent."""
    return pod["metadata"].get("labels") or {}


def pod_annotations(pod: Json) -> dict[str, str]:
    """Annotations; none when absent."""
    return pod["metadata"].get("annotations") or {}


def proxies_and_containers(pod: Json) -> list[Json]:
    """Containers that keep running: the application's and native sidecars."""
    spec = pod.get("spec") or {}
    native = [
        one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"
    ]
    return native + list(spec.get("containers") or [])


def not_ready(pod: Json, only: str | None = None) -> list[str]:
    """One sentence for each container that should be ready and is not."""
    status = pod.get("status") or {}
    known = {
        one["name"]: one
        for one in [
            *(status.get("initContainerStatuses") or []),
            *(status.get("containerStatuses") or []),
        ]
    }
    sentences = []
    for container in proxies_and_containers(pod):
        name = container["name"]
        if only is not None and name != only:
            continue
        state = known.get(name)
        if state is None:
            sentences.append(
                f"pod/{pod_name(pod)} container {name} has not started{_why_pending(pod)}"
            )
        elif not state.get("ready"):
            why = _why(state) or _what_it_waits_for(container)
            sentences.append(f"pod/{pod_name(pod)} container {name} is not ready{why}")
    return sentences


def _why(state: Json) -> str:
    waiting = (state.get("state") or {}).get("waiting")
    if waiting and waiting.get("reason"):
        return f": {waiting['reason']}" + (
            f" ({waiting['message']})" if waiting.get("message") else ""
        )
    ended = (state.get("lastState") or {}).get("terminated") or (state.get("state") or {}).get(
        "terminated"
    )
    if ended:
        said = (ended.get("message") or "").strip().splitlines()
        return f": it ended with exit code {ended.get('exitCode')}" + (
            f" ({said[-1]})" if said else ""
        )
    return ""


def _what_it_waits_for(container: Json) -> str:
    """A proxy says that it is ready only while its application listens, where a `tcpSocket` probe asks for that."""
    asked = ((container.get("readinessProbe") or {}).get("httpGet") or {}).get("path") or ""
    _, _, ports = asked.partition(LISTENING)
    return f": nothing in the pod listens on {ports} yet, or it has no certificate" if ports else ""


def _why_pending(pod: Json) -> str:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f": not scheduled ({condition.get('message') or condition.get('reason')})"
    for one in status.get("initContainerStatuses") or []:
        if not one.get("ready") and (one.get("state") or {}).get("waiting"):
            return f": it waits for init container {one['name']}{_why(one)}"
    return ""
