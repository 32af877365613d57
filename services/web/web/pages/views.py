"""The page a path asks for, checked: whatever exists as a View can be shown."""

from dataclasses import dataclass

from web.stats.kinds import IN_ALL, Kind
from web.stats.query import QueryError
from weft.names import is_dns_label, is_dns_name

PLURALS = {f"{kind.value}s": kind for kind in IN_ALL}
"""Kinds as paths write them: `deployments`."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """All namespaces."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace: its topology, and everything in it."""

    name: str


@dataclass(frozen=True, slots=True)
class Workload:
    """One object: who it talks to, and its pods."""

    kind: Kind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The mesh itself."""


@dataclass(frozen=True, slots=True)
class Routes:
    """How every route does; of all namespaces when `namespace` is empty."""

    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Errors:
    """What proxies met of late; of all namespaces when `namespace` is empty."""

    namespace: str = ""


View = Namespaces | Namespace | Workload | ControlPlane | Routes | Errors


def namespace(name: str) -> Namespace:
    """Raises QueryError."""
    return Namespace(_namespace(name))


def routes(name: str) -> Routes:
    """Raises QueryError."""
    return Routes(_namespace(name))


def errors(name: str) -> Errors:
    """Raises QueryError."""
    return Errors(_namespace(name))


def workload(namespace_name: str, plural: str, name: str) -> Workload:
    """Raises QueryError."""
    kind = PLURALS.get(plural)
    if kind is None:
        raise QueryError("kind", f"{plural!r} is not one of {', '.join(sorted(PLURALS))}")
    if not is_dns_name(name):
        raise QueryError("name", f"{name!r} is not a name: {_RULE}")
    return Workload(kind, _namespace(namespace_name), name)


_RULE = "allowed are lower-case letters, digits, '-', and in names '.'"


def _namespace(name: str) -> str:
    if not is_dns_label(name):
        raise QueryError("namespace", f"{name!r} is not a namespace: {_RULE}")
    return name
