"""Aggregated APIs: whose path, who may, who is told to have asked, and what comes back."""

from __future__ import annotations

import base64
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sandbox.apiserver import kinds, pki
from sandbox.apiserver.aggregate import Aggregator, FrontProxy, announce, identity_headers
from sandbox.apiserver.app import App
from sandbox.apiserver.identity import User
from sandbox.apiserver.tests.conftest import Cluster, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ROOT = "/apis/tap.example.com/v1alpha1"
FRONT = FrontProxy.make()
SERVING_CA = pki.make_ca("tap")


class Behind:
    """The server that answers; it speaks only to whom the front proxy's authority signed."""

    def __init__(self) -> None:
        self.headers: list[Any] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        subject = dict(part[0] for part in transport.get_extra_info("peercert")["subject"])
        self.headers.append(request.headers)
        response = web.StreamResponse(headers={"X-Who": subject["commonName"]})
        await response.prepare(request)
        for part in (request.method, " ", request.path_qs, " ", await request.text()):
            await response.write(part.encode())
        return response

    @asynccontextmanager
    async def serving(self, folder: Path, name: str) -> AsyncIterator[None]:
        serving = pki.make_serving(SERVING_CA, names=[name], addresses=[])
        (folder / "server.pem").write_bytes(serving.certificate + serving.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        context.load_verify_locations(cadata=FRONT.authority.certificate.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
            await site.start()
            self.port = runner.addresses[0][1]
            yield
        finally:
            await runner.cleanup()


@asynccontextmanager
async def scene(
    cluster: Cluster, folder: Path, name: str = "tap.mesh.svc"
) -> AsyncIterator[Behind]:
    behind = Behind()
    async with behind.serving(folder, name):
        announce(cluster.store, FRONT)
        cluster.app = App(cluster.api, cluster.tokens, None, Aggregator(cluster.store, FRONT))
        store = cluster.store
        ports = [{"name": "https", "port": 443, "targetPort": behind.port}]
        place = {"namespace": "mesh"}
        store.create(
            kinds.SERVICE, {"metadata": {"name": "tap", **place}, "spec": {"ports": ports}}
        )
        store.create(
            kinds.ENDPOINT_SLICE,
            {
                "metadata": {"name": "tap-1", **place, "labels": {"kubernetes.io/service-name": "tap"}},
                "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
                "ports": [{"name": "https", "port": behind.port}],
            },
        )  # fmt: skip
        spec = {
            "group": "tap.example.com",
            "version": "v1alpha1",
            "service": {"name": "tap", "namespace": "mesh"},
            "caBundle": base64.b64encode(SERVING_CA.certificate).decode(),
        }
        metadata = {"name": "v1alpha1.tap.example.com"}
        store.create(kinds.API_SERVICE, {"metadata": metadata, "spec": spec})
        try:
            yield behind
        finally:
            await cluster.app.aclose()


def allow(cluster: Cluster, user: str, rule: dict[str, Any]) -> None:
    group = "rbac.authorization.k8s.io"
    cluster.store.create(kinds.CLUSTER_ROLE, {"metadata": {"name": "watcher"}, "rules": [rule]})
    cluster.store.create(
        kinds.CLUSTER_ROLE_BINDING,
        {
            "metadata": {"name": "watcher"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "watcher"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        },
    )


def test_a_request_is_passed_on_under_the_callers_name(cluster: Cluster, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(cluster, tmp_path) as behind, cluster.client() as client:
            path = f"{ROOT}/watch/namespaces/shop/deployments/web/tap?a=b"
            forged = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
            answer = await client.post(path, content="body", headers=forged)
            assert answer.text == f"POST {path} body"
            assert answer.headers["x-who"] == "front-proxy-client"
            (headers,) = behind.headers
            assert headers.getall("X-Remote-User") == ["kubernetes-admin"]
            assert "system:masters" in headers.getall("X-Remote-Group")
            assert len(headers.getall("X-Remote-Group")) == 2

    run(story())


@pytest.mark.parametrize(
    ("resources", "status"),
    [(["deployments/tap"], 200), (["deployments"], 403), (["pods/tap"], 403), (["*"], 200)],
)
def test_roles_are_asked_first(
    cluster: Cluster, tmp_path: Path, resources: list[str], status: int
) -> None:
    async def story() -> None:
        async with scene(cluster, tmp_path) as behind, cluster.client() as client:
            rule = {"apiGroups": ["tap.example.com"], "resources": resources, "verbs": ["watch"]}
            allow(cluster, "jane", rule)
            path = f"{ROOT}/watch/namespaces/shop/deployments/web/tap"
            answer = await client.post(path, headers={"Impersonate-User": "jane"})
            assert answer.status_code == status
            if status == 200:
                assert behind.headers[0]["X-Remote-User"] == "jane"
                assert "Impersonate-User" not in behind.headers[0]
            else:
                assert behind.headers == []
                assert 'cannot watch resource "deployments/tap"' in answer.json()["message"]

    run(story())


def test_discovery_is_answered_there(cluster: Cluster, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(cluster, tmp_path), cluster.client() as client:
            assert (await client.get(ROOT)).text == f"GET {ROOT} "
            assert (await client.get("/apis/apps/v1")).json()["kind"] == "APIResourceList"

    run(story())


def test_a_server_of_another_name_is_not_believed(cluster: Cluster, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(cluster, tmp_path, "other.mesh.svc") as behind, cluster.client() as client:
            answer = await client.get(ROOT)
            assert answer.status_code == 503
            assert behind.headers == []

    run(story())


def test_an_unusable_bundle_and_no_endpoint(cluster: Cluster, tmp_path: Path) -> None:
    async def story() -> None:
        async with scene(cluster, tmp_path), cluster.client() as client:
            for bundle in ("bm9uc2Vuc2U=", ""):
                obj = cluster.store.get(kinds.API_SERVICE, "", "v1alpha1.tap.example.com")
                changed = {**obj, "spec": {**obj["spec"], "caBundle": bundle}}
                cluster.store.update(kinds.API_SERVICE, changed)
                assert (await client.get(ROOT)).status_code == 503
            cluster.store.delete(kinds.ENDPOINT_SLICE, "mesh", "tap-1")
            assert (await client.get(ROOT)).status_code == 503

    run(story())


def test_the_config_map_says_whom_to_believe(cluster: Cluster) -> None:
    announce(cluster.store, FRONT)
    data = cluster.store.get(kinds.CONFIG_MAP, "kube-system", "extension-apiserver-authentication")[
        "data"
    ]
    assert data["requestheader-client-ca-file"] == FRONT.authority.certificate.decode()
    assert data["requestheader-allowed-names"] == '["front-proxy-client"]'


def test_names_in_headers() -> None:
    assert identity_headers(User("jane", ("a", "b"), "", {"acme/team": ["x"]})) == [
        ("X-Remote-User", "jane"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Extra-acme%2Fteam", "x"),
    ]
