"""The Kubernetes client: kubeconfigs, answers, errors in words; and the port-forward stream."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.cluster.client import connect
from cli.cluster.errors import ApiError, Forbidden, NoCluster, NoContext, NotFound, Unreachable
from cli.cluster.installed import BrokenConfig, read_installed, server_version
from cli.cluster.paths import CONFIG_MAPS, PODS, find, items
from cli.cluster.portforward import ForwardError, Stream, presented_certificate
from cli.commands.identity import proxy_of
from cli.failure import CommandError
from cli.options import Globals
from cli.render.certificate_text import describe
from cli.tests.fake_cluster import FakeCluster
from weft.pki import keys
from weft.pki.certificate import Lifetime, Signer, make_anchor, make_leaf, to_pem

Answer = tuple[int, Any]


@contextmanager
def api(answers: dict[str, Answer], seen: list[dict[str, str]] | None = None) -> Iterator[str]:
    """An API server that answers by path; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if seen is not None:
                seen.append({name.lower(): value for name, value in self.headers.items()})
            status, body = answers.get(self.path, (404, {"message": "not found"}))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(folder: Path, address: str, **user: Any) -> str:
    path = folder / "config"
    path.write_text(
        yaml.safe_dump(
            {"apiVersion": "v1", "kind": "Config", "current-context": "c",
             "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
             "clusters": [{"name": "k", "cluster": {"server": address}}], "users": [{"name": "u", "user": user}]}
        )
    )  # fmt: skip
    return str(path)


def test_requests_say_who_asks(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []
    with api({"/version": (200, {"major": "1", "minor": "34+"})}, seen) as address:
        chosen = Globals(
            kubeconfig=kubeconfig(tmp_path, address, token="secret"),
            impersonate="ann",
            impersonate_groups=("a", "b"),
        )
        assert server_version(connect(chosen)) == (1, 34)
    assert seen[0]["authorization"] == "Bearer secret"
    assert seen[0]["impersonate-user"] == "ann"


def test_a_version_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    with api({"/version": (200, {"major": "1", "minor": "²"})}) as address:
        chosen = Globals(kubeconfig=kubeconfig(tmp_path, address))
        assert server_version(connect(chosen)) is None


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ((404, {"message": "no such thing"}), NotFound, "no such thing"),
        ((403, {"message": "pods is forbidden"}), Forbidden, "pods is forbidden"),
        ((401, {"message": "Unauthorized"}), Forbidden, "Unauthorized"),
        ((500, b"<html>oops"), ApiError, "500: <html>oops"),
        ((200, b"not json"), ApiError, "not a JSON object"),
        ((200, []), ApiError, "not a JSON object"),
    ],
)
def test_answers_that_are_errors_keep_their_words(
    tmp_path: Path, answer: Answer, kind: type[ApiError], said: str
) -> None:
    with api({"/version": answer}) as address, pytest.raises(kind) as caught:
        connect(Globals(kubeconfig=kubeconfig(tmp_path, address))).get("/version")
    assert said in caught.value.message


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    with api({}) as address:
        pass
    with pytest.raises(Unreachable, match=address) as caught:
        connect(Globals(kubeconfig=kubeconfig(tmp_path, address))).get("/version")
    assert "refused" in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "cannot use the kubeconfig"), ("[]", "with clusters, contexts and users"), ("x", "with clusters, contexts and users"),
        ("a: [", "is not YAML"), ("{}", "cannot use the kubeconfig"), ("current-context: nope", "cannot use the kubeconfig"), ("\xff", "is not UTF-8 text"),
    ],
)  # fmt: skip
def test_kubeconfigs_that_are_none_are_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "config").write_text(content, "latin-1")
    with pytest.raises(NoCluster) as caught:
        connect(Globals(kubeconfig=str(tmp_path / "config")))
    assert said in caught.value.message
    assert str(tmp_path / "config") in caught.value.message


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match=f"{tmp_path} is a directory"):
        connect(Globals(kubeconfig=str(tmp_path)))


