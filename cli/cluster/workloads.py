"""The pods of a workload, found by who owns whom."""

from cli.checks.context import alive
from cli.cluster.client import Cluster, Json
from cli.cluster.errors import ClusterError
from cli.cluster.paths import JOBS, NAMESPACES, PODS, REPLICA_SETS, SERVICES, Resource, find, items
from cli.resources import NAMESPACE, POD, SERVICE

Owner = tuple[str, str]
"""Kind in lower case, and name."""
_BETWEEN: dict[str, tuple[str, Resource]] = {
    "deployment": ("replicaset", REPLICA_SETS),
    "cronjob": ("job", JOBS),
}
"""Kinds whose pods belong to objects they own."""


class NoPods(ClusterError):
    """The workload does not exist, or has no pods."""


def pods_of(cluster: Cluster, namespace: str, kind: str, name: str) -> list[Json]:
    """At least one pod, by name; those that are over or ending are left out. Raises ClusterError, NoPods.

    `kind` is in singular: a pod, a workload, a service or a namespace.
    """
    found = [pod for pod in _select(cluster, namespace, kind, name) if alive(pod)]
    if not found:
        where = "" if kind == NAMESPACE else f" in namespace {namespace}"
        raise NoPods(
            f"{kind}/{name}{where} has no pods, or does not exist",
            hint=f"`kubectl get {kind} {name}"
            + ("`" if kind == NAMESPACE else f" -n {namespace}`")
            + " says which.",
        )
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


def owner_of(pod: Json) -> Owner | None:
    """The controller of a pod or of what owns one."""
    for one in pod["metadata"].get("ownerReferences") or []:
        if one.get("controller"):
            return str(one.get("kind", "")).lower(), str(one.get("name", ""))
    return None


def is_ready(pod: Json) -> bool:
    """As its Services see it."""
    return any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in (pod.get("status") or {}).get("conditions") or []
    )


def _select(cluster: Cluster, namespace: str, kind: str, name: str) -> list[Json]:
    if kind == POD:
        pod = find(cluster, PODS, name, namespace)
        return [] if pod is None else [pod]
    if kind == NAMESPACE:
        return items(cluster, PODS, name) if find(cluster, NAMESPACES, name) else []
    if kind == SERVICE:
        service = find(cluster, SERVICES, name, namespace)
        selector = ((service or {}).get("spec") or {}).get("selector") or {}
        wanted = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        return items(cluster, PODS, namespace, wanted) if wanted else []
    owners = {(kind, name)}
    if kind in _BETWEEN:
        between, resource = _BETWEEN[kind]
        owners |= {
            (between, str(one["metadata"]["name"]))
            for one in items(cluster, resource, namespace)
            if owner_of(one) == (kind, name)
        }
    return [pod for pod in items(cluster, PODS, namespace) if owner_of(pod) in owners]
