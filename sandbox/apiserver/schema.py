"""Structural schemas of custom resources: prune, fill defaults, find problems. Pure.

The supported part of OpenAPI v3 is Kubernetes' "structural schema". CEL rules
(`x-kubernetes-validations`) are not evaluated.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sandbox.apiserver.errors import Cause, invalid, not_supported, required, wrong_type
from sandbox.apiserver.objects import Obj, copied

KEPT_AT_ROOT = ("apiVersion", "kind", "metadata")
PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"


def prune(schema: Obj, obj: Obj) -> list[str]:
    """Removes fields the schema does not know, in place; returns their paths."""
    return list(_pruned(schema, obj, "", root=True))


def _pruned(schema: Any, value: Any, path: str, *, root: bool = False) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from _pruned(schema.get("items"), item, f"{path}[{at}]")
    elif isinstance(value, dict):
        properties = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        kept = KEPT_AT_ROOT if root or schema.get(EMBEDDED) else ()
        for key in list(value):
            below = f"{path}.{key}" if path else key
            if key in kept:
                continue
            if key in properties:
                yield from _pruned(properties[key], value[key], below)
            elif isinstance(more, dict):
                yield from _pruned(more, value[key], below)
            elif not more and not schema.get(PRESERVE):
                del value[key]
                yield below


def fill(schema: Any, value: Any) -> None:
    """Fills the schema's defaults into `value`, in place."""
    if not isinstance(schema, dict):
        return
    if isinstance(value, list):
        for item in value:
            fill(schema.get("items"), item)
    elif isinstance(value, dict):
        for key, below in (schema.get("properties") or {}).items():
            if not isinstance(below, dict):
                continue
            missing = key not in value or (value[key] is None and not below.get("nullable"))
            if missing and "default" in below:
                value[key] = copied(below["default"])
            if key in value:
                fill(below, value[key])
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            for item in value.values():
                fill(more, item)


def problems(schema: Obj, obj: Obj) -> list[Cause]:
    """Everything in which `obj` does not fit, naming the fields."""
    relevant = {key: value for key, value in obj.items() if key not in KEPT_AT_ROOT}
    needed = [key for key in schema.get("required") or [] if key not in KEPT_AT_ROOT]
    return list(_problems({**schema, "required": needed}, relevant, ""))


def _problems(schema: Any, value: Any, path: str) -> Iterator[Cause]:
    if not isinstance(schema, dict):
        return
    if value is None and schema.get("nullable"):
        return
    wanted = schema.get("type")
    if schema.get(INT_OR_STRING):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield wrong_type(path, value, f"{path} in body must be an integer or a string")
        return
    if wanted and not _is_type(value, wanted):
        shown = type_name(value)
        message = f'Invalid value: "{shown}": {path} in body must be of type {wanted}: "{shown}"'
        yield Cause(path, "FieldValueTypeInvalid", message)
        return
    allowed = schema.get("enum")
    if allowed is not None and value not in allowed:
        yield not_supported(path, value, allowed)
    yield from _combined(schema, value, path)
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        yield from _array(schema, value, path)
    elif isinstance(value, str):
        yield from _string(schema, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(schema, value, path)


def _is_type(value: Any, wanted: str) -> bool:
    match wanted:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def type_name(value: Any) -> str:
    names = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return names.get(type(value), "null")


def _object(schema: Obj, value: Obj, path: str) -> Iterator[Cause]:
    for key in schema.get("required") or []:
        if key not in value:
            yield required(_below(path, key))
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for key, item in value.items():
        if key in properties:
            yield from _problems(properties[key], item, _below(path, key))
        elif isinstance(more, dict):
            yield from _problems(more, item, _below(path, key))
    yield from _length(schema, len(value), path, "minProperties", "maxProperties", "properties")


def _array(schema: Obj, value: list[Any], path: str) -> Iterator[Cause]:
    for at, item in enumerate(value):
        yield from _problems(schema.get("items"), item, f"{path}[{at}]")
    yield from _length(schema, len(value), path, "minItems", "maxItems", "items")
    keys: list[str] = []
    match schema.get("x-kubernetes-list-type"):
        case "set":
            identities = [repr(item) for item in value]
        case "map":
            keys = schema.get("x-kubernetes-list-map-keys") or []
            identities = [
                repr([item.get(key) for key in keys]) for item in value if isinstance(item, dict)
            ]
        case _:
            identities = []
    for at, identity in enumerate(identities):
        if identity in identities[:at]:
            yield Cause(f"{path}[{at}]", "FieldValueDuplicate", f"Duplicate value: {identity}")


def _string(schema: Obj, value: str, path: str) -> Iterator[Cause]:
    yield from _length(schema, len(value), path, "minLength", "maxLength", "chars long")
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, value):
        yield invalid(path, value, f"{path} in body should match '{pattern}'")
    if schema.get("format") == "date-time" and not _is_moment(value):
        yield invalid(path, value, f"{path} in body must be of type date-time")


def _number(schema: Obj, value: float, path: str) -> Iterator[Cause]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (value == low and schema.get("exclusiveMinimum"))):
        yield invalid(path, value, f"{path} in body should be greater than or equal to {low}")
    if high is not None and (value > high or (value == high and schema.get("exclusiveMaximum"))):
        yield invalid(path, value, f"{path} in body should be less than or equal to {high}")
    step = schema.get("multipleOf")
    if step and value % step:
        yield invalid(path, value, f"{path} in body should be a multiple of {step}")


def _length(schema: Obj, count: int, path: str, low: str, high: str, noun: str) -> Iterator[Cause]:
    if low in schema and count < schema[low]:
        yield invalid(path, count, f"{path} in body should have at least {schema[low]} {noun}")
    if high in schema and count > schema[high]:
        yield invalid(path, count, f"{path} in body should have at most {schema[high]} {noun}")


def _combined(schema: Obj, value: Any, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf") or []:
        yield from _problems(part, value, path)
    fitting = [not list(_problems(part, value, path)) for part in schema.get("anyOf") or []]
    if fitting and not any(fitting):
        yield invalid(path, value, f"{path} in body must validate at least one schema (anyOf)")
    fitting = [not list(_problems(part, value, path)) for part in schema.get("oneOf") or []]
    if fitting and fitting.count(True) != 1:
        yield invalid(path, value, f"{path} in body must validate one and only one schema (oneOf)")
    negated = schema.get("not")
    if negated and not list(_problems(negated, value, path)):
        yield invalid(path, value, f"{path} in body must not validate the schema (not)")


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
