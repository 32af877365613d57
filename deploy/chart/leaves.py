"""The values of an installation as the chart's generator sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ValidationError

from cli.manifests import values as model
from cli.manifests.overrides import merge
from cli.manifests.values import Values

FIRST = 61_000
TOKEN = re.compile(r"(?:tok)?(61[0-9]{3})(?![0-9])")
"""Tokens are ports nobody uses, so that what must be a number, or look like one, can be a token too."""
CERTIFICATES = ("PEM", "caBundle")
"""Ends of names whose values the templates' helpers see to: when they are empty, nothing is decided."""
SET_BY_HELM = {"namespace": ".Release.Namespace", "version": ".Chart.AppVersion"}


@dataclass(frozen=True, slots=True)
class Way:
    """One value of a leaf that may decide something, and the template condition for it."""

    leaf: str
    value: Any
    condition: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is not a section."""

    name: str
    number: int
    sample: Any
    """What stands for it in the usual rendering: its token, or for a switch, true."""
    ways: tuple[Way, ...]
    as_json: bool
    """Numbers and texts are both allowed, so the type must be kept."""

    @property
    def expression(self) -> str:
        """How a template reads it."""
        return expression(self.name)

    @property
    def whole_number(self) -> bool:
        """Whether it is one; Helm reads numbers as floats."""
        return isinstance(self.sample, int) and not isinstance(self.sample, bool)


def expression(name: str) -> str:
    """`.Values.proxy.uid`; names with a dash are looked up."""
    if name in SET_BY_HELM:
        return SET_BY_HELM[name]
    path = ".Values"
    for part in name.split("."):
        path = f'(index {path} "{part}")' if "-" in part else f"{path}.{part}"
    return path


@cache
def leaves() -> dict[str, Leaf]:
    """All of them by name."""
    return {
        name: _leaf(name, FIRST + number, annotation, metadata, default)
        for number, (name, annotation, metadata, default) in enumerate(_fields(Values(), ""))
    }


@cache
def by_number() -> dict[int, Leaf]:
    """By the number in the token."""
    return {leaf.number: leaf for leaf in leaves().values()}


def _fields(section: BaseModel, prefix: str) -> list[tuple[str, Any, list[Any], Any]]:
    found: list[tuple[str, Any, list[Any], Any]] = []
    for field, info in type(section).model_fields.items():
        name, value = f"{prefix}{info.alias or field}", getattr(section, field)
        if isinstance(value, BaseModel):
            found += _fields(value, f"{name}.")
        else:
            found.append((name, info.annotation, list(info.metadata), value))
    return found


def _leaf(name: str, number: int, annotation: Any, metadata: list[Any], default: Any) -> Leaf:
    reads = expression(name)
    token = f"tok{number}"
    if isinstance(default, bool):
        return Leaf(name, number, True, (Way(name, False, f"not {reads}"),), as_json=False)
    if isinstance(default, dict):
        return Leaf(name, number, {token: "x"}, (), as_json=False)
    if isinstance(default, list):
        sample = [_item(get_args(annotation)[0], token)]
        return Leaf(name, number, sample, (Way(name, [], f"not {reads}"),), as_json=False)
    if annotation is int:
        conditions = {0: f"eq (int64 {reads}) 0", -1: f"lt (int64 {reads}) 0"}
        ways = tuple(
            Way(name, one, said) for one, said in conditions.items() if _allowed(name, one)
        )
        return Leaf(name, number, number, ways, as_json=False)
    if get_origin(annotation) is Literal:
        choices = tuple(Way(name, one, f'eq {reads} "{one}"') for one in get_args(annotation))
        return Leaf(name, number, token, choices, as_json=False)
    ports = any(isinstance(one, AfterValidator) and one.func is model._ports for one in metadata)
    may_be_empty = _allowed(name, "") and not name.endswith(CERTIFICATES)
    ways = (Way(name, "", f"not {reads}"),) if may_be_empty else ()
    return Leaf(name, number, str(number) if ports else token, ways, as_json=annotation is not str)


def _item(kind: Any, token: str) -> Any:
    """Of a list: a text, or what has a name."""
    if kind is str:
        return token
    named = isinstance(kind, type) and issubclass(kind, BaseModel)
    return kind.model_construct(name=token) if named else {"name": token}


def _allowed(name: str, value: Any) -> bool:
    tree: Any = value
    for part in reversed(name.split(".")):
        tree = {part: tree}
    try:
        Values.model_validate(merge({}, tree))
    except ValidationError:
        return False
    return True
