"""Environment variables of a container, as the API server and the runtime take them (core/v1 EnvVar).

The rules are Kubernetes' own (`pkg/apis/core/validation`): a name is printable ASCII without `=`, and a value is
written or comes from one source. What the runtime cannot hand to a process is refused as well.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

KEYS = ("name", "value", "valueFrom")
SOURCES: Mapping[str, tuple[str, ...]] = {
    "fieldRef": ("fieldPath",),
    "resourceFieldRef": ("resource",),
    "configMapKeyRef": ("name", "key"),
    "secretKeyRef": ("name", "key"),
    "fileKeyRef": ("volumeName", "path", "key"),
}
"""What `valueFrom` may hold, and what each of them needs."""
_NAME = re.compile(r"[ -<>-~]+")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class VariableError(ValueError):
    """One of a list is wrong; the message says which, and what about it."""


def check_variables(given: Sequence[Any]) -> None:
    """EnvVar objects. Raises VariableError."""
    for place, one in enumerate(given):
        wrong = _wrong(one)
        if wrong:
            raise VariableError(f"number {place} {wrong}")


def _wrong(one: Any) -> str:
    """Empty when nothing is."""
    if not isinstance(one, dict):
        return "is not keys and values"
    unknown = [key for key in one if key not in KEYS]
    if unknown:
        return f"has {unknown[0]!r}: allowed are {', '.join(KEYS)}"
    name, value, source = one.get("name"), one.get("value", ""), one.get("valueFrom")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"needs a name of printable ASCII without '=', not {name!r}"
    if not isinstance(value, str):
        return f"({name}) needs a value that is text, not {value!r}: put it in quotes"
    if not _is_text(value):
        return f"({name}) has a value with NUL or half a character"
    if "valueFrom" not in one:
        return ""
    if not isinstance(source, dict):
        return f"({name}) needs keys and values in valueFrom, not {source!r}"
    if value:
        return f"({name}) has both value and valueFrom"
    wrong = _wrong_source(source)
    return f"({name}) {wrong}" if wrong else ""


def _wrong_source(source: Mapping[Any, Any]) -> str:
    if len(source) != 1 or not source.keys() <= SOURCES.keys():
        return f"needs exactly one of {', '.join(SOURCES)} in valueFrom"
    ((kind, held),) = source.items()
    if not isinstance(held, dict):
        return f"needs keys and values in valueFrom.{kind}"
    for key in SOURCES[kind]:
        if not held.get(key) or not isinstance(held[key], str):
            return f"needs {key}, a text, in valueFrom.{kind}"
    for key, one in held.items():
        if not _is_text(key) or not (_is_text(one) or isinstance(one, bool | int)):
            return (
                f"has {key!r} in valueFrom.{kind}: allowed are texts, whole numbers, true and false"
            )
    return ""


def _is_text(value: Any) -> bool:
    """With UTF-8 of its own, and without the NUL that ends it in a process's environment."""
    return isinstance(value, str) and not _NO_TEXT.search(value)
