"""What a viewer asks for, read from the path and the body, and checked. Pure."""

import json
from dataclasses import dataclass, replace
from urllib.parse import unquote

from google.protobuf import json_format

from kit.kube.selectors import EVERYTHING, LabelSelector, SelectorError, parse_selector
from weft.names import is_dns_name
from weftapi.tap.v1 import tap_pb2

PLURALS = {
    "namespaces": "namespace",
    "pods": "pod",
    "replicationcontrollers": "replicationcontroller",
    "services": "service",
    "daemonsets": "daemonset",
    "deployments": "deployment",
    "replicasets": "replicaset",
    "statefulsets": "statefulset",
    "jobs": "job",
    "cronjobs": "cronjob",
}
"""Kinds that can be watched, by their names in URLs and access rules."""
DEFAULT_RPS = 100.0
MAX_TEXT = 4096


class QueryError(ValueError):
    """A request that cannot be answered as asked; says which part and what is allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    """One resource. For a namespace `namespace` and `name` are the same."""

    namespace: str
    kind: str
    name: str

    @property
    def plural(self) -> str:
        return next(plural for plural, kind in PLURALS.items() if kind == self.kind)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of the requests that are meant; an empty name means every one of the kind."""

    namespace: str
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    target: Target
    to: Peer | None = None
    method: str = ""
    path_prefix: str = ""
    authority: str = ""
    scheme: str = ""
    max_rps: float = DEFAULT_RPS
    headers: bool = False
    selector: LabelSelector = EVERYTHING
    """Which of the target's pods."""


def read_path(namespace: str, plural: str = "namespaces", name: str = "") -> Target:
    """The target the URL names. Raises QueryError."""
    namespace, name = unquote(namespace), unquote(name)
    kind = PLURALS.get(plural)
    if kind is None:
        raise QueryError(f"{plural!r} cannot be tapped: allowed are {', '.join(PLURALS)}")
    if kind == "namespace":
        if name not in ("", namespace):
            raise QueryError(f"namespace {name!r} is not {namespace!r}")
        name = namespace
    for what, text in (("namespace", namespace), (kind, name)):
        if not is_dns_name(text):
            raise QueryError(f"{text!r} is not the name of a {what}")
    return Target(namespace, kind, name)


def read_body(target: Target, body: bytes) -> Query:
    """The request for the target of its path. Raises QueryError."""
    message = _message(body)
    if message.HasField("target") and _target(message.target) != target:
        raise QueryError(f"target is not what the path names, {target} in {target.namespace}")
    return check(
        Query(
            target,
            to=_peer(message.to) if message.HasField("to") else None,
            method=message.method.upper(),
            path_prefix=message.path_prefix,
            authority=message.authority,
            scheme=message.scheme.lower(),
            max_rps=message.max_rps or DEFAULT_RPS,
            headers=message.headers,
        ),
        message.label_selector,
    )


def check(query: Query, label_selector: str) -> Query:
    """The query with its selector, if every part of it can be used. Raises QueryError."""
    texts = {
        "method": query.method,
        "path_prefix": query.path_prefix,
        "authority": query.authority,
        "scheme": query.scheme,
        "label_selector": label_selector,
    }
    for field, text in texts.items():
        if len(text) > MAX_TEXT or not text.isprintable():
            raise QueryError(f"{field}: allowed are up to {MAX_TEXT} printable characters")
    if query.scheme not in ("", "http", "https"):
        raise QueryError(f"scheme {query.scheme!r}: allowed are http and https")
    if not 0 <= query.max_rps <= 1e9:
        raise QueryError(f"max_rps {query.max_rps:g}: allowed are numbers from 0")
    try:
        return replace(query, selector=parse_selector(label_selector))
    except SelectorError as error:
        raise QueryError(f"label_selector: {error}") from None


def _message(body: bytes) -> tap_pb2.TapRequest:
    try:
        given = json.loads(body or b"{}")
        if not isinstance(given, dict):
            raise QueryError("the body is not a TapRequest: it is no JSON object")
        return json_format.ParseDict(given, tap_pb2.TapRequest(), ignore_unknown_fields=True)
    except QueryError:
        raise
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise QueryError(f"the body is not a TapRequest: {error}") from None


def _target(message: tap_pb2.Resource) -> Target:
    namespace = message.name if message.kind == "namespace" else message.namespace
    return Target(namespace, message.kind, message.name)


def _peer(message: tap_pb2.Resource) -> Peer:
    return read_peer(message.namespace, message.kind, message.name)


def read_peer(namespace: str, kind: str, name: str) -> Peer:
    """Raises QueryError."""
    kinds = PLURALS.values()
    if kind not in kinds:
        raise QueryError(f"to.kind {kind!r}: allowed are {', '.join(kinds)}")
    if kind == "namespace":
        namespace = namespace or name
    elif not namespace:
        raise QueryError("to.namespace is required")
    for text in (name, namespace):
        if text and not is_dns_name(text):
            raise QueryError(f"to: {text!r} is not a name")
    if kind == "namespace" and name not in ("", namespace):
        raise QueryError(f"to: namespace {name!r} is not {namespace!r}")
    return Peer(namespace, kind, name)
