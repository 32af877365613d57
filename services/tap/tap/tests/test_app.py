"""The whole service on real sockets: TLS from the API server, reviews, streams, refusals."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from kit.kube import objects
from kit.lifecycle import Process
from kit.settings import SettingsError
from tap import serving as tls
from tap.access import NOBODY, FrontProxy
from tap.app import serve
from tap.settings import TapSettings
from tap.tests.world import FakeProxy, endless, pod, serving
from testkit.kube import FakeKube
from testkit.ports import free_ports
from testkit.waiting import wait_until
from weft.pki import keys
from weft.pki.certificate import Lifetime, Signer, make_anchor, make_leaf, to_pem
from weftapi.viz import tap_pb2 as viz
from weftapi.viz import viz_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WATCH = "/apis/tap.linkerd.io/v1alpha1/watch/namespaces/shop"
JANE = {"X-Remote-User": "jane", "X-Remote-Group": "people"}


class Pki:
    """An authority and certificates of it, in files."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(exist_ok=True)
        now = datetime.now(UTC)
        self._lifetime = Lifetime(now - timedelta(hours=1), now + timedelta(hours=1))
        key = keys.generate()
        self._signer = Signer(make_anchor(name, key, self._lifetime), key)
        self.authority = to_pem(self._signer.certificate).decode()
        self.folder = folder

    def issue(self, name: str) -> tuple[Path, Path]:
        key = keys.generate()
        leaf = make_leaf([name], key.public_key(), self._lifetime, self._signer)
        certificate, private = self.folder / "tls.crt", self.folder / "tls.key"
        certificate.write_bytes(to_pem(leaf))
        private.write_bytes(keys.to_pem(key))
        return certificate, private


class Scene:
    def __init__(self, kube: FakeKube, session: aiohttp.ClientSession, base: str) -> None:
        self.kube = kube
        self.session = session
        self.base = base

    async def post(self, path: str, body: str = "{}", **headers: str) -> tuple[int, Any]:
        """The status, and the first line."""
        given = {**JANE, **headers}
        async with self.session.post(self.base + path, data=body, headers=given) as response:
            line = await response.content.readline()
            return response.status, json.loads(line)


@asynccontextmanager
async def scene(folder: Path, *proxies: FakeProxy) -> AsyncIterator[Scene]:
    """The service beside a fake API server, and a client that is that server."""
    ours, front = Pki(folder / "ours", "ours"), Pki(folder / "front", "front")
    ours.issue("weft-tap.weft.svc")
    api, admin = free_ports(2)
    settings = TapSettings.load(
        {
            "WEFT_ADDR": f"127.0.0.1:{api}",
            "WEFT_ADMIN_ADDR": f"127.0.0.1:{admin}",
            "WEFT_TLS_PATH": str(ours.folder),
        }
    )
    context = ssl.create_default_context(cadata=ours.authority)
    context.check_hostname = False
    context.load_cert_chain(*front.issue("front-proxy-client"))
    connector = aiohttp.TCPConnector(ssl=context)
    async with (
        FakeKube().serving() as kube,
        kube.client() as kubernetes,
        aiohttp.ClientSession(connector=connector) as session,
        serving(*proxies),
    ):
        await kube.put(objects.CONFIG_MAPS, _trust(front.authority))
        for number, proxy in enumerate(proxies):
            await kube.put(objects.PODS, pod(f"web-1-{number}", "127.0.0.1", port=proxy.port))
        process = Process()
        task = asyncio.ensure_future(
            serve(process, settings, kubernetes, CollectorRegistry(), grpc.aio.insecure_channel)
        )
        await wait_until(lambda: process.readiness.is_ready)
        found = Scene(kube, session, f"https://127.0.0.1:{api}")
        await _believed(found)
        try:
            yield found
        finally:
            process.stop()
            await task


def _trust(authority: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {
            "requestheader-client-ca-file": authority,
            "requestheader-allowed-names": "[]",
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        },
    }


async def _believed(found: Scene) -> None:
    """The service has read whom to believe."""
    for _ in range(200):
        try:
            async with found.session.get(found.base + "/healthz") as response:
                assert response.status == 200
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.01)
    raise AssertionError("never believed")


