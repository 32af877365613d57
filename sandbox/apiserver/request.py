"""What a request asks for: the path and method as Kubernetes' `RequestInfo`, the query as options.

/api/v1/namespaces/NS/pods/NAME/log         /apis/GROUP/VERSION/RESOURCE/NAME/SUBRESOURCE
/api/v1/namespaces/NS/services/NAME:PORT/proxy/REST/OF/PATH
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.apiserver.errors import BadRequestError, MethodNotAllowedError

NAMESPACE_SUBRESOURCES = ("status", "finalize")
TRUE = ("true", "1", "")


@dataclass(frozen=True, slots=True)
class ResourcePath:
    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What follows the subresource: the path behind `proxy`, with its leading slash."""


def parse_path(path: str) -> ResourcePath | None:
    """The resource a path names; None when it names none (discovery, health, nonsense)."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in NAMESPACE_SUBRESOURCES:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest[:3], "", "")[:3]
    remainder = ""
    if len(rest) > 3:
        if subresource != "proxy":
            return None
        remainder = path.split("/proxy", 1)[1]
    elif subresource == "proxy":
        remainder = "/" if path.endswith("/") else ""
    return ResourcePath(group, version, plural, namespace, name, subresource, remainder)


_VERBS = {
    "POST": ("create", "create"),
    "GET": ("get", "list"),
    "HEAD": ("get", "list"),
    "PUT": ("update", ""),
    "PATCH": ("patch", ""),
    "DELETE": ("delete", "deletecollection"),
}


def verb_of(method: str, asked: ResourcePath, query: Mapping[str, str]) -> str:
    """The verb RBAC knows the request by. MethodNotAllowedError when there is none."""
    named, unnamed = _VERBS.get(method, ("", ""))
    verb = named if asked.name else unnamed
    if verb in ("get", "list") and not asked.subresource and flag(query, "watch"):
        return "watch"
    if not verb:
        raise MethodNotAllowedError
    return verb


def flag(query: Mapping[str, str], name: str) -> bool:
    return name in query and query[name].lower() in TRUE


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of the query, or None. BadRequestError when it is something else."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError as error:
        raise BadRequestError(
            f"invalid value {text!r} for parameter {name}: not a number"
        ) from error
