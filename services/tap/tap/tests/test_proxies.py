"""Streams of real gRPC servers, merged; asked again, given up, followed as pods come and go."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tap.describe import Describer
from tap.merge import Sampler, Viewer
from tap.proxies import Watch
from tap.query import Query, Target
from tap.redact import policy
from tap.streams import Streams
from tap.targets import Found, NothingToTap, Proxy
from tap.tests.world import FakeProxy, as_asked, call, cluster, endless, serving
from testkit.waiting import wait_until
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from weftapi.proxy import tap_pb2

WEB = Target("shop", "deployment", "web")


class Scene:
    """A viewer over fake proxies; `here` is which of them exist."""

    def __init__(self, query: Query, *proxies: FakeProxy) -> None:
        self.proxies = proxies
        self.here = set(proxies)
        self.query = query
        loop = asyncio.get_running_loop()
        self.viewer = Viewer(Sampler(query.max_rps, loop.time), capacity=100_000)
        self.lines: list[dict[str, Any]] = []

    def resolve(self) -> Found:
        if not self.here:
            raise NothingToTap("none")
        found = [
            Proxy(f"shop/p{number}", SocketAddress("127.0.0.1", proxy.port), f"p{number}.shop")
            for number, proxy in enumerate(self.proxies)
            if proxy in self.here
        ]
        return Found(tuple(found), ())

    async def collect(self) -> None:
        while True:
            data = await self.viewer.wait_lines()
            self.lines += [json.loads(one) for one in data.splitlines()]

    def of(self, kind: str) -> list[Any]:
        return [one[kind] for one in self.lines if kind in one]

    @property
    def begun(self) -> list[Any]:
        return [one for one in self.of("event") if "requestInit" in one]


def play(
    story: Callable[[Scene], Awaitable[None]], *proxies: FakeProxy, max_rps: float = 100.0
) -> None:
    async def run() -> None:
        async with serving(*proxies):
            scene = Scene(Query(WEB, max_rps=max_rps), *proxies)
            describer = Describer(cluster(), policy([], []))
            streams = Streams(describer, interval=0.05)
            watch = Watch(scene.query, scene.viewer, scene.resolve, streams, refresh=0.02)
            tasks = [asyncio.ensure_future(watch.run()), asyncio.ensure_future(scene.collect())]
            try:
                await story(scene)
            finally:
                for task in tasks:
                    task.cancel()
                for task in tasks:
                    with suppress(asyncio.CancelledError):
                        await task
            # Every stream ends with the viewer.
            await wait_until(lambda: all(proxy.open == 0 for proxy in proxies))

    asyncio.run(run())


def test_the_proxy_must_be_who_it_should_be() -> None:
    proxy = FakeProxy(endless)

    async def story(scene: Scene) -> None:
        await wait_until(lambda: len(scene.of("event")) == 3)
        assert proxy.required == ["p0.shop"]
        assert proxy.requests[0].limit == 100
        assert [one["id"] for one in scene.of("event")] == ["1:0"] * 3

    play(story, proxy)


def test_two_proxies_share_the_rate_and_never_an_id() -> None:
    first, second = FakeProxy(endless), FakeProxy(endless)

    async def story(scene: Scene) -> None:
        await wait_until(lambda: len(scene.of("event")) == 6)
        assert {first.requests[0].limit, second.requests[0].limit} == {50}
        assert {one["id"] for one in scene.of("event")} == {"1:0", "2:0"}
        assert {one["pod"] for one in scene.of("event")} == {"shop/p0", "shop/p1"}

    play(story, first, second)


def test_a_full_stream_is_asked_again() -> None:
    proxy = FakeProxy(as_asked)

    async def story(scene: Scene) -> None:
        await wait_until(lambda: len(proxy.requests) >= 3)
        assert len({one["id"] for one in scene.begun}) == len(scene.begun)

    play(story, proxy, max_rps=5.0)


def test_ends_that_take_long_hold_nothing_up() -> None:
    async def never_ending(
        _: FakeProxy, request: tap_pb2.ObserveRequest
    ) -> AsyncIterator[tap_pb2.TapEvent]:
        for stream in range(request.limit):
            yield call(stream)[0]
        await asyncio.Event().wait()

    proxy = FakeProxy(never_ending)

    async def story(scene: Scene) -> None:
        await wait_until(lambda: len(proxy.requests) == 5)
        await asyncio.sleep(0.2)
        assert len(proxy.requests) == 5, "but not without bound"

    play(story, proxy, max_rps=2.0)


def test_what_a_proxy_dropped_is_told() -> None:
    proxy = FakeProxy(as_asked)
    proxy.trailers = (("l5d-tap-dropped", "12"),)

    async def story(scene: Scene) -> None:
        await wait_until(lambda: bool(scene.of("dropped")))
        assert int(scene.of("dropped")[0]) % 12 == 0

    play(story, proxy, max_rps=1.0)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "its proxy refused: not you"),
        (grpc.StatusCode.UNIMPLEMENTED, "its proxy does not know tap"),
        (grpc.StatusCode.UNAVAILABLE, "its proxy does not answer (UNAVAILABLE): not you"),
    ],
)
def test_trouble_is_told_once_and_tried_again(code: grpc.StatusCode, said: str) -> None:
    proxy, fine = FakeProxy(endless), FakeProxy(endless)
    proxy.refuse = code

    async def story(scene: Scene) -> None:
        await wait_until(lambda: len(proxy.requests) >= 2)
        assert scene.of("trouble") == [{"pod": "shop/p0", "reason": said}]
        proxy.refuse = None
        await wait_until(lambda: {one["pod"] for one in scene.begun} == {"shop/p0", "shop/p1"})

    play(story, proxy, fine)


def test_pods_come_and_go() -> None:
    first, second = FakeProxy(endless), FakeProxy(endless)

    async def story(scene: Scene) -> None:
        await wait_until(lambda: first.open == 1 and second.open == 1)
        scene.here.discard(first)
        await wait_until(lambda: first.open == 0)
        scene.here.clear()
        await wait_until(lambda: second.open == 0)
        scene.here.add(first)
        await wait_until(lambda: first.open == 1)

    play(story, first, second)
