"""Server-side apply: each manager owns the fields it applied.

A new configuration is merged into the object; fields the same manager applied before and no longer
names are taken away, unless another manager owns them too. A field owned by another *applying*
manager with a different value is a conflict, unless forced. Writes by ordinary updates own nothing
here: the sandbox's controllers would otherwise appear in every conflict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.apiserver.errors import ConflictError
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj, copied, timestamp
from sandbox.apiserver.patch import fields
from sandbox.apiserver.patch.fields import FieldSet, Rule
from sandbox.apiserver.patch.merge_keys import SET, ListRule, list_rule

NOT_OWNED = ("apiVersion", "kind")
NOT_OWNED_METADATA = (
    "name", "namespace", "managedFields", "uid", "resourceVersion", "creationTimestamp",
    "generation", "selfLink",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manager:
    name: str
    force: bool = False


def built_in_rules(kind: Kind) -> Rule:
    return lambda path: list_rule(kind.kind, path)


def schema_rules(schema: Obj) -> Rule:
    """List rules of a custom resource, from its schema's `x-kubernetes-list-*`."""

    def rule(path: tuple[str, ...]) -> ListRule | None:
        node: Any = schema
        for step in path:
            while isinstance(node, dict) and "items" in node:
                node = node["items"]
            properties = node.get("properties") or {} if isinstance(node, dict) else {}
            node = properties.get(step)
        if path == ("metadata", "finalizers"):
            return SET
        if path == ("metadata", "ownerReferences"):
            return ListRule(("uid",))
        kind = node.get("x-kubernetes-list-type") if isinstance(node, dict) else None
        if kind == "map":
            return ListRule(tuple(node.get("x-kubernetes-list-map-keys") or ()))
        return SET if kind == "set" else None

    return rule


def applied(
    kind: Kind, stored: Obj, config: Obj, manager: Manager, *, now: datetime, rule: Rule
) -> Obj:
    """`stored` ({} when there is none) after `manager` applied `config`; a new object.

    ConflictError lists the fields other managers own.
    """
    owned = fields.of(_ownable(config), rule)
    entries: list[Obj] = stored.get("metadata", {}).get("managedFields") or []
    if not manager.force:
        _refuse_conflicts(kind, stored, config, entries, manager, owned, rule)
    before = next((_set(one) for one in entries if _is_mine(one, manager)), {})
    others = [
        _set(one)
        for one in entries
        if one.get("operation") == "Apply" and not _is_mine(one, manager)
    ]
    result: Obj = fields.merged(copied(stored), _without_nulls(config), rule)
    abandoned = fields.minus(before, owned)
    for other in others:
        abandoned = fields.minus(abandoned, other)
    fields.remove(result, abandoned)
    result["apiVersion"], result["kind"] = kind.api_version, kind.kind
    meta = result.setdefault("metadata", {})
    kept = [one for one in entries if not _is_mine(one, manager)]
    if manager.force:
        kept = [_ceded(one, owned) for one in kept]
    entries = [*kept, _entry(kind, manager, owned, now)]
    meta["managedFields"] = sorted((one for one in entries if _set(one)), key=_rank)
    return result


def _refuse_conflicts(
    kind: Kind,
    stored: Obj,
    config: Obj,
    entries: list[Obj],
    manager: Manager,
    owned: FieldSet,
    rule: Rule,
) -> None:
    found: list[Obj] = []
    for entry in entries:
        if entry.get("operation") != "Apply" or _is_mine(entry, manager):
            continue
        for path in fields.contested(owned, _set(entry)):
            wanted = fields.value_at(config, path)
            # An object that is merely named says nothing about what is in it.
            if not isinstance(wanted, dict) and fields.value_at(stored, path) != wanted:
                shown = fields.shown(path)
                message = f'conflict with "{entry.get("manager")}"'
                found.append({"reason": "FieldManagerConflict", "message": message, "field": shown})
    if found:
        noun = "conflict" if len(found) == 1 else "conflicts"
        listed = "; ".join(f"{one['message']}: {one['field']}" for one in found)
        raise ConflictError(
            f"Apply failed with {len(found)} {noun}: {listed}",
            details={"causes": found},
        )


def _rank(entry: Obj) -> tuple[str, str, str, str]:
    """The order in which managers are shown."""
    return (
        str(entry.get("operation")),
        str(entry.get("subresource") or ""),
        str(entry.get("time")),
        str(entry.get("manager")),
    )


def _is_mine(entry: Mapping[str, Any], manager: Manager) -> bool:
    return (
        entry.get("operation") == "Apply"
        and entry.get("manager") == manager.name
        and not entry.get("subresource")
    )


def _set(entry: Obj) -> FieldSet:
    found = entry.get("fieldsV1")
    return found if isinstance(found, dict) else {}


def _ceded(entry: Obj, owned: FieldSet) -> Obj:
    """An entry without what another manager took by force."""
    if entry.get("operation") != "Apply":
        return entry
    return {**entry, "fieldsV1": fields.minus(_set(entry), owned)}


def _entry(kind: Kind, manager: Manager, owned: FieldSet, now: datetime) -> Obj:
    return {
        "manager": manager.name,
        "operation": "Apply",
        "apiVersion": kind.api_version,
        "time": timestamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
    }


def _ownable(config: Obj) -> Obj:
    ownable = {key: value for key, value in config.items() if key not in NOT_OWNED}
    meta = config.get("metadata") or {}
    kept = {key: value for key, value in meta.items() if key not in NOT_OWNED_METADATA}
    ownable.pop("metadata", None)
    if kept:
        ownable["metadata"] = kept
    found: Obj = _without_nulls(ownable)
    return found


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
