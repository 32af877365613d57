"""Whether an object has the shape of its kind: unknown fields, values of the wrong type. Pure."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.apiserver.builtin.quantities import number
from sandbox.apiserver.builtin.table import Field, Shape, json_fields, message_of
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.schema import type_name

_EXPECTED: dict[str, tuple[tuple[type, ...], str]] = {
    "s": ((str,), "string"),
    "b": ((bool,), "boolean"),
    "i": ((int,), "integer"),
    "d": ((int, float), "number"),
    "y": ((str,), "string"),
    "T": ((str,), "string"),
    "U": ((str,), "string"),
    "I": ((int, str), "integer or string"),
    "Q": ((int, float, str), "quantity"),
}


@dataclass(frozen=True, slots=True)
class Findings:
    unknown: list[str]
    """Paths of fields the kind does not have."""
    mistyped: list[str]
    """Sentences: where, what is expected, what was found."""


def examine(kind: Kind, obj: Obj) -> Findings:
    """What is wrong with the shape of `obj`. Nothing, for kinds without a table."""
    findings = Findings([], [])
    message = message_of(kind)
    if message is not None:
        body = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
        _examine(message, body, "", findings)
    return findings


def without(obj: Obj, unknown: list[str]) -> None:
    """Takes the unknown fields out, in place: the real server does not store them either."""
    for path in unknown:
        *parents, last = list(_steps(path))
        target: Any = obj
        for step in parents:
            target = target[step]
        target.pop(last, None)


def _steps(path: str) -> Iterator[str | int]:
    for part in path.split("\x00"):
        if part.startswith("["):
            yield int(part[1:-1])
        else:
            yield part


def shown(path: str) -> str:
    """`spec.containers[0].imagee` from a path as `Findings` holds it."""
    return path.replace("\x00[", "[").replace("\x00", ".")


def _examine(message: str, value: Obj, path: str, findings: Findings) -> None:
    fields = json_fields(message)
    for key, item in value.items():
        below = f"{path}\x00{key}" if path else key
        field = fields.get(key)
        if field is None:
            findings.unknown.append(below)
        elif item is not None:
            _field(field, item, below, findings)


def _field(field: Field, value: Any, path: str, findings: Findings) -> None:
    if field.shape is Shape.LIST:
        if not isinstance(value, list):
            _mistyped(findings, path, "array", value)
            return
        for at, item in enumerate(value):
            _one(field, item, f"{path}\x00[{at}]", findings)
    elif field.shape is Shape.MAP:
        if not isinstance(value, dict):
            _mistyped(findings, path, "object", value)
            return
        for key, item in value.items():
            if not field.wrapped and item is not None:
                _one(field, item, f"{path}\x00{key}", findings)
    else:
        _one(field, value, path, findings)


def _one(field: Field, value: Any, path: str, findings: Findings) -> None:
    if field.is_message:
        if isinstance(value, dict):
            _examine(field.code, value, path, findings)
        else:
            _mistyped(findings, path, "object", value)
        return
    expected = _EXPECTED.get(field.code)
    if expected is None or (isinstance(value, float) and field.code == "i" and value.is_integer()):
        return
    types, name = expected
    wrong_bool = isinstance(value, bool) and field.code != "b"
    if wrong_bool or not isinstance(value, types):
        _mistyped(findings, path, name, value)
    elif field.code == "Q" and number(value) is None:
        findings.mistyped.append(f"{shown(path)}: quantities must match the regular expression")
    elif field.code == "y" and not _is_base64(str(value)):
        findings.mistyped.append(f"{shown(path)}: illegal base64 data")


def _is_base64(value: str) -> bool:
    try:
        b64decode(value, validate=True)
    except ValueError:
        return False
    return True


def _mistyped(findings: Findings, path: str, expected: str, value: Any) -> None:
    findings.mistyped.append(
        f"{shown(path)}: cannot unmarshal {type_name(value)} into a field of type {expected}"
    )
