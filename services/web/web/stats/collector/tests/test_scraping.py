"""Scrapes over real sockets: what goes well, and everything that may go wrong with one proxy."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from testkit.ports import free_ports
from web.metrics import Metrics
from web.stats.backend import Group
from web.stats.collector.exposition import ExpositionError
from web.stats.collector.memory import Identity
from web.stats.collector.scraping import Collector, Limits, ScrapeError, fetch
from web.stats.kinds import Kind
from web.stats.query import Query, Ref
from web.stats.selection import select
from web.tests.proxies import Crowd, FakeProxy, inbound, serving, started

PODS = select(Query(Ref(Kind.POD)))
NAMESPACES = select(Query(Ref(Kind.NAMESPACE)))
LABELS = {"namespace": "emojivoto", "pod": "web"}


def run(*proxies: FakeProxy, body: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def story() -> None:
        async with serving(*proxies), aiohttp.ClientSession() as session:
            await body(session)

    asyncio.run(asyncio.wait_for(story(), 20))


def collector(targets: dict[Identity, dict[str, str]], **limits: float) -> Collector:
    return Collector(lambda: targets, Limits(**limits), Metrics(CollectorRegistry()))  # type: ignore[arg-type]


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_an_answer_in_any_pieces(chunk: int) -> None:
    proxy = FakeProxy(inbound(success=3), chunk=chunk)

    async def body(session: aiohttp.ClientSession) -> None:
        samples = await fetch(session, proxy.identity(), 10_000)
        assert [value for _, value in samples] == [3.0, 0.0]

    run(proxy, body=body)


def test_what_may_go_wrong_is_said() -> None:
    (closed,) = free_ports(1)
    broken, huge, bad = (
        FakeProxy(status=500),
        FakeProxy("#" * 5000),
        FakeProxy("response_total{} x\n"),
    )

    async def body(session: aiohttp.ClientSession) -> None:
        with pytest.raises(ScrapeError, match="answered 500"):
            await fetch(session, broken.identity(), 1000)
        with pytest.raises(ScrapeError, match="more than 1000 bytes"):
            await fetch(session, huge.identity(), 1000)
        with pytest.raises(ExpositionError, match="is not a sample"):
            await fetch(session, bad.identity(), 1000)
        with pytest.raises(ScrapeError, match="Cannot connect"):
            await fetch(session, Identity("", "127.0.0.1", closed), 1000)

    run(broken, huge, bad, body=body)


def test_a_proxy_that_hangs_costs_its_time_out_and_no_more() -> None:
    async def story() -> None:
        async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)

        held: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(never, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        quick = aiohttp.ClientTimeout(total=0.05)
        async with aiohttp.ClientSession(timeout=quick) as session:
            with pytest.raises(ScrapeError, match="did not answer in time"):
                await fetch(session, Identity("", "127.0.0.1", port), 1000)
        for writer in held:
            writer.close()
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(story(), 20))


def test_a_failing_pod_does_not_hide_the_others_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, bad = FakeProxy(inbound(success=1)), FakeProxy(status=503)

    async def body(session: aiohttp.ClientSession) -> None:
        one = collector({good.identity(): LABELS, bad.identity(): {**LABELS, "pod": "bad"}})
        assert (await one.measure(PODS, 60)).observed == 0
        for _ in range(3):
            await one.round(session)
        bad.status, bad.text = 200, inbound(success=1)
        await one.round(session)
        found = await one.measure(PODS, 60)
        assert set(found.traffic) == {Group("emojivoto", "web"), Group("emojivoto", "bad")}

    with caplog.at_level(logging.WARNING):
        run(good, bad, body=body)
    assert [record.message for record in caplog.records] == ["cannot scrape a proxy"]


@pytest.mark.parametrize("count", [1e20, 1e308, -7.0])
def test_a_pod_that_makes_figures_up_fails_alone(count: float) -> None:
    """Its sums with others' would be more than an answer holds, for everybody."""
    good, bad = FakeProxy(inbound()), FakeProxy(started(1.7e9) + inbound())

    async def body(session: aiohttp.ClientSession) -> None:
        one = collector({good.identity(): LABELS, bad.identity(): {**LABELS, "pod": "bad"}})
        await one.round(session)
        good.text, bad.text = inbound(success=3), started(1.7e9) + inbound(success=count)
        await one.round(session)
        found = await one.measure(NAMESPACES, 60)
        assert found.traffic[Group("", "emojivoto")].success == 3
        ((pod, why),) = one.failing_pods().items()
        assert pod == "emojivoto/bad"
        assert "has a value that is not from 0 to 2^53" in why

    run(good, bad, body=body)


def test_never_more_at_the_same_time_than_allowed() -> None:
    crowd = Crowd()
    proxies = [FakeProxy(inbound(success=1), crowd=crowd) for _ in range(8)]

    async def body(session: aiohttp.ClientSession) -> None:
        await collector({p.identity(): LABELS for p in proxies}, concurrency=3).round(session)

    run(*proxies, body=body)
    assert crowd.highest == 3
    assert all(proxy.scrapes == 1 for proxy in proxies)


def test_a_pod_too_many_has_no_numbers_and_the_others_keep_theirs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known, late = FakeProxy(inbound(success=3)), FakeProxy(inbound(success=3))

    async def body(session: aiohttp.ClientSession) -> None:
        targets = {known.identity(): LABELS}
        one = collector(targets, max_total=3)
        await one.round(session)
        targets[late.identity()] = LABELS | {"pod": "late"}
        for _ in range(2):
            await one.round(session)
            assert set(one.memory.targets) == {known.identity()}
        assert "follows 3 series at most" in one.failing_pods()["emojivoto/late"]
        del targets[known.identity()]
        one.memory.targets.clear()
        await one.round(session)
        assert set(one.memory.targets) == {late.identity()}

    run(known, late, body=body)


def test_the_loop_goes_on() -> None:
    proxy = FakeProxy(inbound(success=1))

    async def body(_: aiohttp.ClientSession) -> None:
        one = collector({proxy.identity(): LABELS}, interval=0.001)
        task = asyncio.ensure_future(one.run())
        while proxy.scrapes < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(proxy, body=body)
