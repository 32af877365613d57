"""The client against the fake API, which must keep the contract a real one keeps."""

import asyncio
from pathlib import Path

import pytest

from kit.kube import config, errors
from kit.kube.client import Client
from kit.kube.objects import CONFIG_MAPS, NODES, PODS, Resource
from testkit import kube_contract
from testkit.kube import FakeKube
from testkit.nested import TOO_DEEP


@pytest.mark.parametrize("demand", kube_contract.DEMANDS, ids=lambda demand: demand.__name__)
def test_the_fake_keeps_the_contract(demand: kube_contract.Demand) -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            await demand(client, "default")

    asyncio.run(script())


def test_paths() -> None:
    crd = Resource("policy.linkerd.io", "v1beta3", "servers", "Server")
    assert PODS.path() == "/api/v1/pods"
    assert PODS.path("a", "b", "status") == "/api/v1/namespaces/a/pods/b/status"
    assert NODES.path("ignored", "n") == "/api/v1/nodes/n"
    assert crd.path("x") == "/apis/policy.linkerd.io/v1beta3/namespaces/x/servers"
    assert PODS.path("a", "../../nodes") == "/api/v1/namespaces/a/pods/..%2F..%2Fnodes"
    assert str(crd) == "servers.policy.linkerd.io"


def test_a_list_follows_pages() -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            kube.page_limit = 2
            for number in range(5):
                await client.create(CONFIG_MAPS, kube_contract.config_map(f"m{number}"), "ns")
            items, _ = await client.list(CONFIG_MAPS, "ns")
            assert [one["metadata"]["name"] for one in items] == [f"m{n}" for n in range(5)]

    asyncio.run(script())


def test_an_object_nested_too_deeply_is_an_error_of_ours() -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            await kube.put(
                CONFIG_MAPS, {"metadata": {"name": "m", "namespace": "n"}, "a": TOO_DEEP}
            )
            with pytest.raises(errors.Unreachable, match=r"configmaps/m: .* nested too deeply"):
                await client.get(CONFIG_MAPS, "m", "n")

    asyncio.run(script())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Expired),
        (418, errors.ApiError),
        (422, errors.BadRequest),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
def test_each_status_is_an_error_of_ours(status: int, kind: type[errors.ApiError]) -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube, kube.client() as client:
            kube.fail_with["GET", "/api/v1/pods"] = (status, "because")
            with pytest.raises(errors.ApiError, match="because") as caught:
                await client.list(PODS)
            assert type(caught.value) is kind
            assert caught.value.status == status

    asyncio.run(script())


def test_an_error_without_a_status_body_keeps_its_text() -> None:
    error = errors.from_body(502, b"<html>bad gateway</html>")
    assert isinstance(error, errors.ServerError)
    assert "bad gateway" in str(error)


def test_no_server_is_unreachable_with_the_cause() -> None:
    async def script() -> None:
        async with FakeKube().serving() as kube:
            client = kube.client()
        async with client:
            with pytest.raises(errors.Unreachable) as caught:
                await client.list(PODS)
            assert caught.value.__cause__ is not None

    asyncio.run(script())


def test_a_bad_kubeconfig_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    for text in ("{", "a: b", ""):
        path.write_text(text)
        with pytest.raises(errors.ConfigError, match="kubeconfig"):
            asyncio.run(config.load(path))
    with pytest.raises(errors.ConfigError, match="service account"):
        asyncio.run(config.load(None))


def test_a_kubeconfig_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(
        """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: secret}}]
"""
    )

    async def script() -> None:
        loaded = await config.load(path)
        assert loaded.host == "http://127.0.0.1:1"
        assert await loaded.get_api_key_with_prefix("BearerToken") == "Bearer secret"
        async with Client(loaded) as client:
            assert await client._credentials() == {"Authorization": "Bearer secret"}

    asyncio.run(script())
