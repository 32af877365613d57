"""What a route rule does to a request besides forwarding it; filters act in list order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class MutableHeaders(Protocol):
    """Headers a modifier can change; the codec's header map is one."""

    def add(self, name: str, value: bytes, /) -> None: ...
    def __setitem__(self, name: str, value: bytes, /) -> None: ...
    def __delitem__(self, name: str, /) -> None: ...
    def __contains__(self, name: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class HeaderModifier:
    """Appends, then replaces, then removes."""

    add: tuple[tuple[str, bytes], ...] = ()
    set: tuple[tuple[str, bytes], ...] = ()
    remove: tuple[str, ...] = ()

    def apply(self, headers: MutableHeaders) -> None:
        for name, value in self.add:
            headers.add(name, value)
        for name, value in self.set:
            headers[name] = value
        for name in self.remove:
            if name in headers:
                del headers[name]

    @property
    def names(self) -> frozenset[str]:
        """The headers it may change."""
        return frozenset((*dict(self.add), *dict(self.set), *self.remove))


@dataclass(frozen=True, slots=True)
class RequestHeaderModifier:
    modifier: HeaderModifier


@dataclass(frozen=True, slots=True)
class ResponseHeaderModifier:
    modifier: HeaderModifier


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answers with a Location instead of forwarding."""

    status: int = 301
    scheme: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    """Replaces the whole path."""
    prefix: str | None = None
    """Replaces the prefix that matched; only legal after a prefix match."""


@dataclass(frozen=True, slots=True)
class FailHttp:
    """Answers with this status instead of forwarding, for a share of the requests."""

    status: int
    message: str
    numerator: int = 1
    denominator: int = 1


@dataclass(frozen=True, slots=True)
class FailGrpc:
    code: int
    message: str
    numerator: int = 1
    denominator: int = 1


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Opaque and TLS routes: the connection is refused by policy."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """Opaque and TLS routes: the controller could not make sense of the route."""

    message: str


Filter = (
    RequestHeaderModifier
    | ResponseHeaderModifier
    | Redirect
    | FailHttp
    | FailGrpc
    | Forbidden
    | Invalid
)


def injects(failure: FailHttp | FailGrpc, chance: float) -> bool:
    """Whether this request fails; `chance` is uniform in [0, 1)."""
    return chance * failure.denominator < failure.numerator
