"""Strategic merge patch: like a JSON merge patch, but lists of built-in kinds merge by key.

Directives (community `strategic-merge-patch.md`):
    $patch: replace | delete | merge      in an object, or in an entry of a list that merges by key
    $retainKeys: [...]                    keys of this object not named are dropped
    $deleteFromPrimitiveList/<field>      values taken out of a set
    $setElementOrder/<field>              the order of the merged list
"""

from collections.abc import Sequence
from typing import Any

from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.objects import copied
from sandbox.apiserver.patch.merge_keys import ListRule, list_rule

PATCH = "$patch"
RETAIN = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
ORDER = "$setElementOrder/"
_DIRECTIVE_FREE = ("merge", None)


def merged(target: dict[str, Any], patch: dict[str, Any], kind: str) -> dict[str, Any]:
    """`target`, an object of `kind`, with the patch applied. Neither argument is changed.

    BadRequestError for directives that make no sense and list entries without their merge key.
    """
    return _object(target, patch, kind, ())


def _object(
    target: dict[str, Any], patch: dict[str, Any], kind: str, path: tuple[str, ...]
) -> dict[str, Any]:
    directive = patch.get(PATCH)
    if directive == "replace":
        return _object({}, {key: value for key, value in patch.items() if key != PATCH}, kind, path)
    if directive == "delete":
        return {}
    if directive not in _DIRECTIVE_FREE:
        raise BadRequestError(f"unknown patch type found: {directive}")
    result = _retained(dict(target), patch)
    for key, value in patch.items():
        if key in (PATCH, RETAIN) or key.startswith(ORDER):
            continue
        if key.startswith(DELETE_FROM):
            field = key.removeprefix(DELETE_FROM)
            result[field] = [one for one in result.get(field) or [] if one not in value]
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _value(result.get(key), value, kind, (*path, key))
    _reorder(result, patch, kind, path)
    return result


def _retained(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    kept = patch.get(RETAIN)
    if kept is None:
        return target
    return {key: value for key, value in target.items() if key in kept}


def _value(target: Any, patch: Any, kind: str, path: tuple[str, ...]) -> Any:
    if isinstance(patch, dict):
        if isinstance(target, dict):
            return _object(target, patch, kind, path)
        return _object({}, patch, kind, path)
    if isinstance(patch, list):
        rule = list_rule(kind, path)
        if rule is not None:
            return _list(target if isinstance(target, list) else [], patch, rule, kind, path)
    return _fresh(patch, kind, path)


def _fresh(value: Any, kind: str, path: tuple[str, ...]) -> Any:
    """A part of the patch that becomes the value as it is, without its directives and nulls."""
    if isinstance(value, dict):
        return _object({}, value, kind, path)
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def _list(
    target: list[Any], patch: list[Any], rule: ListRule, kind: str, path: tuple[str, ...]
) -> list[Any]:
    if not rule.keys:
        return [*target, *(copied(item) for item in patch if item not in target)]
    if {PATCH: "replace"} in patch:
        return [_fresh(item, kind, path) for item in patch if item != {PATCH: "replace"}]
    result, fresh = list(target), list[Any]()
    for item in patch:
        if not isinstance(item, dict):
            raise BadRequestError(f"{'.'.join(path)}: entries must be objects")
        _merge_entry(result, fresh, item, rule, kind, path)
    # What was not there yet comes first, unless the patch says an order.
    return [*fresh, *result]


def _merge_entry(
    result: list[Any],
    fresh: list[Any],
    item: dict[str, Any],
    rule: ListRule,
    kind: str,
    path: tuple[str, ...],
) -> None:
    key = rule.keys[0]
    if key not in item:
        raise BadRequestError(
            f"map: {item} does not contain declared merge key: {key} (in {'.'.join(path)})"
        )
    found = [at for at, one in enumerate(result) if one.get(key) == item[key]]
    if item.get(PATCH) == "delete":
        for at in reversed(found):
            del result[at]
    elif found:
        result[found[0]] = _object(result[found[0]], item, kind, path)
    else:
        fresh.append(_fresh(item, kind, path))


def _reorder(
    result: dict[str, Any], patch: dict[str, Any], kind: str, path: tuple[str, ...]
) -> None:
    for directive, order in patch.items():
        if not directive.startswith(ORDER):
            continue
        field = directive.removeprefix(ORDER)
        rule = list_rule(kind, (*path, field))
        if rule is not None and isinstance(result.get(field), list):
            result[field] = _ordered(result[field], order, rule)


def _ordered(items: list[Any], order: Sequence[Any], rule: ListRule) -> list[Any]:
    """The named items in the given order; others keep their place after what preceded them."""
    key = rule.keys[0] if rule.keys else None

    def identity(item: Any) -> Any:
        return item.get(key) if key is not None and isinstance(item, dict) else item

    ranks: list[Any] = [identity(item) for item in order]
    listed = iter(
        sorted(
            (one for one in items if identity(one) in ranks),
            key=lambda one: ranks.index(identity(one)),
        )
    )
    return [next(listed) if identity(item) in ranks else item for item in items]
