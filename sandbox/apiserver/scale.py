"""The `scale` subresource: `autoscaling/v1 Scale` over the replica fields of a workload."""

from dataclasses import dataclass
from typing import Any

from sandbox.apiserver.crds import CustomResources
from sandbox.apiserver.errors import InvalidError, NotFoundError, invalid
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj, dig, metadata, name_of
from sandbox.apiserver.tables.columns import selector_text

COPIED_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


@dataclass(frozen=True, slots=True)
class Paths:
    spec_replicas: tuple[str, ...] = ("spec", "replicas")
    status_replicas: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ()
    """Of the selector as text; empty: `spec.selector` is a LabelSelector or a plain map."""


def paths_of(kind: Kind, custom: CustomResources) -> Paths:
    """NotFoundError for a kind that cannot be scaled."""
    if not kind.custom:
        return Paths()
    found = custom.find(kind)
    if found is None or found.scale is None:
        raise NotFoundError.path()

    def split(key: str) -> tuple[str, ...]:
        text = str((found.scale or {}).get(key) or "").lstrip(".")
        return tuple(text.split(".")) if text else ()

    return Paths(split("specReplicasPath"), split("statusReplicasPath"), split("labelSelectorPath"))


def scale_of(obj: Obj, paths: Paths) -> Obj:
    meta = metadata(obj)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in COPIED_METADATA if key in meta},
        "spec": {"replicas": wanted}
        if (wanted := dig(obj, *paths.spec_replicas, default=0))
        else {},
        "status": {
            "replicas": dig(obj, *paths.status_replicas, default=0),
            "selector": _selector(obj, paths),
        },
    }


def _selector(obj: Obj, paths: Paths) -> str:
    if paths.selector:
        return str(dig(obj, *paths.selector, default=""))
    found = dig(obj, "spec", "selector") or {}
    if "matchLabels" in found or "matchExpressions" in found:
        return selector_text(found)
    return ",".join(f"{key}={value}" for key, value in sorted(found.items()))


def rescaled(kind: Kind, obj: Obj, scale: Obj, paths: Paths) -> None:
    """Takes the wanted replicas of `scale` over into `obj`, in place."""
    wanted: Any = dig(scale, "spec", "replicas", default=0)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
        cause = invalid("spec.replicas", wanted, "must be greater than or equal to 0")
        raise InvalidError.about("autoscaling", "Scale", name_of(obj), [cause])
    revision = metadata(scale).get("resourceVersion")
    if revision:
        obj["metadata"]["resourceVersion"] = revision
    *parents, last = paths.spec_replicas
    target = obj
    for step in parents:
        target = target.setdefault(step, {})
    target[last] = wanted
