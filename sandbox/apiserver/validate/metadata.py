"""`metadata` of every kind: names by the kind's own grammar, labels, annotations, owners."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.apiserver import kinds
from sandbox.apiserver.errors import Cause, invalid, required, wrong_type
from sandbox.apiserver.kinds import Kind, StorageKey
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.validate import names

_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")
ANNOTATIONS_LIMIT = 256 * 1024

_NAME_GRAMMARS: dict[StorageKey, Callable[[str], str | None]] = {
    kinds.NAMESPACE.key: names.dns_label,
    kinds.SERVICE.key: names.dns_label_1035,
    kinds.ROLE.key: names.path_segment,
    kinds.ROLE_BINDING.key: names.path_segment,
    kinds.CLUSTER_ROLE.key: names.path_segment,
    kinds.CLUSTER_ROLE_BINDING.key: names.path_segment,
    kinds.API_SERVICE.key: names.path_segment,
}


def causes(kind: Kind, obj: Obj) -> Iterator[Cause]:
    meta = obj.get("metadata")
    if not isinstance(meta, dict):
        yield required("metadata")
        return
    yield from _name(kind, meta)
    yield from labels(meta.get("labels"), "metadata.labels")
    yield from _annotations(meta.get("annotations"))
    yield from _owners(meta.get("ownerReferences"))
    for at, finalizer in enumerate(meta.get("finalizers") or []):
        if wrong := names.qualified_name(str(finalizer)):
            yield invalid("metadata.finalizers", finalizer, wrong)
        elif "/" not in str(finalizer) and finalizer not in _STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{at}]", finalizer, why)


def _name(kind: Kind, meta: Obj) -> Iterator[Cause]:
    grammar = _NAME_GRAMMARS.get(kind.key, names.dns_subdomain)
    name, generate = meta.get("name"), meta.get("generateName")
    if name is not None and not isinstance(name, str):
        yield wrong_type("metadata.name", name, "must be a string")
    elif name:
        if wrong := grammar(name):
            yield invalid("metadata.name", name, wrong)
    elif not generate:
        yield required("metadata.name", "name or generateName is required")
    elif wrong := grammar(f"{generate}x"):
        yield invalid("metadata.generateName", generate, wrong)


def labels(found: Any, path: str) -> Iterator[Cause]:
    if found is None:
        return
    if not isinstance(found, Mapping):
        yield wrong_type(path, found, "must be an object")
        return
    for key, value in found.items():
        if wrong := names.qualified_name(key):
            yield invalid(path, key, wrong)
        if not isinstance(value, str):
            yield wrong_type(path, value, f"the value of {key} must be a string")
        elif wrong := names.label_value(value):
            yield invalid(path, value, wrong)


def _annotations(found: Any) -> Iterator[Cause]:
    path = "metadata.annotations"
    if found is None:
        return
    if not isinstance(found, Mapping):
        yield wrong_type(path, found, "must be an object")
        return
    size = 0
    for key, value in found.items():
        if wrong := names.qualified_name(key.lower()):
            yield invalid(path, key, wrong)
        if not isinstance(value, str):
            yield wrong_type(path, value, f"the value of {key} must be a string")
        else:
            size += len(key) + len(value)
    if size > ANNOTATIONS_LIMIT:
        yield Cause(
            path, "FieldValueTooLong", f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"
        )


def _owners(found: Any) -> Iterator[Cause]:
    controllers = 0
    for owner in found or []:
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                yield invalid(f"metadata.ownerReferences.{key}", "", "must not be empty")
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        yield invalid(
            "metadata.ownerReferences", found, "Only one reference can have Controller set to true"
        )
