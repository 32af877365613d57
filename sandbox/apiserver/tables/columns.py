"""A column, a table made of columns and objects, and the cells many kinds share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.apiserver.objects import Obj, dig, metadata, name_of
from sandbox.apiserver.tables import ages

Cell = Callable[[Obj, datetime], Any]
NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    cell: Cell
    type: str = "string"
    wide: bool = False
    """Shown by `-o wide` only."""
    format: str = ""
    description: str = ""

    def definition(self) -> Obj:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description or self.name,
            "priority": 1 if self.wide else 0,
        }


def table(
    columns: Sequence[Column],
    items: Iterable[Obj],
    *,
    now: datetime,
    include: str = "Metadata",
    revision: str = "",
) -> Obj:
    """A `meta.k8s.io/v1` Table. `include` is the query's includeObject: None, Metadata, Object."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": revision} if revision else {},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [_row(columns, obj, now, include) for obj in items],
    }


def _row(columns: Sequence[Column], obj: Obj, now: datetime, include: str) -> Obj:
    row: Obj = {"cells": [column.cell(obj, now) for column in columns]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = partial(obj)
    return row


def partial(obj: Obj) -> Obj:
    """The metadata of an object alone: PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata(obj),
    }


NAME = Column(
    "Name",
    lambda obj, _: name_of(obj),
    format="name",
    description=(
        "Name must be unique within a namespace. Is required when creating resources, although some"
        " resources may allow a client to request the generation of an appropriate name"
        " automatically. Name is primarily intended for creation idempotence and configuration"
        " definition. Cannot be updated. More info:"
        " https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
    ),
)
AGE = Column("Age", ages.of)


def at(
    name: str, *path: str, kind: str = "string", default: Any = NONE, wide: bool = False
) -> Column:
    """A column that shows one field."""
    return Column(name, lambda obj, _: _shown(dig(obj, *path), default), kind, wide)


def number(name: str, *path: str, default: Any = 0, wide: bool = False) -> Column:
    return Column(name, lambda obj, _: dig(obj, *path) or default, "integer", wide)


def _shown(value: Any, default: Any) -> Any:
    return default if value is None or value == "" else value


def labels_text(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: Obj | None) -> str:
    """A LabelSelector as `-l` would write it."""
    if not selector:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or []:
        values = ",".join(sorted(one.get("values") or []))
        match one.get("operator"):
            case "In":
                parts.append(f"{one['key']} in ({values})")
            case "NotIn":
                parts.append(f"{one['key']} notin ({values})")
            case "Exists":
                parts.append(one["key"])
            case _:
                parts.append(f"!{one['key']}")
    return ",".join(parts) or NONE


def containers_columns(*path: str) -> list[Column]:
    """The wide CONTAINERS and IMAGES columns of everything that has a pod template."""

    def joined(key: str) -> Cell:
        return lambda obj, _: (
            ",".join(str(one.get(key)) for one in dig(obj, *path, default=[])) or NONE
        )

    return [
        Column("Containers", joined("name"), wide=True),
        Column("Images", joined("image"), wide=True),
    ]
