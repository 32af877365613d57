"""Handlers against a server on this host's loopback."""

import asyncio
import contextlib
from typing import Any

import pytest

from sandbox.node.probes import Answer, Target, ask, http_request


async def no_execution(command: list[str], within: float | None) -> tuple[int, bytes]:
    return (0, b"fine") if command == ["true"] else (3, b"broken")


def asked(handler: dict[str, Any], answer: bytes | None, within: float = 5.0) -> Answer:
    """Ask a server that answers every connection with `answer`, or never (None)."""

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()  # until the other side has had enough
            else:
                writer.write(answer)
        writer.close()
        await writer.wait_closed()
        served.set()

    async def main() -> Answer:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            container = {"ports": [{"name": "it", "containerPort": port}]}
            found = await ask(handler, Target(container, "127.0.0.1", no_execution), within)
            if "port" in str(handler) and "no" not in str(handler):
                await served.wait()
            return found

    return asyncio.run(main())


HTTP = {"httpGet": {"port": "it", "path": "/live"}}


@pytest.mark.parametrize(
    ("answer", "good", "message"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nbody", True, ""),
        (b"HTTP/1.1 204\r\n\r\n", True, ""),
        (b"HTTP/1.0 302 Found\r\n\r\n", True, ""),
        (b"HTTP/1.1 400 Bad\r\n\r\n", False, "HTTP probe failed with statuscode: 400"),
        (b"HTTP/1.1 503 No\r\n\r\n", False, "HTTP probe failed with statuscode: 503"),
    ],
)
def test_http(answer: bytes, good: bool, message: str) -> None:
    assert asked(HTTP, answer) == Answer(good, message)


@pytest.mark.parametrize(
    "answer", [b"", b"\x00\xff\r\n", b"HTTP/1.1\r\n", b"nonsense here\r\n", b"HTTP/1.1 x\r\n"]
)
def test_what_is_not_http(answer: bytes) -> None:
    found = asked(HTTP, answer)
    assert not found.good
    assert found.message.endswith('/live": malformed HTTP response')


def test_nobody_answers_in_time() -> None:
    found = asked(HTTP, None, within=0.05)
    assert not found.good
    assert found.message.endswith("context deadline exceeded")


def test_nobody_listens() -> None:
    async def main() -> Answer:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await ask({"tcpSocket": {"port": port}}, Target({}, "127.0.0.1", no_execution), 5)

    found = asyncio.run(main())
    assert not found.good
    assert "connection refused" in found.message


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ({"tcpSocket": {"port": "it"}}, Answer(True)),
        ({"exec": {"command": ["true"]}}, Answer(True, "fine")),
        ({"exec": {"command": ["false"]}}, Answer(False, "broken")),
        ({"sleep": {"seconds": 0}}, Answer(True)),
        (
            {"tcpSocket": {"port": "no"}},
            Answer(False, 'dial tcp 127.0.0.1:no: couldn\'t find port: "no"'),
        ),
    ],
)
def test_the_other_handlers(handler: dict[str, Any], expected: Answer) -> None:
    assert asked(handler, b"") == expected


def test_an_empty_handler_says_what_is_allowed() -> None:
    assert "allowed are httpGet" in asked({}, b"").message


def test_the_request_carries_the_manifests_headers() -> None:
    http = {
        "path": "live",
        "httpHeaders": [{"name": "Host", "value": "web"}, {"name": "X-A", "value": "1"}],
    }
    assert http_request(http, "10.0.0.1", 80) == (
        b"GET /live HTTP/1.1\r\nHost: web\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\n"
        b"X-A: 1\r\nConnection: close\r\n\r\n"
    )