def test_a_context_that_does_not_exist_is_told_which_do(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    (name,) = (one["name"] for one in yaml.safe_load(Path(path).read_text())["contexts"])
    with pytest.raises(NoContext, match=f"no context nope in the kubeconfig {path}") as caught:
        connect(Globals(kubeconfig=path, context="nope"))
    assert caught.value.hint == f"It has: {name}."


def test_lists_are_read_to_their_last_page(tmp_path: Path) -> None:
    first = {"items": [{"a": 1}], "metadata": {"continue": "more"}}
    answers = {
        "/api/v1/pods?limit=500&labelSelector=x%3Dy": (200, first),
        "/api/v1/pods?limit=500&labelSelector=x%3Dy&continue=more": (200, {"items": [{"a": 2}]}),
    }
    with api(answers) as address:
        cluster = connect(Globals(kubeconfig=kubeconfig(tmp_path, address)))
        assert items(cluster, PODS, selector="x=y") == [{"a": 1}, {"a": 2}]
        assert find(cluster, PODS, "none", "ns") is None


@pytest.mark.parametrize("data", [{}, {"values": 1}, {"values": "a: ["}, {"values": "[]"}])
def test_a_broken_installation_is_named(data: Any) -> None:
    cluster = FakeCluster()
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "weft-config", "namespace": "weft"},
            "data": data,
        }
    )
    with pytest.raises(BrokenConfig, match="weft/weft-config"):
        read_installed(cluster, "weft")
    assert CONFIG_MAPS.path("weft", "weft-config") in cluster.asked


# -- mesh identity -------------------------------------------------------------------------------


class Pod:
    """A websocket with a TLS server behind it, without a network."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._messages = [b"\x00\x2f\x10", b"\x01\x2f\x10"]
        self.server_name = ""

    def send(self, message: bytes) -> None:
        assert message[0] == 0
        self._incoming.write(message[1:])
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        for byte in self._outgoing.read():  # as torn as can be
            self._messages.append(bytes([0, byte]))

    def recv(self, timeout: float | None = None) -> bytes:
        if not self._messages:
            raise TimeoutError
        return self._messages.pop(0)

    def close(self) -> None: ...


def certificate(folder: Path) -> tuple[ssl.SSLContext, bytes]:
    key = keys.generate()
    lifetime = Lifetime(
        datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC) + timedelta(days=1)
    )
    anchor = make_anchor("root.weft.cluster.local", key, lifetime)
    leaf = make_leaf(
        ["web.shop.example"], key.public_key(), lifetime, Signer(anchor, key), serial=7
    )
    (folder / "crt").write_bytes(to_pem(leaf))
    (folder / "key").write_bytes(keys.to_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return context, ssl.PEM_cert_to_DER_cert(to_pem(leaf).decode())


def test_the_certificate_a_pod_presents_is_read_and_described(tmp_path: Path) -> None:
    context, der = certificate(tmp_path)
    found = presented_certificate(Stream(Pod(context), "pod"), "web.shop.example")
    assert found == der
    text = describe(found)
    for line in (
        "        Serial Number: 7 (0x7)",
        "    Signature Algorithm: ecdsa-with-SHA256",
        "        Issuer: CN=root.weft.cluster.local",
        "            Not Before: Jan  2 00:00:00 2026 UTC",
        "            Not After : Jan  3 00:00:00 2026 UTC",
        "                DNS:web.shop.example",
        "                TLS Web Server Authentication, TLS Web Client Authentication",
    ):
        assert line in text.splitlines()


class Scripted:
    """A websocket that says what it is told to."""

    def __init__(self, *messages: bytes | str) -> None:
        self._messages = list(messages)

    def send(self, message: bytes) -> None: ...

    def recv(self, timeout: float | None = None) -> bytes | str:
        if not self._messages:
            raise TimeoutError
        return self._messages.pop(0)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ((), "no answer in 10 seconds"),
        (
            (b"\x00\x2f\x10", b"\x01\x2f\x10", b"\x01connection refused"),
            "pod p port 4143: connection refused",
        ),
        (
            (b"", "text", b"\x00\x2f\x10", b"\x00HTTP/1.1 400 Bad Request\r\n\r\n"),
            "TLS handshake failed",
        ),
    ],
)
def test_a_port_that_is_no_proxy_is_an_error_in_words(
    messages: tuple[bytes | str, ...], said: str
) -> None:
    with pytest.raises(ForwardError) as caught:
        presented_certificate(Stream(Scripted(*messages), "pod p port 4143"), "x")
    assert said in caught.value.message


def test_a_proxys_port_and_name_come_from_its_environment() -> None:
    proxy = {
        "name": "linkerd-proxy",
        "env": [
            {"name": "LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "value": "0.0.0.0:5143"},
            {
                "name": "LINKERD2_PROXY_IDENTITY_LOCAL_NAME",
                "value": "$(_pod_sa).$(_pod_ns).serviceaccount.identity.weft.cluster.local",
            },
        ],
    }
    pod = {
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"serviceAccountName": "web", "initContainers": [proxy]},
    }
    assert proxy_of(pod) == (5143, "web.shop.serviceaccount.identity.weft.cluster.local")
    with pytest.raises(CommandError, match="pod p has no proxy"):
        proxy_of({**pod, "spec": {"containers": [{"name": "web"}]}})
