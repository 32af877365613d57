"""CustomResourceDefinitions: from the object to served kinds, schemas, columns and fields.

`CustomResources` follows the store: a stored CRD is served at once and marked Established; a
deleted one takes its objects with it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.apiserver import objects, schema
from sandbox.apiserver.errors import BadRequestError, InvalidError
from sandbox.apiserver.kinds import CUSTOM_RESOURCE_DEFINITION, Kind, StorageKey
from sandbox.apiserver.objects import Obj, dig
from sandbox.apiserver.selectors import FieldReader
from sandbox.apiserver.store import Store
from sandbox.apiserver.watch import Change


@dataclass(frozen=True, slots=True)
class CustomVersion:
    """One served version of a custom resource."""

    kind: Kind
    schema: Obj
    columns: tuple[Obj, ...]
    selectable: tuple[str, ...]
    scale: Obj | None
    """`specReplicasPath`, `statusReplicasPath`, `labelSelectorPath`."""


def versions_of(crd: Obj) -> list[CustomVersion]:
    """The served versions of a CRD, in Kubernetes' order of preference."""
    spec = crd["spec"]
    served = [version for version in spec["versions"] if version.get("served")]
    return [
        _version(spec, one) for one in sorted(served, key=lambda one: version_rank(one["name"]))
    ]


def _version(spec: Obj, version: Obj) -> CustomVersion:
    names = spec["names"]
    subresources = version.get("subresources") or {}
    kind = Kind(
        spec["group"],
        version["name"],
        names["kind"],
        names["plural"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=frozenset(subresources),
        singular=names.get("singular") or "",
        list_kind=names.get("listKind") or "",
        generation=True,
        custom=True,
    )
    return CustomVersion(
        kind,
        dig(version, "schema", "openAPIV3Schema") or {},
        tuple(version.get("additionalPrinterColumns") or ()),
        tuple(one["jsonPath"] for one in version.get("selectableFields") or ()),
        subresources.get("scale"),
    )


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sorts v2 before v1 before v1beta2 before v1alpha1, and anything else last."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if match is None:
        return (3, 0, 0, version)
    major, stage, minor = match.groups()
    return ({None: 0, "beta": 1, "alpha": 2}[stage], -int(major), -int(minor or 0), version)


class CustomResources:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._versions: dict[tuple[str, str, str], CustomVersion] = {}
        store.observe(self._follow)

    def find(self, kind: Kind) -> CustomVersion | None:
        return self._versions.get((kind.group, kind.version, kind.plural))

    def schema(self, kind: Kind) -> Obj | None:
        found = self.find(kind)
        return found.schema if found else None

    def selectable(self, kind: Kind) -> Mapping[str, FieldReader]:
        """The extra field selectors of a custom resource."""
        found = self.find(kind)
        return {path.lstrip("."): _reader(path) for path in (found.selectable if found else ())}

    def complete(self, kind: Kind, obj: Obj, *, strict: bool, warnings: list[str]) -> None:
        """Prunes unknown fields (BadRequestError when `strict`, else a warning), fills defaults."""
        found = self.schema(kind)
        if found is None:
            return
        unknown = schema.prune(found, obj)
        if unknown and strict:
            listed = ", ".join(f'unknown field "{path}"' for path in unknown)
            raise BadRequestError(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}:'
                f" strict decoding error: {listed}"
            )
        warnings += [f'unknown field "{path}"' for path in unknown]
        schema.fill(found, obj)

    def check(self, kind: Kind, obj: Obj) -> None:
        """InvalidError when the object does not fit its schema."""
        found = self.schema(kind)
        if found is None:
            return
        problems = schema.problems(found, obj)
        if problems:
            raise InvalidError.of(kind, objects.name_of(obj), problems)

    def _follow(self, kind: Kind, change: Change) -> None:
        if kind.key != CUSTOM_RESOURCE_DEFINITION.key:
            return
        if change.after is None:
            self._forget(change.before or {})
        else:
            self._serve(change.after)

    def _serve(self, crd: Obj) -> None:
        key: StorageKey = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        self._store.registry.remove(key)
        self._drop(key)
        for version in versions_of(crd):
            kind = version.kind
            self._store.registry.add(kind)
            self._store.begin(kind)
            self._versions[kind.group, kind.version, kind.plural] = version
        self._store.mutate(CUSTOM_RESOURCE_DEFINITION, "", objects.name_of(crd), self._established)

    def _established(self, crd: Obj) -> None:
        status = crd.setdefault("status", {})
        status["acceptedNames"] = objects.copied(crd["spec"]["names"])
        stored = next(one["name"] for one in crd["spec"]["versions"] if one.get("storage"))
        versions = status.get("storedVersions") or []
        status["storedVersions"] = versions if stored in versions else [*versions, stored]
        conditions = {one["type"]: one for one in status.get("conditions") or []}
        for name, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ):
            now = objects.timestamp(self._store.clock())
            entry = {"type": name, "status": "True", "reason": reason, "message": message}
            conditions.setdefault(name, {**entry, "lastTransitionTime": now})
        status["conditions"] = list(conditions.values())

    def _forget(self, crd: Obj) -> None:
        key: StorageKey = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        kind = self._store.registry.by_resource(*key)
        if kind is None:
            return
        for obj in self._store.list(kind):
            namespace, name = objects.namespace_of(obj), objects.name_of(obj)
            if objects.metadata(obj).get("finalizers"):
                self._store.mutate(kind, namespace, name, _let_go)
            self._store.delete(kind, namespace, name)
        self._store.registry.remove(key)
        self._drop(key)

    def _drop(self, key: StorageKey) -> None:
        for path in [one for one in self._versions if (one[0], one[2]) == key]:
            del self._versions[path]


def _let_go(obj: Obj) -> None:
    obj["metadata"].pop("finalizers", None)


def _reader(path: str) -> FieldReader:
    steps = path.lstrip(".").split(".")
    return lambda obj: dig(obj, *steps)