@pytest.mark.slow
def test_the_story(tmp_path: Path) -> None:
    proxy = FakeProxy(endless)

    async def story() -> None:
        async with scene(tmp_path, proxy) as api:
            status, said = await api.post(f"{WATCH}/pods/web-1-0/tap")
            assert status == 403
            assert said["error"].startswith("jane may not watch pods/tap in group tap.linkerd.io")
            assert said["error"] == said["message"]
            assert proxy.requests == []
            api.kube.may.add(("jane", "watch pods.tap.linkerd.io/tap"))
            await follow(api)
            assert proxy.required == ["web.shop.serviceaccount.identity.weft.cluster.local"]
            await wait_until(lambda: proxy.open == 0)

    asyncio.run(story())


async def follow(api: Scene) -> None:
    """Watches one pod until three events have come, and leaves."""
    target = f"{api.base}{WATCH}/pods/web-1-0/tap"
    async with api.session.post(target, data="{}", headers=JANE) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/x-ndjson"
        first = json.loads(await response.content.readline())
        assert first == {"started": {"pods": ["shop/web-1-0"], "skipped": []}}
        kinds = [json.loads(await response.content.readline())["event"] for _ in range(3)]
        assert ["requestInit" in kinds[0], "responseInit" in kinds[1], "responseEnd" in kinds[2]] == [True] * 3  # fmt: skip


@pytest.mark.slow
def test_linkerds_clients_are_answered_in_their_form(tmp_path: Path) -> None:
    proxy = FakeProxy(endless)

    async def story() -> None:
        async with scene(tmp_path, proxy) as api:
            api.kube.may.add(("jane", "watch pods.tap.linkerd.io/tap"))
            question = viz.TapByResourceRequest()
            resource = question.target.resource
            resource.namespace, resource.type, resource.name = "shop", "pod", "web-1-0"
            target = f"{api.base}{WATCH}/pods/web-1-0/tap"

            async def frame(response: aiohttp.ClientResponse) -> bytes:
                (length,) = struct.unpack("<I", await response.content.readexactly(4))
                return await response.content.readexactly(length)

            given = {**JANE, "Content-Type": "application/octet-stream"}
            data = question.SerializeToString()
            async with api.session.post(target, data=data, headers=given) as response:
                assert response.headers["Content-Type"] == "application/octet-stream"
                kinds = [
                    viz.TapEvent.FromString(await frame(response)).http.WhichOneof("event")
                    for _ in range(3)
                ]
                assert kinds == ["request_init", "response_init", "response_end"]
            question.target.label_selector = "app=other"
            data = question.SerializeToString()
            async with api.session.post(target, data=data, headers=given) as response:
                assert (response.status, bool(response.headers["linkerd-error"])) == (200, True)
                error = viz_pb2.ApiError.FromString(await frame(response)).error
                assert error.startswith("no pods to tap")
            asked = question.match.all.matches.add()
            asked.http.path = "/login?token=a"
            data = question.SerializeToString()
            async with api.session.post(target, data=data, headers=given) as response:
                error = viz_pb2.ApiError.FromString(await frame(response)).error
                assert error.startswith("path_prefix reaches into what is redacted")
            assert len(proxy.requests) == 1

    asyncio.run(story())


@pytest.mark.slow
def test_refusals(tmp_path: Path) -> None:
    proxy = FakeProxy(endless)

    async def story() -> None:
        async with scene(tmp_path, proxy) as api:
            for kind in ("pods", "deployments", "namespaces"):
                api.kube.may.add(("jane", f"watch {kind}.tap.linkerd.io/tap"))
            pods = f"{WATCH}/pods/web-1-0/tap"
            assert (await api.post(pods, "{"))[0] == 400
            assert (await api.post(pods, json.dumps({"maxRps": -1})))[0] == 400
            status, said = await api.post(pods, json.dumps({"pathPrefix": "/login?token=a"}))
            assert status == 400
            assert said["error"].startswith("path_prefix reaches into what is redacted")
            assert (await api.post(pods, "x" * 100_000))[0] == 413
            assert (await api.post(f"{WATCH}/secrets/x/tap"))[0] == 400
            assert (await api.post(f"{WATCH}/pods/web-1-0/tap", **{"X-Remote-User": ""}))[0] == 401
            assert (await api.post(f"{WATCH}/deployments/nope/tap"))[0] == 404
            status, said = await api.post("/apis/tap.linkerd.io/v1alpha1/other")
            assert (status, "/healthz" in said["paths"]) == (404, True)
            api.kube.fail_with["POST", "/apis/authorization.k8s.io"] = (500, "no")
            assert (await api.post(pods))[0] == 503

    asyncio.run(story())


