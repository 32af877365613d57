"""Requests to the cluster's API server, as its administrator, each noted in a transcript."""

from __future__ import annotations

import json
import ssl
import tempfile
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kubernetes_api.transcript import Transcript

Json = dict[str, Any]
Patch = Literal["json", "merge", "strategic", "apply"]
PATCH_TYPES: dict[Patch, str] = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_ROOTS = {
    "/apis/apps/v1": ("deployments", "replicasets", "statefulsets", "daemonsets"),
    "/apis/batch/v1": ("jobs", "cronjobs"),
    "/apis/policy/v1": ("poddisruptionbudgets",),
    "/apis/discovery.k8s.io/v1": ("endpointslices",),
    "/apis/networking.k8s.io/v1": ("ingresses", "networkpolicies"),
    "/apis/rbac.authorization.k8s.io/v1": ("roles", "rolebindings"),
    "/apis/coordination.k8s.io/v1": ("leases",),
    "/apis/example.com/v1": ("widgets",),
}


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    body: Any
    """JSON; text where the answer was none."""

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """Of a list's items."""
        return [one["metadata"]["name"] for one in self.body["items"]]


class Api:
    """Paths are `configmaps/one`, in the test's namespace, or begin with a slash."""

    def __init__(self, http: httpx.Client, namespace: str, transcript: Transcript) -> None:
        self.http = http
        self.namespace = namespace
        self.transcript = transcript

    def get(self, path: str, *, accept: str = "application/json", **query: str) -> Answer:
        return self.ask("GET", path, accept=accept, query=query)

    def create(self, path: str, body: Json, **query: str) -> Answer:
        return self.ask("POST", path, body, query=query)

    def replace(self, path: str, body: Json, **query: str) -> Answer:
        return self.ask("PUT", path, body, query=query)

    def patch(self, path: str, body: Any, kind: Patch = "merge", **query: str) -> Answer:
        return self.ask("PATCH", path, body, content_type=PATCH_TYPES[kind], query=query)

    def delete(self, path: str, body: Json | None = None, **query: str) -> Answer:
        return self.ask("DELETE", path, body, query=query)

    def ask(
        self, method: str, path: str, body: Any = None, *, query: Json | None = None, **how: str
    ) -> Answer:
        """One exchange, noted. `how` is what `quietly` takes besides."""
        answer = self.quietly(method, path, body, query=query, **how)
        self.transcript.note(_readable(method, path, query), answer.code, answer.body)
        return answer

    def quietly(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        query: Json | None = None,
        token: str = "",
    ) -> Answer:
        """One exchange that is not compared. A token is asked with instead of the certificate, if the
        client shows none."""
        headers = {"Content-Type": content_type, "Accept": accept}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = None if body is None else json.dumps(body)
        response = self.http.request(
            method, self.url(path), content=content, headers=headers, params=query
        )
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code, response.text)

    @contextmanager
    def watch(self, path: str, **query: str) -> Iterator[Iterator[Json]]:
        """The events of a watch as they come; ends by itself after `timeoutSeconds`."""
        query = {"watch": "1", "timeoutSeconds": "30", **query}
        with self.http.stream("GET", self.url(path), params=query) as response:
            yield (json.loads(line) for line in response.iter_lines() if line)

    def url(self, path: str) -> str:
        if path.startswith("/"):
            return path
        plural = path.split("/")[0]
        root = next((root for root, plurals in _ROOTS.items() if plural in plurals), "/api/v1")
        return f"{root}/namespaces/{self.namespace}/{path}"


@contextmanager
def connect(kubeconfig: Path) -> Iterator[httpx.Client]:
    """A client of the current context, with its certificate."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    with tempfile.TemporaryDirectory() as folder:
        trusts = _file(cluster, "certificate-authority", Path(folder))
        tls = ssl.create_default_context(cafile=trusts)
        tls.load_cert_chain(
            _file(user, "client-certificate", Path(folder)), _file(user, "client-key", Path(folder))
        )
        with httpx.Client(base_url=cluster["server"], verify=tls, timeout=60) as client:
            yield client


@contextmanager
def without_certificate(client: httpx.Client, kubeconfig: Path) -> Iterator[httpx.Client]:
    """Nobody in particular, to the same server: who asks must show a token."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    with tempfile.TemporaryDirectory() as folder:
        trusts = _file(cluster, "certificate-authority", Path(folder))
        tls = ssl.create_default_context(cafile=trusts)
        with httpx.Client(base_url=client.base_url, verify=tls, timeout=60) as anonymous:
            yield anonymous


def _named(entries: list[Json], name: str) -> Json:
    return next(one for one in entries if one["name"] == name)


def _file(entry: Json, key: str, folder: Path) -> str:
    """A file's path: the one that is named, or one with the data that stand in its place."""
    if f"{key}-data" not in entry:
        return str(entry[key])
    path = folder / key
    path.write_bytes(b64decode(entry[f"{key}-data"]))
    return str(path)


def _readable(method: str, path: str, query: Json | None) -> str:
    asked = "&".join(f"{name}={value}" for name, value in (query or {}).items())
    return f"{method} {path}{'?' if asked else ''}{asked}"
