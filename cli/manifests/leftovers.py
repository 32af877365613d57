"""What is installed in a cluster, found by its label rather than by what this version would install."""

from typing import Any

from cli.cluster.client import Cluster
from cli.cluster.errors import NotFound
from cli.cluster.paths import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    DEFINITIONS,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    PODS,
    Resource,
    find,
    items,
)
from cli.failure import CommandError
from weft import labels

VALIDATING_WEBHOOKS = Resource(
    "/apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"
)
CLUSTER_WIDE: tuple[tuple[str, str, Resource], ...] = (
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", MUTATING_WEBHOOKS),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", VALIDATING_WEBHOOKS),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", CLUSTER_ROLE_BINDINGS),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", CLUSTER_ROLES),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", DEFINITIONS),
)
"""Webhooks first, so that no pod is sent to a webhook that is being deleted; the namespace takes the
namespaced objects with it."""


def installed_objects(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """Names of everything to delete, in order. Raises CommandError when nothing is installed."""
    selector = f"{labels.CONTROL_PLANE_NS_LABEL}={namespace}"
    found: list[dict[str, Any]] = []
    for api_version, kind, resource in CLUSTER_WIDE:
        try:
            listed = items(cluster, resource, selector=selector)
        except NotFound:  # the server does not know the kind, so there is none of it
            continue
        names = sorted(str(one["metadata"]["name"]) for one in listed)
        found += [
            {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}} for name in names
        ]
    if find(cluster, NAMESPACES, namespace) is not None:
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    if not found:
        raise CommandError(f"nothing of a control plane in namespace {namespace} is installed")
    return found


def refuse_while_meshed(cluster: Cluster, namespace: str) -> None:
    """Raises CommandError naming namespaces with pods that are still meshed."""
    meshed: dict[str, int] = {}
    for pod in items(cluster, PODS, selector=f"{labels.CONTROL_PLANE_NS_LABEL}={namespace}"):
        metadata = pod.get("metadata") or {}
        if labels.CONTROL_PLANE_COMPONENT_LABEL not in (metadata.get("labels") or {}):
            meshed[str(metadata.get("namespace"))] = (
                meshed.get(str(metadata.get("namespace")), 0) + 1
            )
    if meshed:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(meshed.items()))
        raise CommandError(
            f"meshed pods are left in these namespaces: {listed}",
            hint="Take them out first (`kubectl get deploy -n NAMESPACE -o yaml | mesh uninject - | kubectl apply -f -`), or add --force.",
        )