@pytest.mark.slow
def test_discovery(tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(tmp_path) as api:
            for path in ("/", "/apis", "/apis/tap.linkerd.io", "/openapi/v2", "/version"):
                async with api.session.get(api.base + path) as response:
                    assert response.status == 200
                    assert await response.json()
            async with api.session.get(f"{api.base}/apis/tap.linkerd.io/v1alpha1") as response:
                names = [one["name"] for one in (await response.json())["resources"]]
            assert {"deployments", "deployments/tap", "namespaces/tap"} <= set(names)

    asyncio.run(story())


@pytest.mark.slow
def test_strangers_get_no_handshake(tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(tmp_path) as api:
            stranger = Pki(tmp_path / "stranger", "front")
            context = ssl.create_default_context(cadata=(Pki(tmp_path / "x", "x")).authority)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            for certificate in (None, stranger.issue("front-proxy-client")):
                if certificate is not None:
                    context.load_cert_chain(*certificate)
                connector = aiohttp.TCPConnector(ssl=context)
                async with aiohttp.ClientSession(connector=connector) as session:
                    with pytest.raises(aiohttp.ClientError):
                        async with session.get(api.base + "/healthz"):
                            pass

    asyncio.run(story())


# --- certificates -------------------------------------------------------------------------------


def test_no_certificate_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="WEFT_TLS_PATH"):
        tls.Trust(tmp_path)


def test_changed_files_are_taken_and_broken_ones_are_not(tmp_path: Path) -> None:
    pki = Pki(tmp_path / "a", "a")
    pki.issue("one")
    trust = tls.Trust(pki.folder)
    assert trust.current is NOBODY
    front = FrontProxy(Pki(tmp_path / "front", "front").authority, ())
    assert trust.renew(front)
    assert not trust.renew(front)
    pki.issue("two")
    assert trust.renew(front)
    (pki.folder / "tls.key").write_text("broken")
    assert not trust.renew(front)
    assert not trust.renew(FrontProxy("no PEM", ()))
    assert trust.current == front


def test_another_authority_asks_for_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        pki = Pki(tmp_path / "a", "a")
        pki.issue("one")
        trust = tls.Trust(pki.folder)
        async with FakeKube().serving() as kube, kube.client() as client:
            await kube.put(objects.CONFIG_MAPS, _trust(pki.authority))
            task = asyncio.ensure_future(tls.follow(trust, client, interval=0.01))
            await wait_until(lambda: trust.current is not NOBODY)
            await kube.put(objects.CONFIG_MAPS, _trust(Pki(tmp_path / "b", "b").authority))
            with pytest.raises(tls.AuthorityChanged):
                await task

    asyncio.run(story())


# --- settings -----------------------------------------------------------------------------------


def test_settings() -> None:
    settings = TapSettings.load({"WEFT_REDACTED_HEADERS": "Cookie, X-Secret", "WEFT_MAX_RPS": "5"})
    assert settings.redacted_headers == {"cookie", "x-secret"}
    assert "token" in settings.redacted_parameters
    assert TapSettings.load({"WEFT_REDACTED_PARAMETERS": ""}).redacted_parameters == frozenset()
    assert TapSettings.load({"WEFT_REDACTED_PATHS": "/a/, /b"}).redacted_paths == ("/a/", "/b")
    with pytest.raises(SettingsError, match="must begin with /"):
        TapSettings.load({"WEFT_REDACTED_PATHS": "reset/"})
    with pytest.raises(SettingsError, match="WEFT_MAX_RPS"):
        TapSettings.load({"WEFT_MAX_RPS": "0"})
