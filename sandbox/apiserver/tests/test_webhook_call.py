"""The call to a webhook over real TLS: by service, by URL, and every way it goes wrong."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.apiserver import pki
from sandbox.apiserver.admission.webhook_call import CallFailedError, HttpsCaller
from sandbox.apiserver.admission.webhook_match import Webhook
from sandbox.apiserver.kinds import ENDPOINT_SLICE, SERVICE
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.store import Store
from sandbox.apiserver.tests.conftest import run

CA = pki.make_ca()
OTHER_CA = pki.make_ca()
SERVICE_NAME = "hook.default.svc"


@dataclass(slots=True)
class Hook:
    port: int = 0
    answer: bytes = b'{"response": {}}'
    status: bytes = b"200 OK"
    silent: bool = False
    heads: list[str] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def hook(directory: Path, name: str = SERVICE_NAME) -> AsyncIterator[Hook]:
    """An HTTPS server whose certificate is for `name`."""
    pair = pki.make_serving(
        CA, names=[name], addresses=["127.0.0.1"] if name != SERVICE_NAME else []
    )
    (directory / "crt").write_bytes(pair.certificate)
    (directory / "key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "crt", directory / "key")
    found = Hook()
    context.sni_callback = lambda session, name, context: found.server_names.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if not found.silent:
            head = b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % (found.status, len(found.answer)) + found.answer)
            await writer.drain()
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


def by_service(ca: pki.KeyPair = CA, **entry: Any) -> Webhook:
    config = {
        "service": {"namespace": "default", "name": "hook", "path": "/mutate", "port": 443},
        "caBundle": base64.b64encode(ca.certificate).decode(),
    }
    return Webhook("hooks", "hook.example.com", {"clientConfig": config, **entry})


def endpoint(store: Store, port: int, *, ready: bool = True) -> None:
    meta: Obj = {"name": "hook", "namespace": "default"}
    ports = [{"name": "https", "port": 443, "targetPort": "https"}]
    store.create(SERVICE, {"metadata": meta, "spec": {"ports": ports}})
    labels = {"kubernetes.io/service-name": "hook"}
    store.create(
        ENDPOINT_SLICE,
        {
            "metadata": {**meta, "labels": labels},
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": ready}}],
            "ports": [{"name": "https", "port": port}],
        },
    )


async def call(store: Store, webhook: Webhook) -> object:
    caller = HttpsCaller(store)
    try:
        return await caller(webhook, {"request": {"uid": "u"}})
    finally:
        await caller.aclose()


def test_a_service_is_dialled_at_its_endpoint_and_checked_by_its_name(
    store: Store, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with hook(tmp_path) as server:
            endpoint(store, server.port)
            assert await call(store, by_service()) == {"response": {}}
            assert server.server_names == [SERVICE_NAME]
            assert server.heads[0].startswith("POST /mutate?timeout=10s HTTP/1.1")
            assert f"host: {SERVICE_NAME}" in server.heads[0].lower()

    run(scenario())


def test_a_url_is_called_as_it_is(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hook(tmp_path, "localhost") as server:
            config = {
                "url": f"https://127.0.0.1:{server.port}/x",
                "caBundle": base64.b64encode(CA.certificate).decode(),
            }
            assert await call(store, Webhook("h", "h", {"clientConfig": config})) == {
                "response": {}
            }

    run(scenario())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("webhook", "change", "why"),
    [
        (by_service(OTHER_CA), {}, "certificate"),
        (by_service(), {"status": b"500 Oops"}, "answered 500"),
        (by_service(), {"answer": b"no json"}, "Expecting value"),
        (by_service(timeoutSeconds=1), {"silent": True}, "no answer within 1s"),
    ],
    ids=["another CA", "an error", "no JSON", "no answer"],
)
def test_calls_that_fail(
    store: Store, tmp_path: Path, webhook: Webhook, change: Obj, why: str
) -> None:
    async def scenario() -> None:
        async with hook(tmp_path) as server:
            for key, value in change.items():
                setattr(server, key, value)
            endpoint(store, server.port)
            with pytest.raises(CallFailedError, match=why):
                await call(store, webhook)

    run(scenario())


def test_a_certificate_of_another_name_is_refused(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hook(tmp_path, "other.default.svc") as server:
            endpoint(store, server.port)
            with pytest.raises(CallFailedError, match="certificate"):
                await call(store, by_service())

    run(scenario())


def test_without_an_endpoint_there_is_nobody_to_ask(store: Store) -> None:
    async def scenario() -> None:
        with pytest.raises(CallFailedError, match='services "hook" not found'):
            await call(store, by_service())
        endpoint(store, 1, ready=False)
        with pytest.raises(CallFailedError, match='no endpoints available for service "hook"'):
            await call(store, by_service())

    run(scenario())


def test_the_review_is_sent_as_json(store: Store, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hook(tmp_path) as server:
            endpoint(store, server.port)
            await call(store, by_service())
            head = server.heads[0].lower()
            assert "content-type: application/json" in head
            size = len(json.dumps({"request": {"uid": "u"}}, separators=(",", ":")))
            assert f"content-length: {size}" in head

    run(scenario())
