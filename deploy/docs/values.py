"""docs/reference/values.md: every value of an installation, from the typed model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from cli.manifests import high_availability
from cli.manifests.stored import difference
from cli.manifests.values import Values
from cli.render.yaml_text import dump
from deploy.docs.markdown import page, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_INTRODUCTION = """\
What `mesh install` and `mesh upgrade` take with `-f` and `--set`, and the chart as its values. Names are those of
Linkerd's chart where it has the same value. A name that is not here is an error that says the nearest one."""
_HA = """\
`--ha` sets these before your own values; the chart has them in `values-ha.yaml`."""


def write() -> str:
    sections = [table(("value", "type", "default", "meaning"), _top())]
    for name, info in _sections(Values, ""):
        model = info.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        if any(_model(field) is None for field in model.model_fields.values()):
            rows = _rows(model, f"{name}.")
            sections.append(f"## {name}\n\n{_text(info)}")
            sections.append(table(("value", "type", "default", "meaning"), rows))
    chosen = dump(difference(Values().tree(), high_availability.TREE)).rstrip()
    sections.append(f"## --ha\n\n{_HA}\n\n```yaml\n{chosen}\n```")
    return page("Values", _INTRODUCTION, *sections)


def leaves(
    model: type[BaseModel] = Values, prefix: str = "", default: Any = None
) -> Iterator[tuple[str, FieldInfo, Any]]:
    """Every value that is not a section: its name, its field, its default where it stands."""
    for field, info in model.model_fields.items():
        name = f"{prefix}{info.alias or field}"
        standing = info.get_default() if default is None else getattr(default, field)
        inner = _model(info)
        if inner is None:
            yield name, info, standing
        else:
            yield from leaves(inner, f"{name}.", standing)


def _top() -> list[tuple[str, str, str, str]]:
    return [row for row in _rows(Values, "") if "." not in row[0]]


def _rows(model: type[BaseModel], prefix: str) -> list[tuple[str, str, str, str]]:
    standing = {name: default for name, _, default in leaves()}
    return [
        (f"`{name}`", type_words(info), _default(standing[name]), _text(info))
        for field, info in model.model_fields.items()
        if _model(info) is None
        for name in [f"{prefix}{info.alias or field}"]
    ]


def _sections(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for field, info in model.model_fields.items():
        inner = _model(info)
        if inner is not None:
            name = f"{prefix}{info.alias or field}"
            yield name, info
            yield from _sections(inner, f"{name}.")


def _model(info: FieldInfo) -> type[BaseModel] | None:
    found = info.annotation
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def type_words(info: FieldInfo) -> str:
    """The type as people say it: choices are listed."""
    return _words(info.annotation)


def _words(annotation: Any) -> str:
    simple = {str: "text", int: "number", bool: "true or false"}
    if annotation in simple:
        return simple[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{one}`" if one else "empty" for one in arguments)
    if origin is list:
        return "list of texts" if _words(arguments[0]) == "text" else "list of objects"
    if origin is dict:
        return "names and texts"
    return " or ".join(dict.fromkeys(_words(one) for one in arguments))


def _default(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`" if value else ""
    return f"`{json.dumps(value)}`"


def _text(info: FieldInfo) -> str:
    return info.description or ""
