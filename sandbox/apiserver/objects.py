"""Kubernetes objects as plain dictionaries, and the few questions everybody asks them.

An `Obj` is the JSON of one object. Objects that come out of the store (`get`, `list`, watches) are
shared with it: read them, never change them; `copied` gives one that is yours.
"""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Obj = dict[str, Any]

NAME_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of generated names: no vowels, so that no words appear (apimachinery util/rand)."""


def copied(value: Any) -> Any:
    """A deep copy of JSON data. Much cheaper than `copy.deepcopy`, which keeps a memo."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def metadata(obj: Mapping[str, Any]) -> Obj:
    found = obj.get("metadata")
    return found if isinstance(found, dict) else {}


def name_of(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("name") or "")


def namespace_of(obj: Mapping[str, Any]) -> str:
    """The namespace, or "" for a cluster-wide object."""
    return str(metadata(obj).get("namespace") or "")


def uid_of(obj: Mapping[str, Any]) -> str:
    return str(metadata(obj).get("uid") or "")


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    return metadata(obj).get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    return metadata(obj).get("annotations") or {}


def owners_of(obj: Mapping[str, Any]) -> list[Obj]:
    return metadata(obj).get("ownerReferences") or []


def controller_of(obj: Mapping[str, Any]) -> Obj | None:
    """The owner reference with `controller: true`, of which there is at most one."""
    return next((owner for owner in owners_of(obj) if owner.get("controller")), None)


def is_deleting(obj: Mapping[str, Any]) -> bool:
    return bool(metadata(obj).get("deletionTimestamp"))


def spec_of(obj: Mapping[str, Any]) -> Obj:
    return obj.get("spec") or {}


def status_of(obj: Mapping[str, Any]) -> Obj:
    return obj.get("status") or {}


def condition(obj: Mapping[str, Any], wanted: str) -> Obj | None:
    """The entry of `status.conditions` whose type is `wanted`."""
    for entry in status_of(obj).get("conditions") or []:
        if entry.get("type") == wanted:
            return dict(entry)
    return None


def dig(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value under a path of keys and indexes, or `default` when some step is missing."""
    for step in path:
        try:
            obj = obj[step]
        except (KeyError, IndexError, TypeError):
            return default
    return obj


def containers_of(pod_spec: Mapping[str, Any]) -> Iterator[Obj]:
    """Every container of a pod spec: init containers first, then the ordinary ones."""
    yield from pod_spec.get("initContainers") or []
    yield from pod_spec.get("containers") or []


def timestamp(moment: datetime) -> str:
    """`metav1.Time`: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """Reads `metav1.Time` and `metav1.MicroTime`. ValueError when it is neither."""
    return datetime.fromisoformat(text)


def random_suffix(length: int = 5) -> str:
    """The random end of a generated name, as in `web-7d4b9c6f5-x2x8k`."""
    return "".join(secrets.choice(NAME_SUFFIX_ALPHABET) for _ in range(length))
