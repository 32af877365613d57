"""What people type to say which resources they mean: `deploy`, `po/web-1`, `svc web-svc voting-svc`.

Kinds are known by their name in singular and plural and by kubectl's short names; `all` is every kind
but namespaces and authorities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cli.failure import CommandError

ALL = "all"
AUTHORITY = "authority"
NAMESPACE = "namespace"
SERVICE = "service"
POD = "pod"

SHORT_NAMES = {
    AUTHORITY: "au",
    "cronjob": "cj",
    "daemonset": "ds",
    "deployment": "deploy",
    "job": "job",
    NAMESPACE: "ns",
    POD: "po",
    "replicaset": "rs",
    SERVICE: "svc",
    "statefulset": "sts",
}
"""Every kind, and what a row is prefixed with where kinds are mixed."""

_SPELLINGS = {
    spelling: kind for kind, short in SHORT_NAMES.items() for spelling in (kind, f"{kind}s", short)
} | {ALL: ALL, "authorities": AUTHORITY}


_AUTHORIZED = ("server", "serverauthorization", "authorizationpolicy")
_ROUTED = ("route", "httproute", "grpcroute", "trafficsplit")
_ELSEWHERE = {
    spelling: command
    for command, kinds in (("authz", _AUTHORIZED), ("routes", _ROUTED))
    for kind in kinds
    for spelling in (kind, f"{kind}s")
} | {"authorizationpolicies": "authz"}
"""What Linkerd's `stat` shows as resources of their own, and the command that shows it here."""


class ResourceError(CommandError):
    """An argument that names no resource; the message says what is allowed."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Target:
    """All resources of a kind, or one by name."""

    kind: str
    name: str = ""


def parse_targets(arguments: Sequence[str]) -> list[Target]:
    """`TYPE`, `TYPE NAME...` or `TYPE/NAME...`, without repetitions. Raises ResourceError."""
    first, *rest = arguments
    if rest and "/" not in first:
        kind = parse_kind(first)
        for name in rest:
            if "/" in name:
                raise ResourceError(
                    f"{first!r} and {name!r} do not go together: write TYPE NAME... or TYPE/NAME..."
                )
        found = [Target(kind, name) for name in rest]
    else:
        found = [parse_target(argument) for argument in arguments]
    for target in found:
        if target.kind == ALL and (target.name or len(found) > 1):
            raise ResourceError(f"{ALL!r} takes no name and stands alone")
    return list(dict.fromkeys(found))


def parse_target(text: str) -> Target:
    """`TYPE` or `TYPE/NAME`. Raises ResourceError."""
    kind, _, name = text.partition("/")
    if "/" in name:
        raise ResourceError(f"{text!r} is not a resource: the form is TYPE or TYPE/NAME")
    return Target(parse_kind(kind), name)


def parse_kind(text: str) -> str:
    """A kind by any of its names, as its name in singular. Raises ResourceError."""
    kind = _SPELLINGS.get(text.lower())
    if kind is None:
        known = ", ".join(
            [
                *(
                    f"{kind} ({short})" if kind != short else kind
                    for kind, short in SHORT_NAMES.items()
                ),
                ALL,
            ]
        )
        command = _ELSEWHERE.get(text.lower())
        hint = f". For those of a workload, see `mesh {command} deploy/NAME`" if command else ""
        raise ResourceError(f"{text!r} is not a type of resource: allowed are {known}{hint}")
    return kind
