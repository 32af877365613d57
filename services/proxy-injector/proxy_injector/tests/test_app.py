"""The whole process against a small API server: TLS, size limits, a new certificate, an event."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from prometheus_client import CollectorRegistry

from kit.admission.serving import LARGEST_BODY
from kit.kube import config
from kit.kube.client import Client
from kit.lifecycle import Process
from kit.settings import SettingsError
from proxy_injector import app
from proxy_injector.owners import Parent, controller_of
from proxy_injector.settings import InjectorSettings
from proxy_injector.tests.examples import ANCHORS, pod
from proxy_injector.world import KubernetesWorld
from testkit import webhooks
from testkit.ports import free_ports
from testkit.waiting import wait_until
from weft import labels

HOST = "weft-proxy-injector.weft.svc"
VALUES: dict[str, Any] = {
    "namespace": "weft", "version": "9.9.9", "identityTrustDomain": "", "clusterDomain": "cluster.local",
    "identityTrustAnchorsPEM": ANCHORS, "clusterNetworks": "10.0.0.0/8", "disableIPv6": True,
    "proxyInjector": {"excludedNamespaces": ["kube-system"]},
    "imageRegistry": "localhost/weft", "imageVersion": "", "imagePullPolicy": "IfNotPresent", "tap": {"identity": ""},
    "debugContainer": {"image": {"name": "", "version": "", "pullPolicy": ""}},
    "proxyInit": {"kubeAPIServerPorts": "443", "runAsUser": 0, "ignoreInboundPorts": "", "ignoreOutboundPorts": "",
                  "skipSubnets": "", "closeWaitTimeoutSecs": 0},
    "proxy": {
        "image": {"name": "", "version": "", "pullPolicy": ""},
        "ports": {"control": 4190, "admin": 4191, "inbound": 4143, "outbound": 4140},
        "opaquePorts": "25", "resources": {kind: {"request": "", "limit": ""} for kind in ("cpu", "memory", "ephemeral-storage")},
        "cpuRatioLimit": "", "uid": 2102, "gid": -1, "enableShutdownEndpoint": False, "logLevel": "warn", "logFormat": "plain",
        "logHTTPHeaders": "off", "enableExternalProfiles": False, "requireIdentityOnInboundPorts": "",
        "metrics": {"hostnameLabels": False}, "outboundConnectTimeout": "1s", "inboundConnectTimeout": "1s",
        "outboundDiscoveryCacheUnusedTimeout": "5s", "inboundDiscoveryCacheUnusedTimeout": "90s",
        "disableOutboundProtocolDetectTimeout": False, "disableInboundProtocolDetectTimeout": False, "isGateway": False,
        "await": True, "defaultInboundPolicy": "all-unauthenticated", "accessLog": "", "shutdownGracePeriod": "",
        "nativeSidecar": True, "additionalEnv": [], "waitBeforeExitSeconds": 0, "tracing": {"enabled": False},
    },
}  # fmt: skip


@dataclass
class ApiServer:
    """Answers what the injector asks, and keeps the events it is sent."""

    minor: str = "34"
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    owners: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/version":
            return web.json_response({"major": "1", "minor": self.minor})
        if request.method == "POST":
            self.events.append(await request.json())
            return web.json_response({}, status=201)
        name = request.path.rpartition("/")[2]
        if request.path in self.owners:
            return web.json_response({"metadata": self.owners[request.path]})
        if request.path == f"/api/v1/namespaces/{name}" and name in self.namespaces:
            return web.json_response(
                {"metadata": {"name": name, "annotations": self.namespaces[name]}}
            )
        return web.json_response({"kind": "Status", "code": 404, "reason": "NotFound"}, status=404)


@asynccontextmanager
async def api_client(server: ApiServer) -> AsyncIterator[Client]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with Client(config.plain(f"http://127.0.0.1:{port}")) as client:
            yield client
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(folder: Path, server: ApiServer) -> AsyncIterator[str]:
    """The injector, ready; yields its address."""
    (folder / "values").write_text(yaml.safe_dump(VALUES))
    (port,) = free_ports(1)
    settings = InjectorSettings.load(
        {
            "WEFT_ADDR": f"127.0.0.1:{port}",
            "WEFT_ADMIN_ADDR": "127.0.0.1:0",
            "WEFT_TLS_PATH": str(folder),
            "WEFT_CONFIG_PATH": str(folder / "values"),
            "WEFT_POLL_INTERVAL": "10ms",
            "WEFT_UNMESHED_PODS": "ignore",
        }
    )
    process = Process()
    async with api_client(server) as client:
        task = asyncio.create_task(app.serve(process, settings, client, CollectorRegistry()))
        await wait_until(lambda: task.done() or "webhook listening" in repr(process.readiness))
        await wait_until(lambda: task.done() or process.readiness.is_ready)
        assert not task.done()
        try:
            yield f"https://127.0.0.1:{port}/"
        finally:
            process.stop()
            await task


async def post(
    address: str, authority: str, body: bytes, maximum: ssl.TLSVersion | None = None
) -> tuple[int, Any]:
    return await webhooks.post(address, HOST, authority, body, maximum)


OWNED = {"kind": "ReplicaSet", "name": "web-5f", "uid": "rs", "controller": True}


@pytest.mark.slow
def test_the_webhook_from_a_tls_connection_to_the_event(tmp_path: Path) -> None:
    server = ApiServer(
        namespaces={"shop": {labels.INJECT: "enabled"}},
        owners={
            "/apis/apps/v1/namespaces/shop/replicasets/web-5f": {
                "ownerReferences": [
                    {"kind": "Deployment", "name": "web", "uid": "d", "controller": True}
                ]
            }
        },
    )
    authority = webhooks.write_certificate(tmp_path, HOST)
    target = pod()
    target["metadata"]["ownerReferences"] = [OWNED]

    async def story() -> None:
        async with running(tmp_path, server) as address:
            status, answer = await post(address, authority, webhooks.review(target, "Pod"))
            assert status == 200
            patch = b64decode(answer["response"]["patch"]).decode()
            assert '"/metadata/labels/linkerd.io~1proxy-deployment","value":"web"' in patch
            assert '"restartPolicy":"Always"' in patch
            await wait_until(lambda: server.events)
            assert server.events[0]["reason"] == "Injected"
            assert server.events[0]["involvedObject"]["kind"] == "Deployment"
            assert (await post(address, authority, b"garbage"))[0] == 400
            assert (await post(address, authority, b"x" * (LARGEST_BODY + 1)))[0] == 413
            assert (
                await post(
                    address, authority, webhooks.review(target, "Pod"), ssl.TLSVersion.TLSv1_2
                )
            )[0] == 200

    asyncio.run(story())


@pytest.mark.slow
def test_a_new_certificate_is_taken_into_use_and_a_broken_one_is_not(tmp_path: Path) -> None:
    server = ApiServer()
    first = webhooks.write_certificate(tmp_path, HOST)

    async def story() -> None:
        async with running(tmp_path, server) as address:
            assert (await post(address, first, b"{}"))[0] == 400
            (tmp_path / "tls.crt").write_text("broken")
            await asyncio.sleep(0.05)
            assert (await post(address, first, b"{}"))[0] == 400
            second = webhooks.write_certificate(tmp_path, HOST)
            assert await webhooks.believed(lambda: post(address, second, b"{}"), tries=200) == 400

    asyncio.run(story())


@pytest.mark.parametrize(
    ("content", "said"),
    [("[]", "not keys and values"), ("{", "cannot read"), ("namespace: weft", "version")],
)
def test_unusable_values_stop_the_start_and_name_the_setting(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "values").write_text(content)
    settings = InjectorSettings.load({"WEFT_CONFIG_PATH": str(tmp_path / "values")})

    async def start() -> None:
        async with api_client(ApiServer()) as client:
            await app.serve(Process(), settings, client, CollectorRegistry())

    with pytest.raises(SettingsError, match=rf"WEFT_CONFIG_PATH.*{said}"):
        asyncio.run(start())


def test_owners_are_followed_upwards_and_remembered() -> None:
    path = "/apis/batch/v1/namespaces/shop/jobs/nightly-1"
    server = ApiServer(
        owners={
            path: {
                "ownerReferences": [
                    {"kind": "CronJob", "name": "nightly", "uid": "c", "controller": True}
                ]
            }
        }
    )

    async def ask() -> list[Parent]:
        async with api_client(server) as client:
            world = KubernetesWorld(client, None, native_available=True)  # type: ignore[arg-type]
            job = {
                "ownerReferences": [
                    {"kind": "Job", "name": "nightly-1", "uid": "j", "controller": True}
                ]
            }
            first = await world.parent("shop", job)
            server.owners.clear()
            return [
                first,
                await world.parent("shop", job),
                await world.parent("shop", {"ownerReferences": [OWNED]}),
                await world.parent("shop", {"generateName": "loose-"}),
            ]

    found = asyncio.run(ask())
    assert found[0] == found[1] == Parent("CronJob", "nightly", "c")
    assert found[2] == Parent("ReplicaSet", "web-5f", "rs")
    assert found[3] == Parent("Pod", "loose")


@pytest.mark.parametrize(
    "reference",
    [
        {"kind": "ReplicaSet", "name": "x"},
        {"kind": "Widget", "name": "x", "controller": True},
        {"kind": "Job", "controller": True},
    ],
)
def test_references_that_do_not_control_or_are_unknown_are_passed_over(
    reference: dict[str, Any],
) -> None:
    assert controller_of({"ownerReferences": [reference]}) is None
