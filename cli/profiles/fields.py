"""Readers of the fields of a document somebody else wrote; errors say where. Pure."""

from collections.abc import Mapping
from typing import Any


class FieldError(ValueError):
    """A field that is not what it must be; the message names it and what is allowed."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}" if where else problem)


def inside(where: str, name: str) -> str:
    """`paths./books.get`"""
    return f"{where}.{name}" if where else name


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Raises FieldError."""
    if not isinstance(value, dict):
        raise FieldError(where, f"{_shown(value)} is not an object")
    return value


def text(place: Mapping[str, Any], name: str, where: str) -> str:
    """Empty when it is absent. Raises FieldError."""
    value = place.get(name, "")
    if not isinstance(value, str):
        raise FieldError(inside(where, name), f"{_shown(value)} is not text")
    return value


def flag(place: Mapping[str, Any], name: str, where: str) -> bool:
    """False when it is absent. Raises FieldError."""
    value = place.get(name, False)
    if not isinstance(value, bool):
        raise FieldError(inside(where, name), f"{_shown(value)} is not one of true, false")
    return value


def each(place: Mapping[str, Any], name: str, where: str) -> list[tuple[str, Any]]:
    """The members of a list, with where they are. Raises FieldError."""
    value = place.get(name, [])
    if not isinstance(value, list):
        raise FieldError(inside(where, name), f"{_shown(value)} is not a list")
    return [(f"{inside(where, name)}[{at}]", one) for at, one in enumerate(value)]


def _shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) < 60 else f"{said[:57]}..."
