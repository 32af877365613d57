"""The sandbox's API server in this process, without sockets: applies and deletes as `kubectl` would."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import Receive, Scope, Send

from cli.cluster.errors import NotFound, from_answer
from cli.manifests.kinds import BY_NAME
from sandbox.apiserver import bootstrap, pki
from sandbox.apiserver.admission.webhook_call import CallFailedError
from sandbox.apiserver.admission.webhook_match import Webhook
from sandbox.apiserver.api import Api
from sandbox.apiserver.app import App
from sandbox.apiserver.kinds import NAMESPACE
from sandbox.apiserver.store import Store
from sandbox.apiserver.tokens import Tokens

Json = dict[str, Any]


class SandboxCluster:
    """A fresh cluster, asked as its admin."""

    def __init__(self) -> None:
        self.store = Store(clock=lambda: datetime.now(UTC))
        bootstrap.populate(self.store)
        self._app = App(Api(self.store, _no_webhook), Tokens(self.store))
        pair = pki.make_client(pki.make_ca())
        self._admin = x509.load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)

    def get(self, path: str, **query: str) -> Json:
        return self._ask("GET", path, query, None)

    def post(self, path: str, body: Json) -> Json:
        return self._ask("POST", path, {}, body)

    def apply(self, manifests: Iterable[Json]) -> None:
        """Creates what is not there and merges into what is."""
        for manifest in manifests:
            path, collection = self._paths(manifest)
            try:
                self.get(path)
            except NotFound:
                self._ask("POST", collection, {}, manifest)
            else:
                self._ask("PATCH", path, {}, manifest)

    def delete(self, manifests: Iterable[Json]) -> None:
        """Deletes each object; a namespace takes what is in it along, as its controller would."""
        for manifest in manifests:
            path, _ = self._paths(manifest)
            self._ask("DELETE", path, {}, None)
            if manifest["kind"] == "Namespace":
                self._empty(manifest["metadata"]["name"])

    def everything(self) -> set[tuple[str, str, str]]:
        """Kind, namespace and name of every object."""
        return {
            (kind.kind, one["metadata"].get("namespace", ""), one["metadata"]["name"])
            for kind in self.store.registry.storable()
            for one in self.store.list(kind)
        }

    def _empty(self, namespace: str) -> None:
        registry = self.store.registry
        for kind in registry.storable():
            if kind.namespaced:
                for one in self.store.list(kind, namespace):
                    self.store.delete(kind, namespace, one["metadata"]["name"])
        left = self.store.find(NAMESPACE, "", namespace)
        if left is not None:
            self.store.update(NAMESPACE, {**left, "spec": {"finalizers": []}})

    def _paths(self, manifest: Json) -> tuple[str, str]:
        kind = BY_NAME[manifest["apiVersion"], manifest["kind"]]
        metadata = manifest["metadata"]
        place = metadata.get("namespace") if kind.namespaced else None
        return kind.resource.path(place, metadata["name"]), kind.resource.path(place)

    def _ask(self, method: str, path: str, query: dict[str, str], body: Json | None) -> Json:
        return asyncio.run(self._request(method, path, query, body))

    async def _request(
        self, method: str, path: str, query: dict[str, str], body: Json | None
    ) -> Json:
        async def with_admin(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"peer_certificate": self._admin}
            await self._app(scope, receive, send)

        transport = httpx.ASGITransport(app=with_admin)
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        async with httpx.AsyncClient(transport=transport, base_url="https://sandbox") as client:
            answer = await client.request(
                method, path, params=query, json=body, headers={"Content-Type": kind}
            )
        found: Json = answer.json()
        if answer.status_code >= 400:
            raise from_answer(answer.status_code, str(found.get("message")))
        return found


async def _no_webhook(webhook: Webhook, review: Json) -> object:
    raise CallFailedError(f"nobody serves {webhook.name} here")
