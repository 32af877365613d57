"""Where the pod is inside each kind of object."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy_injector.pod import Json, MalformedObject, kind_of

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Path from a workload to what has a pod's `metadata` and `spec`."""


ANNOTATED = ("Namespace", "Service")
"""Kinds without a pod that may be annotated."""


def misspelt(manifest: Json) -> str:
    """What is wrong with the letters of a kind that is otherwise one of these; empty when nothing is."""
    kind = str(manifest.get("kind"))
    meant = {one.lower(): one for one in (*TEMPLATES, *ANNOTATED)}.get(kind.lower(), kind)
    return f'kind "{kind}" is not known: it is written "{meant}"' if meant != kind else ""


@dataclass(frozen=True, slots=True)
class Named:
    """An object as the report calls it."""

    kind: str
    """Lower case; empty when the document has none."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def named(manifest: Json) -> Named:
    """Kind and name. Raises MalformedObject when they are not text."""
    kind = manifest.get("kind")
    if kind is None or kind == "":
        return Named("", "")
    if not isinstance(kind, str):
        raise MalformedObject(f"kind must be a string, not {kind_of(kind)}")
    metadata = manifest.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise MalformedObject(f"metadata must be an object, not {kind_of(metadata)}")
    name = metadata.get("name", metadata.get("generateName", ""))
    if not isinstance(name, str):
        raise MalformedObject(
            f"metadata.name must be a string, not {kind_of(name)}: put it in quotes"
        )
    return Named(kind.lower(), name)


def is_list(manifest: Json) -> bool:
    """Whether the object holds others: `List`, `DeploymentList`."""
    kind = manifest.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and "items" in manifest


def list_items(manifest: Json) -> Iterator[tuple[int, Json]]:
    """The objects of a list, with their numbers. Raises MalformedObject."""
    found = manifest["items"]
    if found is None:
        return
    if not isinstance(found, list):
        raise MalformedObject(f"items must be a list, not {kind_of(found)}")
    for index, item in enumerate(found):
        if not isinstance(item, dict):
            raise MalformedObject(f"items[{index}] must be an object, not {kind_of(item)}")
        yield index, item


def pod_of(manifest: Json) -> Json | None:
    """The pod or pod template inside a workload; None for other kinds. Raises MalformedObject."""
    path = TEMPLATES.get(str(manifest.get("kind")))
    if path is None:
        return None
    node: Any = manifest
    for depth, part in enumerate(path):
        node = node.get(part)
        if not isinstance(node, dict):
            said = "is missing" if node is None else f"must be an object, not {kind_of(node)}"
            raise MalformedObject(f"{'.'.join(path[: depth + 1])} {said}")
    if not isinstance(node.get("spec"), dict):
        where = ".".join((*path, "spec"))
        said = (
            "is missing"
            if node.get("spec") is None
            else f"must be an object, not {kind_of(node['spec'])}"
        )
        raise MalformedObject(f"{where} {said}")
    return node  # type: ignore[no-any-return]
