"""What applying manifests would change in a cluster, in words.

A field counts when the manifest says it: what the API server adds by itself is no difference. A field
that an earlier manifest said and this one does not is removed by `kubectl apply`, which remembers it in an
annotation; the same annotation is read here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.manifests.config import CONFIG, CONFIG_KEY
from cli.render.yaml_text import YamlError, load_one

Json = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LONG = 60
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that would not be the same afterwards."""

    called: str
    """`deployment/weft-web`."""
    changes: tuple[str, ...]
    """One line for each field; empty for an object that would be created."""

    def __str__(self) -> str:
        if not self.changes:
            return f"{self.called}: created"
        return "\n  ".join((f"{self.called}: changed", *self.changes))


def compare(manifest: Json, live: Json | None) -> Difference | None:
    """How `live` would change; None when it would not."""
    called = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
    if live is None:
        return Difference(called, ())
    if manifest["kind"] == "Secret":
        changes = [f"data.{key}: changed" for key, *_ in _changes(manifest, live, ("data",))]
    elif manifest["metadata"]["name"] == CONFIG:
        changes = list(_value_changes(manifest, live))
    else:
        changes = [
            f"{path}: {_words(old)} -> {_words(new)}"
            for path, old, new in _fields("", manifest, live)
        ]
        changes += [f"{path}: removed" for path in _removed("", _applied(live), manifest, live)]
    return Difference(called, tuple(changes)) if changes else None


def _changes(manifest: Json, live: Json, below: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    new: Any = manifest
    old: Any = live
    for key in below:
        new, old = new.get(key) or {}, old.get(key) or {}
    for key in sorted({*new, *old}):
        if new.get(key) != old.get(key):
            yield key, old.get(key, ABSENT), new.get(key, ABSENT)


def _value_changes(manifest: Json, live: Json) -> Iterator[str]:
    """The values by their names, instead of the text they are stored as."""
    old, new = _values(live), _values(manifest)
    for name in sorted({*old, *new}):
        if old.get(name, ABSENT) != new.get(name, ABSENT):
            yield f"value {name}: {_words(old.get(name, ABSENT))} -> {_words(new.get(name, ABSENT))}"


def _values(config: Json) -> dict[str, Any]:
    try:
        tree = load_one((config.get("data") or {}).get(CONFIG_KEY, ""))
    except YamlError:
        return {}
    return dict(_leaves("", tree)) if isinstance(tree, dict) else {}


def _leaves(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value


def _fields(path: str, new: Any, old: Any) -> Iterator[tuple[str, Any, Any]]:
    """Fields the manifest says and the live object has otherwise."""
    if isinstance(new, dict):
        old = old if isinstance(old, dict) else {}
        for key, value in new.items():
            yield from _fields(_join(path, key), value, old.get(key, ABSENT))
    elif isinstance(new, list) and new and all(_identified(one) for one in new):
        existing = {_identity(one): one for one in (old if isinstance(old, list) else [])}
        for one in new:
            at = f"{path}[{_identity(one)}]"
            if _identity(one) in existing:
                yield from _fields(at, one, existing.pop(_identity(one)))
            else:
                yield at, ABSENT, one
        for left in existing:
            yield f"{path}[{left}]", existing[left], ABSENT
    elif isinstance(new, list):
        old = old if isinstance(old, list) else []
        if len(new) != len(old):
            yield path, old, new
        for index, (inner, beside) in enumerate(zip(new, old, strict=False)):
            yield from _fields(f"{path}[{index}]", inner, beside)
    elif new != old and not (new in ("", None) and old is ABSENT):
        yield path, old, new


def _removed(path: str, applied: Any, new: Any, live: Any) -> Iterator[str]:
    """Fields that were applied before, are said no more, and are still there."""
    if not isinstance(applied, dict) or not isinstance(live, dict):
        return
    for key, value in applied.items():
        at = _join(path, key)
        if key not in live or value in ({}, [], None):
            continue
        if not isinstance(new, dict) or key not in new:
            yield at
        else:
            yield from _removed(at, value, new[key], live[key])


def _applied(live: Json) -> Json:
    said = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        loaded = json.loads(said) if said else {}
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _identified(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _identity(entry: Any) -> str:
    return str(entry.get("name")) if isinstance(entry, dict) else str(entry)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _words(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    text = text.replace("\n", " ")
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."
