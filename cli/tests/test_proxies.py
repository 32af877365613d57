"""The way to the API server through an HTTP proxy, by kubectl's rules: of the kubeconfig, or of the environment."""

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.cluster.client import connect
from cli.cluster.errors import ClusterError, NoCluster
from cli.cluster.portforward import ForwardError, forward
from cli.options import Globals
from cli.proxies import ProxyError, http_proxy_of, pool_through

FAR = "https://192.0.2.1:6443"
"""Reached by nobody (RFC 5737)."""
PROXY = "http://proxy.example:3128"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Asked(list[bytes]):
    """First lines and headers of what the proxy was asked; it refuses everything."""

    address: str


@pytest.fixture
def proxy() -> Iterator[Asked]:
    asked = Asked()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while (line := self.rfile.readline()) not in (b"", b"\r\n"):
                head += line
            asked.append(head)
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        asked.address = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


def kubeconfig(folder: Path, **cluster: Any) -> Globals:
    path = folder / "config"
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": cluster}], "users": [{"name": "u", "user": {}}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(document))
    return Globals(kubeconfig=str(path))


@pytest.mark.parametrize("source", ["kubeconfig", "environment"])
def test_requests_and_port_forwards_go_through_it(
    tmp_path: Path, proxy: Asked, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://ann:s%2Fecret@{proxy.address}"
    if source == "environment":
        monkeypatch.setenv("HTTPS_PROXY", url)
        chosen = kubeconfig(tmp_path, server=FAR)
    else:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        chosen = kubeconfig(tmp_path, server=FAR, **{"proxy-url": url})
    cluster = connect(chosen)
    with pytest.raises(ClusterError, match="403"):
        cluster.get("/version")
    with pytest.raises(ForwardError), forward(cluster, "shop", "web", 4191):
        pass
    assert [head.partition(b" HTTP/1")[0] for head in proxy] == [b"CONNECT 192.0.2.1:6443"] * 2
    for head in proxy:
        assert b"\r\nproxy-authorization: basic yw5uonmvzwnyzxq=\r\n" in head.lower()


def test_this_host_needs_none(
    tmp_path: Path, proxy: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the API server of the sandbox: here the `proxy` is it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    cluster = connect(kubeconfig(tmp_path, server=f"http://{proxy.address}"))
    with pytest.raises(ClusterError, match="403"):
        cluster.get("/version")
    with pytest.raises(ForwardError, match="403"), forward(cluster, "shop", "web", 4191):
        pass
    assert [head.partition(b" HTTP/1")[0] for head in proxy] == [
        b"GET /version",
        b"GET /api/v1/namespaces/shop/pods/web/portforward?ports=4191",
    ]


def test_one_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = kubeconfig(tmp_path, server=FAR, **{"proxy-url": "socks5://127.0.0.1:1080"})
    with pytest.raises(
        NoCluster, match=r"proxy-url is 'socks5://127\.0\.0\.1:1080': allowed are http"
    ):
        connect(chosen)
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    with pytest.raises(NoCluster, match=r"\$HTTPS_PROXY is 'ftp://proxy': allowed are http"):
        connect(kubeconfig(tmp_path, server=FAR))


@pytest.mark.parametrize(
    ("address", "listed", "through"),
    [
        (FAR, "", True),
        ("https://api.example.com", "", True),
        ("http://api.example.com", "", False),  # $HTTPS_PROXY is of https
        ("https://localhost:6443", "", False),
        ("https://127.0.0.9", "", False),
        ("https://[::1]:6443", "", False),
        (FAR, "*", False),
        (FAR, "192.0.2.1", False),
        (FAR, "10.0.0.0/8, 192.0.2.0/24", False),
        (FAR, "192.0.2.1:6443", False),
        (FAR, "192.0.2.1:443", True),
        (FAR, "192.0.2.1:²", True),
        (FAR, "2.1", True),
        ("https://[2001:db8::1]:6443", "2001:db8::/32", False),
        ("https://[2001:db8::1]:6443", "[2001:db8::1]:6443", False),
        ("https://api.example.com", "example.com", False),
        ("https://example.com", "example.com", False),
        ("https://example.com", "example.com:443", False),
        ("https://example.com", "example.com:6443", True),
        ("https://api.example.com", ".example.com", False),
        ("https://example.com", ".example.com", True),
        ("https://api.example.com", "*.example.com", False),
        ("https://api.example.com", "ple.com,,", True),
        ("https://api.example.com", "API.EXAMPLE.COM", False),
    ],
)  # fmt: skip
def test_the_environment_is_read_as_by_kubectl(address: str, listed: str, through: bool) -> None:
    environment = {"HTTPS_PROXY": PROXY, "NO_PROXY": listed}
    assert http_proxy_of(address, environment) == (PROXY if through else None)


def test_small_letters_and_a_bare_host_do() -> None:
    assert http_proxy_of(FAR, {"https_proxy": "proxy.example:3128"}) == PROXY
    assert http_proxy_of(FAR, {"HTTPS_PROXY": "", "https_proxy": PROXY}) == PROXY
    assert http_proxy_of("http://192.0.2.1", {"HTTP_PROXY": PROXY}) == PROXY


@pytest.mark.parametrize("url", ["http://", "http://proxy:port", "socks5://proxy:1"])
def test_other_forms_are_refused(url: str) -> None:
    with pytest.raises(ProxyError, match="allowed are http://host:port"):
        http_proxy_of(FAR, {"HTTPS_PROXY": url})


def test_without_one_connections_are_direct() -> None:
    assert pool_through(None).proxy is None
