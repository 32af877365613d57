"""The columns of a custom resource: its `additionalPrinterColumns`, or NAME and AGE."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.apiserver.objects import Obj
from sandbox.apiserver.tables import ages, jsonpath
from sandbox.apiserver.tables.columns import AGE, NAME, Cell, Column


def columns(declared: Sequence[Obj]) -> tuple[Column, ...]:
    if not declared:
        return (NAME, AGE)
    return (NAME, *(_column(one) for one in declared))


def _column(declared: Obj) -> Column:
    kind = declared.get("type", "string")
    return Column(
        declared["name"],
        _cell(declared["jsonPath"], kind),
        "string" if kind == "date" else kind,
        wide=bool(declared.get("priority")),
        format=declared.get("format", ""),
        description=declared.get("description")
        or f"Custom resource definition column (in JSONPath format): {declared['jsonPath']}",
    )


def _cell(path: str, kind: str) -> Cell:
    def cell(obj: Obj, now: datetime) -> Any:
        found = jsonpath.find(path, obj)
        if not found:
            return None
        value = found[0] if len(found) == 1 else found
        if kind == "date":
            return ages.since(str(value), now)
        if kind == "string" and not isinstance(value, str):
            return _text(value)
        return value

    return cell


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
