"""Kubeconfigs of the plain kind, read without the `kubernetes` library.

Importing that library takes longer than all else a short command does. Most kubeconfigs need none of
what it knows: one file, and a certificate, a token or nothing to say who we are. These are read here.
For everything else - several files, credential plugins, passwords, proxies, and every file that is not
as it should be - the answer is None, and the library is asked, so that its words explain what is wrong.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cli.options import Globals

DEFAULT = "~/.kube/config"
_CLUSTER = frozenset(
    {
        "server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify",
        "tls-server-name", "extensions",
    }
)  # fmt: skip
_USER = frozenset(
    {
        "client-certificate", "client-certificate-data", "client-key", "client-key-data", "token",
        "extensions",
    }
)  # fmt: skip
"""Keys of a user we can be; `exec`, `auth-provider`, `tokenFile`, `username` are the library's business."""


class _NotPlain(Exception):
    """The library is to read this file."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Where the API server is and who we are; fields are named as the library's `Configuration` does."""

    host: str
    ca_cert_data: str | None
    """The authorities to believe, PEM; None stands for the system's."""
    client_pem: bytes
    """Our certificate and its key; empty without one."""
    token: str
    verify_ssl: bool
    tls_server_name: str | None
    ssl_ca_cert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    def auth_settings(self) -> dict[str, dict[str, str]]:
        """The headers that say who asks."""
        if not self.token:
            return {}
        return {
            "BearerToken": {
                "in": "header",
                "key": "authorization",
                "value": f"Bearer {self.token}",
            }
        }


def path_of(chosen: Globals) -> str:
    """What names the kubeconfig: one path, or several as $KUBECONFIG may hold."""
    return chosen.kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT


def files_of(chosen: Globals) -> list[Path]:
    """The files that may hold the kubeconfig, whether they are there or not."""
    return [Path(one).expanduser() for one in path_of(chosen).split(os.pathsep) if one]


def read_plain(chosen: Globals) -> Plain | None:
    """The access the chosen context gives, or None where the library must be asked."""
    try:
        file, document = _document(chosen)
        context = _context(document, chosen.context)
        cluster = _named(document, "clusters", context.get("cluster"), "cluster")
        user = _named(document, "users", context["user"], "user") if context.get("user") else {}
        if not (cluster.keys() <= _CLUSTER and user.keys() <= _USER):
            return None
        return _plain(file.parent, cluster, user)
    except (_NotPlain, OSError, ValueError):
        return None


def context_namespace(chosen: Globals) -> str:
    """The namespace of the chosen context; empty when it has none, or when there is no such context.

    Of several files the first that says something counts, for the current context as for a context of a name.
    """
    documents = list(_readable(chosen))
    current = (one.get("current-context") for one in documents)
    wanted = chosen.context or next((one for one in current if one), "")
    for document in documents:
        try:
            return _text(_context(document, str(wanted)), "namespace")
        except _NotPlain:
            continue
    return ""


def context_names(chosen: Globals) -> list[str]:
    """The contexts that may be chosen, of every file that can be read."""
    names = []
    for document in _readable(chosen):
        contexts = document.get("contexts")
        entries = contexts if isinstance(contexts, list) else []
        names += [str(one["name"]) for one in entries if isinstance(one, Mapping) and "name" in one]
    return names


def _readable(chosen: Globals) -> Iterator[Mapping[str, Any]]:
    for file in files_of(chosen):
        try:
            yield _mapping(_parsed(file.read_bytes()))
        except (_NotPlain, OSError, ValueError):
            continue


def _document(chosen: Globals) -> tuple[Path, Mapping[str, Any]]:
    present = [file for file in files_of(chosen) if file.is_file()]
    if len(present) != 1:
        raise _NotPlain
    return present[0], _mapping(_parsed(present[0].read_bytes()))


@lru_cache(maxsize=1)
def _parsed(content: bytes) -> object:
    """Kept, because a command asks for the namespace and for the connection; not to be changed."""
    import yaml

    try:
        # The loader in C where there is one; both load nothing but plain values.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(content, Loader=loader)  # noqa: S506
    except yaml.YAMLError:
        raise _NotPlain from None


def _context(document: Mapping[str, Any], wanted: str | None) -> Mapping[str, Any]:
    return _named(document, "contexts", wanted or document.get("current-context"), "context")


def _named(document: Mapping[str, Any], family: str, name: object, part: str) -> Mapping[str, Any]:
    """The one entry of a list with that name."""
    entries = document.get(family)
    if not isinstance(entries, list) or not isinstance(name, str):
        raise _NotPlain
    found = [one for one in entries if _mapping(one).get("name") == name]
    if len(found) != 1:
        raise _NotPlain
    return _mapping(found[0].get(part))


def _plain(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Plain:
    insecure = cluster.get("insecure-skip-tls-verify", False)
    host = _text(cluster, "server")
    if not host or not isinstance(insecure, bool):
        raise _NotPlain
    authority = _material(cluster, "certificate-authority", folder)
    certificate = _material(user, "client-certificate", folder)
    key = _material(user, "client-key", folder)
    if bool(certificate) != bool(key):
        raise _NotPlain
    return Plain(
        host=host,
        ca_cert_data=authority.decode("ascii") or None,
        client_pem=certificate + b"\n" + key if certificate else b"",
        token=_text(user, "token"),
        verify_ssl=not insecure,
        tls_server_name=_text(cluster, "tls-server-name") or None,
    )


def _material(holder: Mapping[str, Any], name: str, folder: Path) -> bytes:
    """A PEM that is given as data or as a file; data are preferred, as kubectl does."""
    if data := _text(holder, f"{name}-data"):
        return base64.b64decode(data, validate=True)
    if file := _text(holder, name):
        return (folder / file).read_bytes()
    return b""


def _text(holder: Mapping[str, Any], key: str) -> str:
    found = holder.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _NotPlain
    return found


def _mapping(found: object) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise _NotPlain
    return found
