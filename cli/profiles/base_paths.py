"""Where the paths of an OpenAPI document begin. Pure.

Version 2 has one `basePath`. Version 3 has `servers`, for the document, a path or one operation; the
closest count. Their addresses may be whole URLs, of which only the path matters here, and may hold
variables.
"""

import re
from collections.abc import Mapping
from typing import Any

from cli.profiles.fields import each, mapping, text

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_ORIGIN = re.compile(r"(?:[A-Za-z{][^/]*:)?//[^/]*")


def of_version_2(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Raises FieldError."""
    return (_trimmed(text(document, "basePath", "")),)


def of_version_3(place: Mapping[str, Any], where: str, around: tuple[str, ...]) -> tuple[str, ...]:
    """Of the document, a path or an operation; `around` where it says nothing. Raises FieldError."""
    found = each(place, "servers", where)
    paths = [_of_server(mapping(one, at), at) for at, one in found]
    return tuple(dict.fromkeys(paths)) or around


def _of_server(server: Mapping[str, Any], where: str) -> str:
    variables = mapping(server.get("variables", {}), f"{where}.variables")

    def value(found: re.Match[str]) -> str:
        """A part of a path may be whatever the variable may be; more than that is its default."""
        at = f"{where}.variables.{found[1]}"
        default = text(mapping(variables.get(found[1], {}), at), "default", at)
        return default if "/" in default else found[0]

    url = _VARIABLE.sub(value, text(server, "url", where))
    return _trimmed(_ORIGIN.sub("", url, count=1) if _ORIGIN.match(url) else url)


def _trimmed(path: str) -> str:
    """Begins with a slash and does not end with one; empty for the root."""
    inner = path.partition("?")[0].strip("/")
    return f"/{inner}" if inner else ""
