"""Which requests a watcher means: predicates over a subject, built from small parts."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from proxy.tap.subject import Subject
    from weft.addresses import IPNetwork, SocketAddress

Predicate = Callable[["Subject"], bool]
Side = Literal["source", "destination"]


@dataclass(frozen=True, slots=True)
class All:
    """Every part matches; no part matches everything."""

    parts: tuple[Predicate, ...]

    def __call__(self, subject: Subject) -> bool:
        return all(part(subject) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """Some part matches; no part matches nothing."""

    parts: tuple[Predicate, ...]

    def __call__(self, subject: Subject) -> bool:
        return any(part(subject) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    part: Predicate

    def __call__(self, subject: Subject) -> bool:
        return not self.part(subject)


@dataclass(frozen=True, slots=True)
class Ports:
    """Both ends belong to the range."""

    side: Side
    first: int
    last: int

    def __call__(self, subject: Subject) -> bool:
        return self.first <= _address(subject, self.side).port <= self.last


@dataclass(frozen=True, slots=True)
class Network:
    side: Side
    network: IPNetwork

    def __call__(self, subject: Subject) -> bool:
        return ipaddress.ip_address(_address(subject, self.side).ip) in self.network


@dataclass(frozen=True, slots=True)
class Method:
    """Methods are case-sensitive (RFC 9110 section 9.1)."""

    value: str

    def __call__(self, subject: Subject) -> bool:
        return subject.method == self.value


@dataclass(frozen=True, slots=True)
class Scheme:
    value: str
    """Lower case."""

    def __call__(self, subject: Subject) -> bool:
        return subject.scheme.lower() == self.value


@dataclass(frozen=True, slots=True)
class Exactly:
    field: Literal["authority", "path"]
    value: str

    def __call__(self, subject: Subject) -> bool:
        return bool(getattr(subject, self.field) == self.value)


@dataclass(frozen=True, slots=True)
class StartsWith:
    """By characters, not by path segments."""

    field: Literal["authority", "path"]
    value: str

    def __call__(self, subject: Subject) -> bool:
        return bool(getattr(subject, self.field).startswith(self.value))


@dataclass(frozen=True, slots=True)
class Label:
    of: Literal["destination_labels", "route_labels"]
    key: str
    value: str

    def __call__(self, subject: Subject) -> bool:
        return (self.key, self.value) in getattr(subject, self.of)


def _address(subject: Subject, side: Side) -> SocketAddress:
    return subject.source if side == "source" else subject.destination
