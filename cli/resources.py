"""What people type to say which resources they mean: `deploy`, `po/web-1`, `svc web-svc voting-svc`.

Kinds are known by their name in singular and plural and by kubectl's short names; `all` is every kind
but namespaces, authorities and those of policy. Commands that show traffic of pods take no kinds of policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from cli.failure import CommandError

ALL = "all"
AUTHORITY = "authority"
NAMESPACE = "namespace"
SERVICE = "service"
POD = "pod"
AUTHORIZATION_POLICY = "authorizationpolicy"
GRPC_ROUTE = "grpcroute"
HTTP_ROUTE = "httproute"
SERVER = "server"
SERVER_AUTHORIZATION = "serverauthorization"

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
"""Every kind that pods belong to or requests are sent to, and what a row is prefixed with where kinds are
mixed."""

POLICY_SHORT_NAMES = {
    AUTHORIZATION_POLICY: "authzpolicy",
    GRPC_ROUTE: "grpcroute",
    HTTP_ROUTE: "httproute",
    SERVER: "srv",
    SERVER_AUTHORIZATION: "saz",
}
"""The same of the kinds of policy."""


_ALL_SHORT_NAMES = SHORT_NAMES | POLICY_SHORT_NAMES


def short_name(kind: str) -> str:
    """What rows of a kind are prefixed with."""
    return _ALL_SHORT_NAMES.get(kind, kind)


def plural(kind: str) -> str:
    """`authorities`, `deployments`."""
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _spellings(short_names: Mapping[str, str]) -> dict[str, str]:
    return {
        spelling: kind
        for kind, short in short_names.items()
        for spelling in (kind, f"{kind}s", plural(kind), short)
    }


_SPELLINGS = _spellings(SHORT_NAMES) | {ALL: ALL}
_POLICY_SPELLINGS = _spellings(POLICY_SHORT_NAMES) | dict.fromkeys(
    ("serverauthz", "srvauthz"), SERVER_AUTHORIZATION
)

ROUTES = (GRPC_ROUTE, HTTP_ROUTE)
_ROUTED = (*ROUTES, "route", "trafficsplit")
_ELSEWHERE = dict.fromkeys(_POLICY_SPELLINGS, "authz") | {
    spelling: "routes" for kind in _ROUTED for spelling in (kind, plural(kind))
}
"""What pods have or take, and the command that shows it of a workload."""


class ResourceError(CommandError):
    """An argument that names no resource; the message says what is allowed."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Target:
    """All resources of a kind, or one by name."""

    kind: str
    name: str = ""


def parse_targets(arguments: Sequence[str], *, policies: bool = False) -> list[Target]:
    """`TYPE`, `TYPE NAME...` or `TYPE/NAME...`, without repetitions. Raises ResourceError.

    `policies`: whether kinds of policy are allowed.
    """
    first, *rest = arguments
    if rest and "/" not in first:
        kind = parse_kind(first, policies=policies)
        for name in rest:
            if "/" in name:
                raise ResourceError(
                    f"{first!r} and {name!r} do not go together: write TYPE NAME... or TYPE/NAME..."
                )
        found = [Target(kind, name) for name in rest]
    else:
        found = [parse_target(argument, policies=policies) for argument in arguments]
    for target in found:
        if target.kind == ALL and (target.name or len(found) > 1):
            raise ResourceError(f"{ALL!r} takes no name and stands alone")
    return list(dict.fromkeys(found))


def parse_target(text: str, *, policies: bool = False) -> Target:
    """`TYPE` or `TYPE/NAME`. Raises ResourceError."""
    kind, _, name = text.partition("/")
    if "/" in name or not kind:
        raise ResourceError(f"{text!r} is not a resource: the form is TYPE or TYPE/NAME")
    return Target(parse_kind(kind, policies=policies), name)


def parse_kind(text: str, *, policies: bool = False) -> str:
    """A kind by any of its names, as its name in singular. Raises ResourceError."""
    spellings = _SPELLINGS | (_POLICY_SPELLINGS if policies else {})
    kind = spellings.get(text.lower())
    if kind is None:
        known = ", ".join(
            [
                *(
                    f"{kind} ({short})" if kind != short else kind
                    for kind, short in (_ALL_SHORT_NAMES if policies else SHORT_NAMES).items()
                ),
                ALL,
            ]
        )
        command = _ELSEWHERE.get(text.lower())
        near = get_close_matches(text.lower(), spellings, n=1, cutoff=0.7)
        hint = (
            f". For those of a workload, see `mesh {command} deploy/NAME`"
            if command
            else f". Did you mean {near[0]}?"
            if near
            else ""
        )
        raise ResourceError(f"{text!r} is not a type of resource: allowed are {known}{hint}")
    return kind
