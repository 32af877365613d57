"""Lists in pages: what a client asked for, and what is left of a list that was begun.

All pages of a list show one moment. What has not been shown yet is kept, with its own name as the
`continue` token; of many begun lists the oldest is forgotten, and its client is told to list again.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.apiserver.errors import (
    BadRequestError,
    Cause,
    GoneError,
    InvalidError,
    forbidden,
    not_supported,
)
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import number

MOST_BEGUN = 64


@dataclass(frozen=True, slots=True)
class Wanted:
    """The query of a list."""

    limit: int
    """0 for all at once."""
    token: str
    revision: int
    """The exact revision that is asked for; 0 for the latest."""


def wanted(query: Mapping[str, str]) -> Wanted:
    """Raises BadRequestError, or InvalidError for versions that cannot be meant together."""
    limit, version = number(query, "limit") or 0, query.get("resourceVersion", "")
    token, match = query.get("continue", ""), query.get("resourceVersionMatch", "")
    revision = number(query, "resourceVersion") or 0
    if token and version not in ("", "0"):
        raise BadRequestError("specifying resource version is not allowed when using continue")
    found = list(_misfits(match, version, token))
    if found:
        raise InvalidError.about("meta.k8s.io", "ListOptions", "", found)
    return Wanted(max(limit, 0), token, revision if match == "Exact" else 0)


def _misfits(match: str, version: str, token: str) -> Sequence[Cause]:
    field = "resourceVersionMatch"
    if not match:
        return ()
    if token:
        return (forbidden(field, f"{field} is forbidden when continue is provided"),)
    if not version:
        return (forbidden(field, f"{field} is forbidden unless resourceVersion is provided"),)
    if match not in ("Exact", "NotOlderThan"):
        return (not_supported(field, match, ("Exact", "NotOlderThan", "")),)
    if match == "Exact" and version == "0":
        return (forbidden(field, f'{field} "Exact" is forbidden for resourceVersion "0"'),)
    return ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a list, and how to go on."""

    items: Sequence[Obj]
    revision: int
    token: str = ""
    remaining: int = 0

    def metadata(self, *, counted: bool) -> Obj:
        """What the list's metadata say beside its version. Of a selection nobody counts the rest."""
        if not self.token:
            return {}
        return {"continue": self.token} | (
            {"remainingItemCount": self.remaining} if counted else {}
        )


class Pages:
    """The lists that were begun."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, tuple[Sequence[Obj], int]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Pages {len(self._begun)} lists begun>"

    def first(self, items: Sequence[Obj], revision: int, wanted: Wanted) -> Page:
        if not wanted.limit or len(items) <= wanted.limit:
            return Page(items, revision)
        rest, token = items[wanted.limit :], f"{_PREFIX}{secrets.token_hex(8)}"
        self._begun[token] = (rest, revision)
        while len(self._begun) > MOST_BEGUN:
            self._begun.popitem(last=False)
        return Page(items[: wanted.limit], revision, token, len(rest))

    def resume(self, wanted: Wanted) -> Page | None:
        """The next page; None where none was begun. BadRequestError, or GoneError to list again."""
        if not wanted.token:
            return None
        if not wanted.token.startswith(_PREFIX):
            raise BadRequestError("continue key is not valid: it is no token of this server")
        if wanted.token not in self._begun:
            raise GoneError("The provided continue parameter is too old; list again without it")
        items, revision = self._begun[wanted.token]
        return self.first(items, revision, wanted)


_PREFIX = "page-"
