"""OpenAPI documents, versions 2 and 3 -> routes. Pure.

A route for each operation: its method and path, its responses as response classes. Two extensions of an
operation are Linkerd's: `x-linkerd-retryable` and `x-linkerd-timeout`.

Routes stand in the order of their paths, those with parameters after those that spell out the same place:
the first one that fits a request is its route.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from cli.profiles import base_paths
from cli.profiles.document import Route, Statuses
from cli.profiles.fields import FieldError, flag, inside, mapping, text
from weft.durations import DurationError, parse_go_duration

METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "query", "trace")
RETRYABLE = "x-linkerd-retryable"
TIMEOUT = "x-linkerd-timeout"
VERSIONS = 'allowed are swagger: "2.0" and openapi: 3.0, 3.1 and 3.2'
_VERSION_3 = re.compile(r"3\.[0-2](?:\.\d+(?:-.+)?)?")
_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_STATUS = re.compile(r"[1-5][0-9]{2}")
_STATUSES = re.compile(r"([1-5])XX", re.IGNORECASE)

Fields = Mapping[str, Any]


def routes(document: Any) -> list[Route]:
    """At least one. Raises FieldError."""
    top = mapping(document, "")
    third = _is_version_3(top)
    bases = base_paths.of_version_3(top, "", ("",)) if third else base_paths.of_version_2(top)
    found = [
        route
        for path, where, item in _items(top)
        for route in _routes_of(path, where, item, bases, third=third)
    ]
    if not found:
        raise FieldError(
            "paths", "no operation is described, so there is nothing to make routes of"
        )
    return list({route.name: route for route in found}.values())


def _is_version_3(document: Fields) -> bool:
    if "swagger" in document:
        if str(document["swagger"]) != "2.0":
            raise FieldError(
                "swagger", f"{document['swagger']!r} is not a known version: {VERSIONS}"
            )
        return False
    if "openapi" not in document:
        raise FieldError(
            "", f"neither `swagger` nor `openapi` says which version it is: {VERSIONS}"
        )
    if not _VERSION_3.fullmatch(str(document["openapi"])):
        raise FieldError("openapi", f"{document['openapi']!r} is not a known version: {VERSIONS}")
    return True


def _items(document: Fields) -> Iterator[tuple[str, str, Fields]]:
    """Paths, where they are described, and how."""
    paths = mapping(document.get("paths", {}), "paths")
    for path in sorted(paths, key=_after_what_is_spelt_out):
        if path.startswith("x-"):
            continue
        where = f"paths.{path}"
        if not path.startswith("/"):
            raise FieldError(where, "a path begins with /")
        yield path, where, _followed(document, mapping(paths[path], where), where)


def _after_what_is_spelt_out(path: str) -> str:
    return path.replace("{", "\U0010ffff")


def _followed(document: Fields, item: Fields, where: str) -> Fields:
    """What a path's `$ref` means, within the same document."""
    seen: set[str] = set()
    while reference := text(item, "$ref", where):
        if not reference.startswith("#/"):
            raise FieldError(
                inside(where, "$ref"), f"{reference!r} is not in this document (#/...)"
            )
        if reference in seen:
            raise FieldError(inside(where, "$ref"), f"{reference!r} refers to itself")
        seen.add(reference)
        beside = {name: value for name, value in item.items() if name != "$ref"}
        item = {**_pointed_at(document, reference, where), **beside}
    return item


def _pointed_at(document: Fields, reference: str, where: str) -> Fields:
    """RFC 6901, as the fragment of a URL."""
    found: Any = document
    for step in unquote(reference).removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise FieldError(inside(where, "$ref"), f"{reference!r} is not in this document")
        found = found[name]
    return mapping(found, reference)


def _routes_of(
    path: str, where: str, item: Fields, bases: tuple[str, ...], *, third: bool
) -> Iterator[Route]:
    if third:
        bases = base_paths.of_version_3(item, where, bases)
    for method, at, operation in _operations(item, where):
        own = base_paths.of_version_3(operation, at, bases) if third else bases
        for base in own:
            yield Route(
                name=f"{method} {base}{path}",
                method=method,
                path=base + path,
                responses=_responses(operation, at),
                retryable=flag(operation, RETRYABLE, at),
                timeout=_timeout(operation, at),
            )


def _operations(item: Fields, where: str) -> Iterator[tuple[str, str, Fields]]:
    more = mapping(item.get("additionalOperations", {}), inside(where, "additionalOperations"))
    for name in METHODS:
        if name in item:
            at = inside(where, name)
            yield name.upper(), at, mapping(item[name], at)
    for name in sorted(more):
        at = inside(where, f"additionalOperations.{name}")
        if not _METHOD.fullmatch(name):
            raise FieldError(at, f"{name!r} is not a method")
        yield name, at, mapping(more[name], at)


def _responses(operation: Fields, where: str) -> tuple[Statuses, ...]:
    """Those with a status; a status by itself before a range that has it. `default` says nothing."""
    at = inside(where, "responses")
    told = mapping(operation.get("responses", {}), at)
    found = [
        _statuses(code, at) for code in told if code != "default" and not code.startswith("x-")
    ]
    return tuple(sorted(found, key=lambda one: (one.last - one.first, one.first)))


def _statuses(code: str, where: str) -> Statuses:
    if _STATUS.fullmatch(code):
        return Statuses(int(code), int(code))
    if hundreds := _STATUSES.fullmatch(code):
        first = int(hundreds[1]) * 100
        return Statuses(first, first + 99)
    raise FieldError(
        inside(where, code), "not a status: allowed are 100 to 599, 1XX to 5XX and default"
    )


def _timeout(operation: Fields, where: str) -> str:
    found = text(operation, TIMEOUT, where)
    if found:
        try:
            parse_go_duration(found)
        except DurationError as error:
            raise FieldError(inside(where, TIMEOUT), str(error)) from None
    return found
