"""Who asks, and may they watch?

The API server authenticates every user; for an aggregated API it passes on whom it found, in headers
that count only on a connection whose client certificate is its own. Which authority signs that
certificate, which names it may bear and what the headers are called stands in ConfigMap
`extension-apiserver-authentication` of namespace kube-system. Then a SubjectAccessReview decides.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from kit.kube.client import Client
from kit.kube.objects import SUBJECT_ACCESS_REVIEWS, mapping
from tap.query import Target

CONFIG_NAMESPACE = "kube-system"
CONFIG_NAME = "extension-apiserver-authentication"
GROUP = "tap.linkerd.io"
VERSION = "v1alpha1"
VERB = "watch"


class NotAuthenticated(Exception):
    """Nobody we trust says who is asking."""


class NotAllowed(Exception):
    """The caller may not watch this; the message says who and what."""


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """How the API server identifies itself and its users to us."""

    authority: str
    """PEM of whoever signs its client certificate; empty means that nobody is believed."""
    names: tuple[str, ...]
    """Common names its certificate may have; empty allows any that the authority signed."""
    user_headers: tuple[str, ...] = ("X-Remote-User",)
    group_headers: tuple[str, ...] = ("X-Remote-Group",)
    extra_prefixes: tuple[str, ...] = ("X-Remote-Extra-",)


NOBODY = FrontProxy("", ())


@dataclass(frozen=True, slots=True)
class Caller:
    user: str
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_front_proxy(config_map: Mapping[str, Any]) -> FrontProxy:
    """What the ConfigMap says. Raises ValueError for lists that are none."""
    data = mapping(config_map.get("data"))

    def names(key: str) -> tuple[str, ...]:
        value = json.loads(data.get(f"requestheader-{key}") or "[]")
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError(f"{CONFIG_NAME}: requestheader-{key} is not a list of strings")
        return tuple(value)

    return FrontProxy(
        authority=str(data.get("requestheader-client-ca-file") or ""),
        names=names("allowed-names"),
        user_headers=names("username-headers"),
        group_headers=names("group-headers"),
        extra_prefixes=names("extra-headers-prefix"),
    )


def identify(
    proxy: FrontProxy, common_name: str | None, headers: Iterable[tuple[str, str]]
) -> Caller:
    """The caller, as the API server names it. Raises NotAuthenticated.

    `common_name` is that of a client certificate verified against `proxy.authority`, None without
    one.
    """
    if common_name is None or not proxy.authority:
        raise NotAuthenticated("only the API server may ask, and this client is not it")
    if proxy.names and common_name not in proxy.names:
        raise NotAuthenticated(f"client certificate {common_name!r} is not the API server's")
    fields = [(name.lower(), value) for name, value in headers]
    users = _first(fields, proxy.user_headers)
    if not users or not users[0]:
        raise NotAuthenticated("the API server does not say who is asking")
    return Caller(users[0], _first(fields, proxy.group_headers), _extra(fields, proxy))


def _first(fields: list[tuple[str, str]], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The values of the first header that is there."""
    for name in wanted:
        found = tuple(value for key, value in fields if key == name.lower())
        if found:
            return found
    return ()


def _extra(fields: list[tuple[str, str]], proxy: FrontProxy) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for prefix in proxy.extra_prefixes:
        for key, value in fields:
            if key.startswith(prefix.lower()):
                name = unquote(key.removeprefix(prefix.lower()))
                found[name] = (*found.get(name, ()), value)
    return found


class Reviewer(Protocol):
    """Decides whether a caller may watch."""

    async def review(self, caller: Caller, target: Target) -> None:
        """Raises NotAllowed, KubeError."""


class AccessReview:
    """Asks the API server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def review(self, caller: Caller, target: Target) -> None:
        """Raises NotAllowed, KubeError."""
        answer = await self._client.create(SUBJECT_ACCESS_REVIEWS, body(caller, target))
        status = mapping(answer.get("status"))
        if status.get("allowed") is not True or status.get("denied") is True:
            raise NotAllowed(refusal(caller, target, str(status.get("reason") or "")))


def body(caller: Caller, target: Target) -> dict[str, Any]:
    """A SubjectAccessReview."""
    return {
        "spec": {
            "user": caller.user,
            "groups": list(caller.groups),
            "extra": {name: list(values) for name, values in caller.extra.items()},
            "resourceAttributes": {
                "verb": VERB,
                "group": GROUP,
                "version": VERSION,
                "resource": target.plural,
                "subresource": "tap",
                "namespace": target.namespace,
                "name": target.name,
            },
        }
    }


def refusal(caller: Caller, target: Target, reason: str = "") -> str:
    """Who may not do what, and what would change it."""
    sentence = (
        f"{caller.user} may not watch {target.plural}/tap in group {GROUP}, "
        f"namespace {target.namespace}"
    )
    return f"{sentence}: {reason}" if reason else sentence
