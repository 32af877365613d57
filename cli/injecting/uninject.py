"""The way back: removes the proxy's containers, volumes, labels and annotations.

What users wrote stays: `linkerd.io/inject: disabled` and every `config.linkerd.io/*` annotation.
"""

from copy import deepcopy
from typing import Any

from cli.injecting.documents import Manifest, ManifestError
from cli.injecting.report import Row
from cli.injecting.workloads import is_list, list_items, named, pod_of
from proxy_injector.environment import PROXY_CONTAINER
from proxy_injector.pod import (
    Json,
    MalformedObject,
    containers,
    init_containers,
    list_at,
    mapping_at,
)
from proxy_injector.sidecar import (
    DEBUG_CONTAINER,
    END_ENTITY_VOLUME,
    INIT_CONTAINER,
    TOKEN_VOLUME,
    XTABLES_LOCK,
)
from weft import labels

PREFIX = "linkerd.io/"
CONTAINERS = frozenset(
    {PROXY_CONTAINER, INIT_CONTAINER, DEBUG_CONTAINER, "linkerd-network-validator"}
)
VOLUMES = frozenset({XTABLES_LOCK, END_ENTITY_VOLUME, TOKEN_VOLUME, "linkerd-podinfo"})


def uninject_manifest(manifest: Manifest) -> tuple[Json, list[Row]]:
    """The object without the mesh's additions, and a row per object. Raises ManifestError."""
    try:
        return _uninject(manifest.value)
    except MalformedObject as error:
        raise ManifestError(manifest.place, str(error)) from None


def _uninject(value: Json) -> tuple[Json, list[Row]]:
    if is_list(value):
        rows: list[Row] = []
        items = []
        for _, item in list_items(value):
            one, found = _uninject(item)
            items.append(one)
            rows += found
        return {**value, "items": items}, rows
    known = named(value)
    changed = deepcopy(value)
    target = changed if known.kind == "namespace" else pod_of(changed)
    if target is None:
        return value, [Row(known, "skipped")]
    if known.kind != "namespace":
        _strip_spec(target["spec"])
    _strip_metadata(target)
    if changed == value:
        return value, [Row(known, "skipped")]
    return changed, [Row(known, "uninjected")]


def _strip_spec(spec: Json) -> None:
    kept = {
        "containers": [one for one in containers(spec) if one.get("name") not in CONTAINERS],
        "initContainers": [
            one for one in init_containers(spec) if one.get("name") not in CONTAINERS
        ],
        "volumes": [
            one for one in list_at(spec, "volumes", "spec") if one.get("name") not in VOLUMES
        ],
    }
    for key, remaining in kept.items():
        if remaining:
            spec[key] = remaining
        elif spec.get(key):
            del spec[key]


def _strip_metadata(target: Json) -> None:
    metadata = mapping_at(target, "metadata", "object")
    if not isinstance(metadata, dict):
        return
    stripped = False
    for key in ("annotations", "labels"):
        entries = mapping_at(metadata, key, "metadata")
        kept = {name: value for name, value in entries.items() if not _ours(name, value)}
        if len(kept) == len(entries):
            continue
        stripped = True
        if kept:
            metadata[key] = kept
        else:
            del metadata[key]
    if stripped and not metadata:
        del target["metadata"]


def _ours(name: str, value: Any) -> bool:
    return name.startswith(PREFIX) and (name, value) != (labels.INJECT, labels.INJECT_DISABLED)
