"""Where a redirect sends the requester (Gateway API, HTTPRequestRedirectFilter)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.stack.match import HttpMatch, PrefixPath
from weft.numbers import whole_number

if TYPE_CHECKING:
    from proxy.stack.filters import Redirect
    from proxy.stack.match import Match

_DEFAULT_PORTS = {"http": 80, "https": 443}


def location(redirect: Redirect, scheme: str, authority: str, path: str, match: Match) -> str:
    """The `Location` of a request for `scheme://authority/path?query` that `match` matched.

    Parts the redirect does not name stay as they are. Raises ValueError for a prefix replacement
    where no prefix matched.
    """
    host, port = _split(authority)
    new_scheme = redirect.scheme or scheme
    if redirect.port is not None:
        port = redirect.port
    elif redirect.scheme is not None and redirect.scheme != scheme:
        port = None
    if port == _DEFAULT_PORTS.get(new_scheme):
        port = None
    where = (redirect.host or host) + (f":{port}" if port is not None else "")
    return f"{new_scheme}://{where}{_path(redirect, path, match)}"


def _path(redirect: Redirect, path: str, match: Match) -> str:
    bare, mark, query = path.partition("?")
    if redirect.path is not None:
        bare = redirect.path
    elif redirect.prefix is not None:
        if not (isinstance(match, HttpMatch) and isinstance(match.path, PrefixPath)):
            raise ValueError("a redirect replaces a prefix, and no prefix was matched")
        rest = bare[len(match.path.value.rstrip("/")) :].lstrip("/")
        prefix = redirect.prefix.rstrip("/")
        bare = f"{prefix}/{rest}" if rest else prefix or "/"
    return bare + mark + query


def _split(authority: str) -> tuple[str, int | None]:
    host, colon, digits = authority.rpartition(":")
    port = whole_number(digits) if colon else None
    return (authority, None) if port is None else (host, port)
