"""A server without sockets: the app behind httpx's ASGI transport, as the cluster's admin."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import Receive, Scope, Send

from sandbox.apiserver import bootstrap, pki
from sandbox.apiserver.admission.webhook_match import Webhook
from sandbox.apiserver.api import Api
from sandbox.apiserver.app import App
from sandbox.apiserver.kinds import SERVICE_ACCOUNT
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.store import Store
from sandbox.apiserver.tokens import Tokens

_BESIDE_PYTHON = Path(sys.executable).with_name("kubectl")
KUBECTL = str(_BESIDE_PYTHON) if _BESIDE_PYTHON.exists() else shutil.which("kubectl") or ""
"""The kubectl of the virtual environment, else the user's own; "" when there is none."""

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(clock=clock)


@pytest.fixture(scope="session")
def admin_certificate() -> bytes:
    pair = pki.make_client(pki.make_ca())
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)


@dataclass(slots=True)
class Cluster:
    store: Store
    api: Api
    app: App
    tokens: Tokens
    webhook_answers: dict[str, Callable[[Obj], object]]
    """What webhooks answer, by name: a function from the AdmissionReview; it may raise."""
    admin_certificate: bytes

    @asynccontextmanager
    async def client(
        self, *, token: str = "", admin: bool = True
    ) -> AsyncIterator[httpx.AsyncClient]:
        certificate = self.admin_certificate if admin and not token else None

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = {"peer_certificate": certificate}
            await self.app(scope, receive, send)

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app=with_state)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://sandbox", headers=headers
        ) as client:
            yield client


@pytest.fixture
def cluster(store: Store, clock: Clock, admin_certificate: bytes) -> Cluster:
    answers: dict[str, Callable[[Obj], object]] = {}

    async def call(webhook: Webhook, review: Obj) -> object:
        return answers[webhook.name](review)

    api = Api(store, call)
    bootstrap.populate(store)
    store.create(SERVICE_ACCOUNT, {"metadata": {"name": "default", "namespace": "default"}})
    tokens = Tokens(store, clock=clock)
    return Cluster(store, api, App(api, tokens), tokens, answers, admin_certificate)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def pod(name: str = "web-1", **spec: Any) -> Obj:
    """A minimal pod of the default namespace."""
    body = {"containers": [{"name": "web", "image": "web:1"}], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": body,
    }


def deployment(name: str = "web", **spec: Any) -> Obj:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def crd(**version: Any) -> Obj:
    """The definition of `widgets.example.com`: a size, and a color with a default."""
    properties = {
        "size": {"type": "integer", "minimum": 1},
        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
        "replicas": {"type": "integer"},
    }
    spec = {"type": "object", "required": ["size"], "properties": properties}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    served = {"served": True, "storage": False, "schema": {"openAPIV3Schema": schema}, **version}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {**served, "name": "v1beta1"},
                {
                    **served,
                    "name": "v1",
                    "storage": True,
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                        },
                    },
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                        {
                            "name": "Ready",
                            "type": "string",
                            "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
                        },
                    ],
                },
            ],
        },
    }


def widget(name: str = "w", **spec: Any) -> Obj:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"size": 1, **spec},
    }
