"""The files of configMap, secret, downwardAPI and projected volumes. Pure, but for asking for tokens."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from sandbox.node.downward import Facts, field_value, resource_value
from sandbox.node.env import Sources
from sandbox.node.objects import Object, namespace

TokenFor: TypeAlias = Callable[[str | None, int], str]
"""A token of the pod's for an audience (None: the API server's own), living so many seconds."""

DEFAULT_MODE = 0o644
_SHORTEST_TOKEN = 600
_DEFAULT_TOKEN = 3600


class VolumeError(Exception):
    """Why a volume cannot be made; the kubelet's words for the event."""


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    mode: int = DEFAULT_MODE
    token: bool = False
    """Read by the container's own user only."""


Payload: TypeAlias = dict[str, File]
"""Relative paths and what is there."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the content of a pod's volumes comes from."""

    pod: Object
    sources: Sources
    facts: Facts
    token: TokenFor


KINDS = ("configMap", "secret", "downwardAPI", "projected")


def payload(volume: Mapping[str, Any], origin: Origin) -> Payload:
    """The files of one volume. Raises VolumeError, FieldError, QuantityError."""
    mode = _mode_of(volume)
    if source := volume.get("configMap"):
        files = _config_map(source, str(source.get("name")), mode, origin)
    elif source := volume.get("secret"):
        files = _secret(source, str(source.get("secretName")), mode, origin)
    elif source := volume.get("downwardAPI"):
        files = _downward(source, mode, origin)
    elif source := volume.get("projected"):
        files = {}
        for one in source.get("sources") or ():
            files |= _projected(one, mode, origin)
    else:
        raise VolumeError(f"no content: allowed are {', '.join(KINDS)}")
    for path in files:
        check_path(path)
    return files


def check_path(path: str) -> None:
    """Raises VolumeError for a path that would leave its volume."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or path.startswith(".."):
        raise VolumeError(f"invalid path {path!r}: allowed are relative paths without '..'")


def _projected(source: Mapping[str, Any], mode: int, origin: Origin) -> Payload:
    if one := source.get("configMap"):
        return _config_map(one, str(one.get("name")), mode, origin)
    if one := source.get("secret"):
        return _secret(one, str(one.get("name")), mode, origin)
    if one := source.get("downwardAPI"):
        return _downward(one, mode, origin)
    if one := source.get("serviceAccountToken"):
        seconds = max(int(one.get("expirationSeconds") or _DEFAULT_TOKEN), _SHORTEST_TOKEN)
        text = origin.token(one.get("audience") or None, seconds)
        return {str(one["path"]): File(text.encode(), mode, token=True)}
    raise VolumeError(
        "projected: allowed sources are configMap, secret, downwardAPI and serviceAccountToken"
    )


def _config_map(source: Mapping[str, Any], name: str, mode: int, origin: Origin) -> Payload:
    found = origin.sources.config_map(name)
    if found is None:
        return _absent(source, "configmap", name)
    data = {key: str(value).encode() for key, value in (found.get("data") or {}).items()}
    data |= {k: base64.b64decode(v) for k, v in (found.get("binaryData") or {}).items()}
    where = f"configmap references non-existent config key: {{}} ({namespace(origin.pod)}/{name})"
    return _chosen(source, data, mode, where)


def _secret(source: Mapping[str, Any], name: str, mode: int, origin: Origin) -> Payload:
    found = origin.sources.secret(name)
    if found is None:
        return _absent(source, "secret", name)
    data = {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    where = f"references non-existent secret key: {{}} ({namespace(origin.pod)}/{name})"
    return _chosen(source, data, mode, where)


def _absent(source: Mapping[str, Any], kind: str, name: str) -> Payload:
    if source.get("optional"):
        return {}
    raise VolumeError(f'{kind} "{name}" not found')


def _chosen(
    source: Mapping[str, Any], data: Mapping[str, bytes], mode: int, missing: str
) -> Payload:
    items = source.get("items")
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    files: Payload = {}
    for item in items:
        key = str(item["key"])
        if key in data:
            files[str(item["path"])] = File(data[key], _item_mode(item, mode))
        elif not source.get("optional"):
            raise VolumeError(missing.format(key))
    return files


def _downward(source: Mapping[str, Any], mode: int, origin: Origin) -> Payload:
    files: Payload = {}
    for item in source.get("items") or ():
        if reference := item.get("fieldRef"):
            text = field_value(origin.pod, str(reference["fieldPath"]), origin.facts)
        else:
            reference = item.get("resourceFieldRef") or {}
            text = resource_value(origin.pod, {}, reference, origin.facts)
        files[str(item["path"])] = File(text.encode(), _item_mode(item, mode))
    return files


def _mode_of(volume: Mapping[str, Any]) -> int:
    for kind in KINDS:
        if source := volume.get(kind):
            mode = source.get("defaultMode")
            return DEFAULT_MODE if mode is None else int(mode)
    return DEFAULT_MODE


def _item_mode(item: Mapping[str, Any], default: int) -> int:
    mode = item.get("mode")
    return default if mode is None else int(mode)
