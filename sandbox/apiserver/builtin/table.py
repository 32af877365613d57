"""The table of built-in messages: which fields they have, under which number, of which type.

`messages.json` maps `group/version.Message` to {protobuf number: [JSON name, type code]}. Codes:
s string, b boolean, i integer, d number, y bytes, T Time, U MicroTime, I IntOrString, Q Quantity,
R raw JSON, F FieldsV1, or a message's name; before it `*` (absence differs from zero), `[]`, `{}`
(map from strings), around it `<>` (a list that is a message of its own). The JSON name `+` means
the fields of that message stand in the outer object.
"""

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from sandbox.apiserver.kinds import Kind


class Shape(Enum):
    ONE = ""
    LIST = "[]"
    MAP = "{}"


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    code: str
    """A scalar's letter or a message's name."""
    shape: Shape = Shape.ONE
    pointer: bool = False
    wrapped: bool = False
    """The list is a message {repeated items = 1} of its own."""

    @property
    def embedded(self) -> bool:
        return self.name == "+"

    @property
    def is_message(self) -> bool:
        return "." in self.code


Message = dict[int, Field]


@cache
def messages() -> dict[str, Message]:
    raw = json.loads(Path(__file__).with_name("messages.json").read_text())
    return {
        name: {int(number): _field(*found) for number, found in fields.items()}
        for name, fields in raw.items()
    }


def _field(name: str, code: str) -> Field:
    pointer = code.startswith("*")
    code = code.removeprefix("*")
    shape = Shape.ONE
    for one in (Shape.LIST, Shape.MAP):
        if code.startswith(one.value):
            shape, code = one, code.removeprefix(one.value)
    wrapped = code.startswith("<")
    if wrapped:
        code = code.strip("<>").removeprefix("[]")
    return Field(name, code, shape, pointer, wrapped)


@cache
def json_fields(message: str) -> dict[str, Field]:
    """The fields of a message by JSON name, embedded ones included."""
    found: dict[str, Field] = {}
    for field in messages()[message].values():
        if field.embedded:
            found |= json_fields(field.code)
        else:
            found[field.name] = field
    return found


_PACKAGES = {"": "core", "rbac.authorization.k8s.io": "rbac"}


def message_name(group: str, version: str, kind: str) -> str | None:
    """The message of a kind; None when the table has none (custom resources, CRDs)."""
    package = "meta" if kind == "DeleteOptions" else _PACKAGES.get(group, group.split(".")[0])
    name = f"{package}/{version if package != 'meta' else 'v1'}.{kind}"
    return name if name in messages() else None


def message_of(kind: Kind) -> str | None:
    return None if kind.custom else message_name(kind.group, kind.version, kind.kind)
