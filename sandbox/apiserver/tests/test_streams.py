"""Logs, exec, port-forward and the proxies over a real port, with a node agent that is a fake."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from sandbox.apiserver import pki
from sandbox.apiserver.api import Api
from sandbox.apiserver.app import App
from sandbox.apiserver.bootstrap import populate
from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.kinds import ENDPOINT_SLICE, POD, SERVICE
from sandbox.apiserver.node_api import ExecSession, LogOptions, TerminalSize
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.serve import Server, listen
from sandbox.apiserver.store import Store
from sandbox.apiserver.streams.channels import exit_status
from sandbox.apiserver.tests.conftest import KUBECTL, pod
from sandbox.apiserver.tokens import Tokens

pytestmark = pytest.mark.slow
POD_PATH = "/api/v1/namespaces/default/pods/web-1"


@dataclass(slots=True)
class Upper:
    """A process that answers in capitals and ends with the code it is told as `exit N`."""

    closed: bool = False
    sizes: list[TerminalSize] = field(default_factory=list)
    _out: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    _code: int = 0

    async def write_stdin(self, data: bytes) -> None:
        if data.startswith(b"exit"):
            self._code = int(data.split()[1])
            self._out.put_nowait(None)
        else:
            self._out.put_nowait(data.upper())

    async def close_stdin(self) -> None:
        self._out.put_nowait(None)

    async def resize(self, size: TerminalSize) -> None:
        self.sizes.append(size)

    async def stdout(self) -> AsyncIterator[bytes]:
        while (piece := await self._out.get()) is not None:
            yield piece

    async def stderr(self) -> AsyncIterator[bytes]:
        yield b"ready"

    async def wait(self) -> int:
        return self._code

    async def close(self) -> None:
        self.closed = True


class FakeNode:
    def __init__(self) -> None:
        self.session = Upper()
        self.refusal: BadRequestError | None = None
        self.log_options = LogOptions()
        self.log_closed = asyncio.Event()
        self.commands: list[list[str]] = []
        self.ports: dict[int, tuple[str, int]] = {}

    async def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        if options.previous:
            raise BadRequestError(f'previous terminated container "{container}" not found')
        self.log_options = options
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        try:
            yield b"first\n"
            yield b"second\n"
            if self.log_options.follow:
                await asyncio.Event().wait()
        finally:
            self.log_closed.set()

    async def exec(
        self, pod: Obj, container: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        if self.refusal is not None:
            raise self.refusal
        self.commands.append(list(command))
        return self.session

    async def attach(self, pod: Obj, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        return self.session

    async def port_forward(
        self, pod: Obj, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if port not in self.ports:
            raise ConnectionRefusedError("connection refused")
        return await asyncio.open_connection(*self.ports[port])


@dataclass(slots=True)
class Live:
    store: Store
    node: FakeNode
    client: httpx.AsyncClient
    address: str
    context: ssl.SSLContext

    @asynccontextmanager
    async def socket(self, path: str, *protocols: str) -> AsyncIterator[ClientConnection]:
        url = f"wss://{self.address}{POD_PATH}/{path}"
        chosen: Any = list(protocols)
        async with connect(
            url, ssl=self.context, subprotocols=chosen, compression=None, proxy=None
        ) as socket:
            yield socket


@asynccontextmanager
async def live(directory: Path) -> AsyncIterator[Live]:
    ca = pki.make_ca()
    files = {"ca": ca.certificate}
    client_pair = pki.make_client(ca)
    for name, pair in (("server", pki.make_serving(ca)), ("client", client_pair)):
        files |= {f"{name}.crt": pair.certificate, f"{name}.key": pair.key}
    for name, content in files.items():
        (directory / name).write_bytes(content)
    store, node = Store(), FakeNode()
    api = Api(store)
    populate(store)
    store.create(
        POD, {**pod(nodeName="sandbox"), "status": {"phase": "Running", "podIP": "127.0.0.1"}}
    )
    opened = listen("127.0.0.1")
    address = f"127.0.0.1:{opened.getsockname()[1]}"
    config = pki.kubeconfig(f"https://{address}", ca, client_pair)
    (directory / "kubeconfig").write_text(json.dumps(config))
    server = Server(
        App(api, Tokens(store), node),
        [opened],
        certificate=directory / "server.crt",
        key=directory / "server.key",
        client_ca=directory / "ca",
    )
    context = ssl.create_default_context(cafile=str(directory / "ca"))
    context.load_cert_chain(directory / "client.crt", directory / "client.key")
    async with (
        server.running(),
        httpx.AsyncClient(base_url=f"https://{address}", verify=context, trust_env=False) as client,
    ):
        yield Live(store, node, client, address, context)
    await api.aclose()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """An HTTP server of few words: it answers with the request's first line and body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        sent = head.split(b"\r\n")[0]
        writer.write(
            b"HTTP/1.1 203 Fine\r\nX-Of: pod\r\nContent-Length: %d\r\n\r\n%s" % (len(sent), sent)
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_logs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            url = f"{POD_PATH}/log?tailLines=5&timestamps=true"
            assert (await cluster.client.get(url)).text == "first\nsecond\n"
            assert cluster.node.log_options == LogOptions(timestamps=True, tail_lines=5)
            refused = await cluster.client.get(f"{POD_PATH}/log?previous=true")
            assert refused.status_code == 400
            assert "previous terminated container" in refused.json()["message"]
            assert (await cluster.client.get(f"{POD_PATH}/log?tailLines=-1")).status_code == 400

    run(scenario())


def test_following_ends_when_the_client_goes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            async with cluster.client.stream("GET", f"{POD_PATH}/log?follow=true") as answer:
                lines = answer.aiter_lines()
                assert [await anext(lines), await anext(lines)] == ["first", "second"]
                assert not cluster.node.log_closed.is_set()
            await asyncio.wait_for(cluster.node.log_closed.wait(), 5)

    run(scenario())


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_exec(tmp_path: Path, protocol: str) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            query = "exec?command=sh&command=-c&stdin=true&stdout=true"
            async with cluster.socket(query, protocol) as socket:
                assert socket.subprotocol == protocol
                assert await socket.recv() == b"\x02ready"
                await socket.send(b"\x04" + json.dumps({"Width": 80, "Height": 24}).encode())
                await socket.send(b"\x00hello")
                assert await socket.recv() == b"\x01HELLO"
                await socket.send(b"\x00exit 7")
                assert await socket.recv() == b"\x03" + exit_status(7)
            assert cluster.node.commands == [["sh", "-c"]]
            assert cluster.node.session.sizes == [TerminalSize(80, 24)]
            assert cluster.node.session.closed

    run(scenario())


@pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")
def test_exec_by_kubectl(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            process = await asyncio.create_subprocess_exec(
                KUBECTL,
                f"--kubeconfig={tmp_path / 'kubeconfig'}",
                *("exec", "-i", "web-1", "--", "sh"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"hello\n")
            assert await process.stdout.readline() == b"HELLO\n"
            process.stdin.write(b"exit 7\n")
            _, errors = await process.communicate()
            assert process.returncode == 7
            assert errors.startswith(b"ready")
            assert cluster.node.commands == [["sh"]]

    run(scenario())


@pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")
def test_kubectl_shows_why_exec_was_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            cluster.node.refusal = BadRequestError("the container is not running")
            process = await asyncio.create_subprocess_exec(
                KUBECTL,
                f"--kubeconfig={tmp_path / 'kubeconfig'}",
                *("exec", "web-1", "--", "sh"),
                stderr=asyncio.subprocess.PIPE,
            )
            _, errors = await process.communicate()
            assert b"the container is not running" in errors

    run(scenario())


@pytest.mark.skipif(not KUBECTL, reason="kubectl is not installed")
def test_logs_by_kubectl(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path):
            process = await asyncio.create_subprocess_exec(
                KUBECTL,
                f"--kubeconfig={tmp_path / 'kubeconfig'}",
                *("logs", "web-1", "--tail=2"),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            assert out == b"first\nsecond\n"

    run(scenario())


def test_exec_learns_that_stdin_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            live(tmp_path) as cluster,
            cluster.socket("exec?command=cat", "v5.channel.k8s.io") as socket,
        ):
            assert await socket.recv() == b"\x02ready"
            await socket.send(b"\xff\x00")
            assert await socket.recv() == b"\x03" + exit_status(0)

    run(scenario())


@pytest.mark.parametrize(
    ("path", "protocol", "code"),
    [
        ("exec?command=x&container=none", "v5.channel.k8s.io", 400),
        ("exec", "v5.channel.k8s.io", 400),
        ("exec?command=x", "v9.channel.k8s.io", 400),
        ("portforward?ports=none", "v4.channel.k8s.io", 400),
        ("portforward", "v4.channel.k8s.io", 400),
    ],
)
def test_errors_come_before_the_socket_opens(
    tmp_path: Path, path: str, protocol: str, code: int
) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            with pytest.raises(InvalidStatus) as refused:
                async with cluster.socket(path, protocol):
                    pass
            assert refused.value.response.status_code == code
            assert json.loads(refused.value.response.body or b"{}")["kind"] == "Status"

    run(scenario())


def test_port_forward(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster, echo_server() as port:
            cluster.node.ports[80] = ("127.0.0.1", port)
            async with cluster.socket("portforward?ports=80,81", "v4.channel.k8s.io") as socket:
                headers = [await socket.recv() for _ in range(4)]
                assert headers == [
                    b"\x00\x50\x00",
                    b"\x01\x50\x00",
                    b"\x02\x51\x00",
                    b"\x03\x51\x00",
                ]
                refused = await socket.recv()
                assert isinstance(refused, bytes)
                assert refused.startswith(b"\x03error forwarding port 81")
                await socket.send(b"\x00GET /x HTTP/1.1\r\n\r\n")
                answer = await socket.recv()
                assert isinstance(answer, bytes)
                assert answer.startswith(b"\x00HTTP/1.1 203 Fine")

    run(scenario())


def test_the_proxies(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster, echo_server() as port:
            answer = await cluster.client.get(f"{POD_PATH}:{port}/proxy/metrics?a=b%20c")
            assert (answer.status_code, answer.headers["x-of"]) == (203, "pod")
            assert answer.text == "GET /metrics?a=b%20c HTTP/1.1"
            meta = {"name": "s", "namespace": "default"}
            ports = [{"name": "http", "port": 80, "targetPort": port}]
            cluster.store.create(SERVICE, {"metadata": meta, "spec": {"ports": ports}})
            service = "/api/v1/namespaces/default/services/s"
            assert (await cluster.client.get(f"{service}:80/proxy/")).status_code == 503
            cluster.store.create(
                ENDPOINT_SLICE,
                {
                    "metadata": {**meta, "labels": {"kubernetes.io/service-name": "s"}},
                    "addressType": "IPv4",
                    "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
                    "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
                },
            )
            for name in ("s:80", "s:http", "s", "http:s:80"):
                url = f"/api/v1/namespaces/default/services/{name}/proxy/live"
                assert (await cluster.client.post(url, content=b"x")).text == "POST /live HTTP/1.1"
            assert (await cluster.client.get(f"{service}:99/proxy/")).status_code == 503

    run(scenario())


def test_a_certificate_says_who_asks(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with live(tmp_path) as cluster:
            review = await cluster.client.post(
                "/apis/authentication.k8s.io/v1/selfsubjectreviews", json={}
            )
            user = review.json()["status"]["userInfo"]
            assert (user["username"], user["groups"][0]) == ("kubernetes-admin", "system:masters")
            bare = ssl.create_default_context(cafile=str(tmp_path / "ca"))
            async with httpx.AsyncClient(verify=bare, trust_env=False) as nobody:
                url = f"https://{cluster.address}/api/v1/pods"
                assert (await nobody.get(url)).status_code == 403

    run(scenario())


def test_a_kubeconfig_carries_everything(tmp_path: Path) -> None:
    ca = pki.make_ca()
    made = pki.kubeconfig("https://127.0.0.1:1", ca, pki.make_client(ca))
    data = made["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(data) == ca.certificate
