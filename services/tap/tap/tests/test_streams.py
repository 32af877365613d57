"""Viewers who ask the same share a stream; each hears what it asked for, and no more."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tap.describe import Describer
from tap.merge import Sampler, Shared, Viewer, line
from tap.query import Query, Target
from tap.redact import policy
from tap.streams import Streams
from tap.targets import Proxy
from tap.tests.world import FakeProxy, as_asked, call, cluster, endless, serving
from testkit.waiting import wait_until
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from weftapi.proxy import tap_pb2

WEB = Query(Target("shop", "deployment", "web"))


class Scene:
    """Viewers of one proxy."""

    def __init__(self, proxy: FakeProxy) -> None:
        self.proxy = proxy
        self.streams = Streams(Describer(cluster(), policy([], [])), interval=0.02)
        self._where = Proxy("shop/p0", SocketAddress("127.0.0.1", proxy.port), "p0.shop")

    def join(
        self, query: Query = WEB, *, rate: int = 100, capacity: int = 1000
    ) -> tuple[Viewer, Callable[[], None]]:
        sampler = Sampler(rate, asyncio.get_running_loop().time)
        viewer = Viewer(sampler, capacity=capacity)
        return viewer, self.streams.join(self._where, query, viewer, lambda: rate)


def play(story: Callable[[Scene], Awaitable[None]], proxy: FakeProxy) -> None:
    async def run() -> None:
        async with serving(proxy):
            scene = Scene(proxy)
            await story(scene)
            assert len(scene.streams) == 0
            await wait_until(lambda: proxy.open == 0)

    asyncio.run(run())


async def lines(viewer: Viewer, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        found += [json.loads(one) for one in (await viewer.wait_lines()).splitlines()]
    return found


def test_a_hundred_who_ask_the_same_are_one_question_to_the_proxy() -> None:
    proxy = FakeProxy(endless)

    async def story(scene: Scene) -> None:
        joined = [scene.join() for _ in range(100)]
        told = [await lines(viewer, 3) for viewer, _ in joined]
        assert all(one == told[0] for one in told)
        assert (len(proxy.requests), proxy.open) == (1, 1)
        for _, leave in joined:
            leave()

    play(story, proxy)


def test_other_questions_are_asked_apart() -> None:
    proxy = FakeProxy(endless)

    async def story(scene: Scene) -> None:
        others = [WEB, Query(WEB.target, method="POST"), Query(WEB.target, headers=True)]
        joined = [scene.join(query) for query in others]
        await wait_until(lambda: proxy.open == 3)
        for _, leave in joined:
            leave()

    play(story, proxy)


def test_the_most_that_anybody_wants_is_asked_for() -> None:
    proxy = FakeProxy(as_asked)

    async def story(scene: Scene) -> None:
        _, little = scene.join(rate=2)
        _, much = scene.join(rate=50)
        await wait_until(lambda: bool(proxy.requests) and proxy.requests[-1].limit == 50)
        much()
        await wait_until(lambda: proxy.requests[-1].limit == 2)
        little()

    play(story, proxy)


def test_who_leaves_takes_nobody_along() -> None:
    proxy = FakeProxy(as_asked)

    async def story(scene: Scene) -> None:
        (_, first), (stays, second) = scene.join(rate=2), scene.join(rate=2)
        await lines(stays, 3)
        first()
        first()
        await lines(stays, 6)
        second()

    play(story, proxy)


def test_who_joins_late_hears_of_requests_from_their_beginning_only() -> None:
    proceed = asyncio.Event()

    async def two_calls(
        _: FakeProxy, request: tap_pb2.ObserveRequest
    ) -> AsyncIterator[tap_pb2.TapEvent]:
        yield call(0)[0]
        await proceed.wait()
        for event in (*call(0)[1:], *call(1)):
            yield event
        await asyncio.Event().wait()

    proxy = FakeProxy(two_calls)

    async def story(scene: Scene) -> None:
        early, leave_early = scene.join()
        assert len(await lines(early, 1)) == 1
        late, leave_late = scene.join()
        proceed.set()
        assert len({one["event"]["id"] for one in await lines(early, 5)}) == 2
        assert {one["event"]["id"] for one in await lines(late, 3)} == {"1:1"}
        leave_early()
        leave_late()

    play(story, proxy)


def test_a_viewer_that_does_not_read_costs_the_others_nothing() -> None:
    proxy = FakeProxy(as_asked)

    async def story(scene: Scene) -> None:
        slow, leave_slow = scene.join(rate=1000, capacity=10)
        quick, leave_quick = scene.join(rate=1000, capacity=100_000)
        told = await lines(quick, 300)
        assert not any("dropped" in one for one in told)
        kept = await lines(slow, 10)
        assert not any("dropped" in one for one in kept[:10])
        (first, *_) = await lines(slow, 1)
        assert int(first["dropped"]) >= 290 - len(kept)
        leave_slow()
        leave_quick()

    play(story, proxy)


def test_the_bytes_of_a_shared_message_are_made_once() -> None:
    made: list[object] = []

    def encode(message: dict[str, Any]) -> bytes:
        made.append(message)
        return line(message)

    shared = Shared({"n": 1})
    assert shared.encoded(encode) == shared.encoded(encode) == b'{"n":1}\n'
    assert shared.encoded(line) == b'{"n":1}\n'
    assert len(made) == 1
