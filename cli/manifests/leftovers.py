"""What is installed in a cluster, found by its label rather than by what this version would install."""

from collections.abc import Iterable, Iterator
from typing import Any

from cli.checks.context import over
from cli.cluster.client import Cluster
from cli.cluster.errors import NotFound
from cli.cluster.installed import where_instead
from cli.cluster.paths import PODS, items
from cli.failure import CommandError
from cli.manifests.kinds import KINDS, NAMESPACE, Kind
from weft import labels

Json = dict[str, Any]
Name = tuple[str, str, str, str]
"""apiVersion, kind, namespace (empty for cluster-wide objects), name."""


def installed_objects(cluster: Cluster, namespace: str) -> list[Json]:
    """Names of everything to delete, in order. Raises CommandError when nothing is installed.

    A namespace the installation made takes what is in it along; of one that somebody else made, the
    objects are named one by one.
    """
    names = list(labelled(cluster, namespace))
    if _name(NAMESPACE, "", namespace) in names:
        names = [name for name in names if name[2] != namespace]
    if not names:
        raise CommandError(
            f"nothing of a control plane in namespace {namespace} is installed",
            hint=where_instead(cluster, namespace) or "If it is in another, name that with -L.",
        )
    return [reference(name) for name in names]


def superfluous(cluster: Cluster, namespace: str, wanted: Iterable[Json]) -> list[Json]:
    """Names of installed objects that are not among `wanted`, in the order to delete them."""
    kept = {name_of(one) for one in wanted}
    return [
        reference(name)
        for name in labelled(cluster, namespace)
        if name not in kept and name != _name(NAMESPACE, "", namespace)
    ]


def labelled(cluster: Cluster, namespace: str) -> Iterator[Name]:
    """Everything with the control plane's label, in the order to delete it."""
    for kind in KINDS:
        within = namespace if kind.namespaced and not kind.everywhere else None
        selector = f"{labels.CONTROL_PLANE_NS_LABEL}={namespace}"
        try:
            found = items(cluster, kind.resource, within, selector)
        except NotFound:  # the server does not know the kind, so there is none of it
            continue
        yield from sorted(
            _name(kind, str(one["metadata"].get("namespace") or ""), str(one["metadata"]["name"]))
            for one in found
            if not one["metadata"].get("ownerReferences")
        )


def name_of(manifest: Json) -> Name:
    """What tells an object from all others."""
    metadata = manifest["metadata"]
    return (
        manifest["apiVersion"],
        manifest["kind"],
        metadata.get("namespace") or "",
        metadata["name"],
    )


def reference(name: Name) -> Json:
    """The least manifest that `kubectl delete -f -` understands."""
    api_version, kind, namespace, called = name
    metadata = {"name": called, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _name(kind: Kind, namespace: str, name: str) -> Name:
    return kind.api_version, kind.name, namespace, name


def refuse_while_meshed(cluster: Cluster, namespace: str) -> None:
    """Raises CommandError naming namespaces with pods that are still meshed."""
    meshed: dict[str, int] = {}
    for pod in items(cluster, PODS, selector=f"{labels.CONTROL_PLANE_NS_LABEL}={namespace}"):
        metadata = pod.get("metadata") or {}
        if not over(pod) and labels.CONTROL_PLANE_COMPONENT_LABEL not in (
            metadata.get("labels") or {}
        ):
            meshed[str(metadata.get("namespace"))] = (
                meshed.get(str(metadata.get("namespace")), 0) + 1
            )
    if meshed:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(meshed.items()))
        raise CommandError(
            f"meshed pods are left in these namespaces: {listed}",
            hint="Take them out first (`kubectl get deploy -n NAMESPACE -o yaml | mesh uninject - | kubectl apply -f -`), or add --force.",
        )
