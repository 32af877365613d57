"""What Prometheus answers, and what goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import pytest
from aiohttp import web as http

from web.stats.backend import BackendError
from web.stats.prometheus import client
from web.stats.prometheus.backend import Prometheus
from web.stats.prometheus.client import Client, Element, Line

A = TypeVar("A")
Handler = Callable[[http.Request], Awaitable[http.StreamResponse]]


def ask(answer: Handler, question: Callable[[Client], Awaitable[A]]) -> A:
    async def story() -> A:
        app = http.Application()
        app.router.add_post("/prefix/api/v1/{path}", answer)
        runner = http.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await http.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{runner.addresses[0][1]}/prefix"
                return await question(Client(url, session))
        finally:
            await runner.cleanup()

    return asyncio.run(asyncio.wait_for(story(), 20))


def saying(code: int = 200, **document: object) -> Handler:
    async def answer(request: http.Request) -> http.StreamResponse:
        return http.json_response(document, status=code)

    return answer


def vector(*elements: object) -> Handler:
    return saying(status="success", data={"resultType": "vector", "result": list(elements)})


def test_a_vector() -> None:
    answer = vector(
        {"metric": {"pod": "a", "k8s_job": "b"}, "value": [1, "2.5"]},
        {"metric": {"pod": "c"}, "value": [1, "NaN"]},
    )
    found = ask(answer, lambda client: client.vector("up", 1.0))
    assert found == [Element({"pod": "a", "job": "b"}, 2.5)]


def test_a_matrix() -> None:
    line = {"metric": {}, "values": [[1, "2"], [3, "+Inf"], [5, "6"]]}
    answer = saying(status="success", data={"result": [line]})
    assert ask(answer, lambda client: client.matrix("up", 1, 5, 2)) == [Line({}, {1.0: 2, 5.0: 6})]


async def _html(_: http.Request) -> http.StreamResponse:
    return http.Response(text="<html>", content_type="text/html")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            saying(422, status="error", error="too many samples"),
            "it answered 422: too many samples",
        ),
        (saying(200, status="odd"), "it is no Prometheus, by its answer"),
        (_html, "it is no Prometheus, by its answer"),
    ],
)
def test_what_goes_wrong_is_named(answer: Handler, why: str) -> None:
    with pytest.raises(BackendError, match=why) as caught:
        ask(answer, lambda client: client.vector("up", 1.0))
    assert str(caught.value).startswith("Prometheus at http://127.0.0.1:")


@pytest.mark.parametrize("stated", [True, False])
def test_an_answer_that_is_too_large(stated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not its head says how large it is: Prometheus compresses, and then it does not."""
    monkeypatch.setattr(client, "MAX_BYTES", 100_000)

    async def answer(request: http.Request) -> http.StreamResponse:
        body = b'{"status":"success","data":{"result":[]}}' + b" " * 200_000
        response = http.Response(body=body, content_type="application/json")
        if not stated:
            response.enable_compression(http.ContentCoding.gzip)
        return response

    with pytest.raises(BackendError, match="its answer has more than 100000 bytes"):
        ask(answer, lambda one: one.vector("up", 1.0))


def test_nobody_there() -> None:
    async def story() -> None:
        async with aiohttp.ClientSession() as session:
            await Client("http://127.0.0.1:9", session).vector("up", 1.0)

    with pytest.raises(BackendError, match=r"Prometheus at http://127\.0\.0\.1:9: "):
        asyncio.run(story())


def test_a_prometheus_that_scrapes_no_proxy_is_of_no_use() -> None:
    scope = (("cluster", "east"),)
    with pytest.raises(BackendError, match="has no series proxy_build_info: does it scrape"):
        ask(vector(), lambda client: Prometheus(client, scope).check())
    ask(vector({"metric": {}, "value": [1, "3"]}), lambda client: Prometheus(client).check())
