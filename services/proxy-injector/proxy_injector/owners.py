"""Who owns a pod: its controller, as the labels and events of injection name it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.kube.objects import (
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    JOBS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Resource,
)
from proxy_injector.pod import list_at

OWNERS = {
    resource.kind: resource
    for resource in (
        DEPLOYMENTS,
        REPLICA_SETS,
        DAEMON_SETS,
        STATEFUL_SETS,
        JOBS,
        CRON_JOBS,
        Resource("", "v1", "replicationcontrollers", "ReplicationController"),
    )
}
INTERMEDIATE = frozenset({"ReplicaSet", "Job"})
"""Kinds that are usually made by another workload."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The workload an event or a label is about; the pod itself when nobody owns it."""

    kind: str
    """As Kubernetes writes it: `Deployment`."""
    name: str
    uid: str = ""


def controller_of(pod_metadata: Mapping[str, Any]) -> Parent | None:
    """The controlling owner reference, if its kind is one that labels name."""
    for reference in list_at(pod_metadata, "ownerReferences", "metadata"):
        kind, name = reference.get("kind"), reference.get("name")
        if reference.get("controller") is True and kind in OWNERS and isinstance(name, str):
            return Parent(str(kind), name, str(reference.get("uid") or ""))
    return None
