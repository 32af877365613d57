"""The HTTPS server: what it needs, and what it takes."""

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.admission import serving as module
from kit.admission.answer import Answer
from kit.admission.serving import CONCURRENT, LARGEST_BODY, Serving, app
from kit.settings import SettingsError
from testkit import webhooks
from testkit.waiting import wait_until
from weft.addresses import SocketAddress

HOST = "hook.weft.svc"


async def echo(body: bytes) -> Answer:
    return Answer(200, b"%d" % len(body))


def test_without_a_certificate_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"WEFT_TLS_PATH: .* has no usable tls\.crt"):
        Serving(echo, tmp_path)


@pytest.mark.slow
def test_a_body_is_judged_unless_no_review_is_that_large(tmp_path: Path) -> None:
    authority = webhooks.write_certificate(tmp_path, HOST)
    serving = Serving(echo, tmp_path)

    async def story() -> None:
        async with serving.listening(SocketAddress("127.0.0.1", 0)) as bound:
            address = f"https://{bound}/"
            assert await webhooks.post(address, HOST, authority, b"four") == (200, 4)
            status, answer = await webhooks.post(
                address, HOST, authority, b"x" * (LARGEST_BODY + 1)
            )
            assert (status, answer["kind"]) == (413, "Status")
            assert not serving.reload(), "the files have not changed"

    asyncio.run(story())


class Call:
    """One request to the routes; its body is `body`, or never comes."""

    def __init__(self, routes: Any, body: bytes | None = b"{}") -> None:
        self.body = body
        self.heard: list[Any] = []
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
        self.task = asyncio.ensure_future(routes(scope, self.receive, self.send))

    async def receive(self) -> Any:
        if self.body is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": self.body, "more_body": False}

    async def send(self, message: Any) -> None:
        self.heard.append(message)

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        async with asyncio.timeout(20):
            await self.task
        start, body = self.heard
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, json.loads(body["body"])


def test_one_review_too_many_is_told_to_come_again() -> None:
    done = asyncio.Event()
    begun = []

    async def judge(body: bytes) -> Answer:
        begun.append(body)
        await done.wait()
        return Answer(200, b"1")

    async def story() -> None:
        routes = app(judge)
        calls = [Call(routes) for _ in range(CONCURRENT)]
        await wait_until(lambda: len(begun) == CONCURRENT)
        status, headers, said = await Call(routes).answer()
        assert (status, headers["retry-after"], said["kind"]) == (429, "1", "Status")
        done.set()
        assert {(await call.answer())[0] for call in calls} == {200}
        assert (await Call(routes).answer())[0] == 200

    asyncio.run(story())


def test_bodies_that_do_not_come_give_way_to_the_one_that_does() -> None:
    async def story() -> None:
        routes = app(echo)
        silent = [Call(routes, None) for _ in range(CONCURRENT)]
        await asyncio.sleep(0)
        assert (await Call(routes).answer())[2] == 2
        status, headers, _ = await silent[0].answer()
        assert (status, headers["connection"]) == (408, "close")
        assert not any(call.task.done() for call in silent[1:])
        for call in silent[1:]:
            call.task.cancel()

    asyncio.run(story())


def test_a_body_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_BODY", 0.0)

    async def story() -> None:
        assert (await Call(app(echo), None).answer())[0] == 408

    asyncio.run(story())


def story_of_silent(tmp_path: Path, count: int, first: bytes, then: Callable[..., Any]) -> None:
    """`then` is called with a way to post and `count` connections on which `first` was said, no more."""
    authority = webhooks.write_certificate(tmp_path, HOST)
    serving = Serving(echo, tmp_path)

    async def story() -> None:
        async with serving.listening(SocketAddress("127.0.0.1", 0)) as bound:
            tls = ssl.create_default_context(cadata=authority)
            streams = []
            for _ in range(count):
                streams.append(
                    await asyncio.open_connection(
                        bound.ip, bound.port, ssl=tls, server_hostname=HOST
                    )
                )
                streams[-1][1].write(first)
            await then(
                lambda: webhooks.post(f"https://{bound}/", HOST, authority, b"four"), streams
            )
            for _, writer in streams:
                writer.transport.abort()

    asyncio.run(story())


@pytest.mark.slow
def test_idle_connections_cost_nobody_an_answer(tmp_path: Path) -> None:
    async def then(post: Callable[[], Any], streams: Any) -> None:
        assert len(streams) > CONCURRENT
        assert await post() == (200, 4)

    story_of_silent(tmp_path, CONCURRENT + 5, b"", then)


@pytest.mark.slow
@pytest.mark.parametrize("first", [b"", b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-"])
def test_a_connection_that_asks_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(module, "LONGEST_HEAD", 0.05)

    async def then(post: Callable[[], Any], streams: Any) -> None:
        ((reader, _),) = streams
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert await post() == (200, 4)

    story_of_silent(tmp_path, 1, first, then)
