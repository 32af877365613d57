"""The fixtures: a namespace of the test's own, and an API whose every answer is compared."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kubernetes_api import recordings, samples
from tests.kubernetes_api.api import Api, connect, without_certificate
from tests.kubernetes_api.differences import DOCUMENTED
from tests.kubernetes_api.transcript import Names, Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.mesh.cluster import Cluster

RECORDED = Path(__file__).with_name("recorded")
VERSION = RECORDED / "VERSION"
RECORD = os.environ.get("WEFT_RECORD") == "1"


@pytest.fixture(scope="session")
def http(cluster: Cluster) -> Iterator[httpx.Client]:
    """The administrator. Skips on a cluster of another version than the recordings'."""
    with connect(Path(cluster.terminal.environment["KUBECONFIG"])) as client:
        found = client.get("/version").json()
        if RECORD:
            assert cluster.name != "sandbox", "what the sandbox answers is not what is recorded"
            VERSION.write_text(f"{found['gitVersion']}\n")
        version = f"v{found['major']}.{found['minor']}"
        if not VERSION.read_text().startswith(f"{version}."):
            pytest.skip(f"recorded from {VERSION.read_text().strip()}, this is {version}")
        yield client


@pytest.fixture(scope="session")
def anonymous(http: httpx.Client, cluster: Cluster) -> Iterator[httpx.Client]:
    """Shows no certificate."""
    kubeconfig = Path(cluster.terminal.environment["KUBECONFIG"])
    with without_certificate(http, kubeconfig) as client:
        yield client


@pytest.fixture(scope="session")
def node(http: httpx.Client) -> str:
    """The name of the cluster's first node."""
    return str(http.get("/api/v1/nodes").json()["items"][0]["metadata"]["name"])


_EVERY_NAMESPACE_HAS = ("serviceaccounts/default", "configmaps/kube-root-ca.crt")


@pytest.fixture
def namespace(http: httpx.Client, cluster: Cluster) -> Iterator[str]:
    """An empty one, with what every namespace gets; on its way out after the test."""
    name = f"contract-{secrets.token_hex(3)}"
    http.post("/api/v1/namespaces", json={"metadata": {"name": name}}).raise_for_status()
    has = [f"/api/v1/namespaces/{name}/{path}" for path in _EVERY_NAMESPACE_HAS]
    cluster.terminal.wait_until(
        f"{name} has what every namespace has",
        lambda: all(http.get(path).is_success for path in has),
        seconds=30,
        every=0.05,
    )
    yield name
    http.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def conversation(
    request: pytest.FixtureRequest, cluster: Cluster, namespace: str, node: str
) -> Iterator[Transcript]:
    """Compared with its recording when the test is over and was not wrong already."""
    managed_fields = request.node.get_closest_marker("managed_fields") is not None
    said = Transcript(Names(namespace, node), managed_fields=managed_fields)
    failed = request.session.testsfailed
    yield said
    if request.session.testsfailed != failed:
        return
    module = request.path.stem.removeprefix("test_")
    path, name = RECORDED / f"{module}.yaml", request.node.name.removeprefix("test_")
    if RECORD:
        recordings.keep(path, name, said.said)
    difference = recordings.difference(path, name, said.said)
    if cluster.name == "sandbox" and f"{module}/{name}" in DOCUMENTED:
        assert difference, f"{module}/{name} agrees by now: it is no documented difference"
        return
    assert not difference, f"not what Kubernetes answers:\n{difference}"


@pytest.fixture
def api(http: httpx.Client, namespace: str, conversation: Transcript) -> Api:
    return Api(http, namespace, conversation)


@pytest.fixture
def widgets(http: httpx.Client, cluster: Cluster) -> Iterator[None]:
    """A kind of custom resource, served; gone again afterwards."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    _gone(http, cluster, f"{definitions}/widgets.example.com")
    http.post(definitions, json=samples.crd()).raise_for_status()
    cluster.terminal.wait_until(
        "widgets are served",
        lambda: http.get("/apis/example.com/v1/widgets").is_success,
        seconds=30,
        every=0.1,
    )
    yield
    _gone(http, cluster, f"{definitions}/widgets.example.com")


def _gone(http: httpx.Client, cluster: Cluster, path: str) -> None:
    http.delete(path)
    cluster.terminal.wait_until(
        f"{path} is gone", lambda: http.get(path).status_code == 404, seconds=30, every=0.1
    )
