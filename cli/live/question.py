"""What is asked of the tap API: a path that names the resource, and a TapRequest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cli.cluster.client import segment
from cli.resources import ALL, AUTHORITY, NAMESPACE, ResourceError, parse_kind

ROOT = "/apis/tap.linkerd.io/v1alpha1/watch/namespaces"
_MORE_KINDS = {
    "replicationcontroller": "replicationcontroller",
    "replicationcontrollers": "replicationcontroller",
    "rc": "replicationcontroller",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which requests; empty means any."""

    to: str = ""
    to_namespace: str = ""
    method: str = ""
    scheme: str = ""
    authority: str = ""
    path: str = ""
    max_rps: float = 100.0
    selector: str = ""
    """Of the target's pods, not of requests."""


@dataclass(frozen=True, slots=True)
class Question:
    path: str
    body: dict[str, Any]
    said: str
    """The target as people say it: `deployment/web`."""
    namespace: str


def ask(
    arguments: Sequence[str], namespace: str, filters: Filters, *, headers: bool = False
) -> Question:
    """Raises ResourceError."""
    kind, name = parse(arguments)
    if kind == NAMESPACE:
        namespace = name
        path = f"{ROOT}/{segment(name)}/tap"
    else:
        path = f"{ROOT}/{segment(namespace)}/{kind}s/{segment(name)}/tap"
    target = {"kind": kind, "name": name}
    if kind != NAMESPACE:
        target["namespace"] = namespace
    body: dict[str, Any] = {"target": target, "maxRps": filters.max_rps}
    texts = {
        "method": filters.method.upper(),
        "scheme": filters.scheme,
        "authority": filters.authority,
        "pathPrefix": filters.path,
        "labelSelector": filters.selector,
    }
    body.update({key: text for key, text in texts.items() if text})
    if peer := _peer(filters, namespace):
        body["to"] = peer
    if headers:
        body["headers"] = True
    return Question(path, body, f"{kind}/{name}", namespace)


def parse(arguments: Sequence[str]) -> tuple[str, str]:
    """`TYPE/NAME` or `TYPE NAME`: kind in singular, and name. Raises ResourceError."""
    if len(arguments) == 1 and "/" in arguments[0]:
        text, _, name = arguments[0].partition("/")
    elif len(arguments) == 2 and not any("/" in one for one in arguments):
        text, name = arguments
    else:
        said = " ".join(arguments)
        raise ResourceError(f"{said!r} is not one resource: the form is TYPE/NAME or TYPE NAME")
    kind = _kind(text)
    if not name or "/" in name:
        raise ResourceError(f"{text}/{name} is not one resource: the form is TYPE/NAME")
    return kind, name


def _kind(text: str) -> str:
    kind = _MORE_KINDS.get(text.lower()) or parse_kind(text)
    if kind in (ALL, AUTHORITY):
        raise ResourceError(f"{text!r} cannot be tapped: name one resource, or ns/NAMESPACE")
    return kind


def _peer(filters: Filters, namespace: str) -> dict[str, str] | None:
    if not filters.to:
        found = filters.to_namespace
        return {"kind": NAMESPACE, "name": found} if found else None
    text, _, name = filters.to.partition("/")
    kind = _kind(text)
    if "/" in name:
        raise ResourceError(f"--to {filters.to!r}: the form is TYPE or TYPE/NAME")
    if kind == NAMESPACE:
        if filters.to_namespace:
            raise ResourceError(f"--to-namespace does not go with --to {filters.to}")
        if not name:
            raise ResourceError("--to ns/NAME: the name is missing")
        return {"kind": NAMESPACE, "name": name}
    return {"kind": kind, "namespace": filters.to_namespace or namespace, "name": name}
