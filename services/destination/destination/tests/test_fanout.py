"""The fan-out: newest value at each reader's pace, worked out once, nobody held up."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from destination.fanout import Fanout
from destination.index import Reader
from destination.tests.cluster import Cluster, service
from kit.kube.objects import Key
from kit.rpc.status import Internal, NotFound

KEY = Key("ns", "web")
Script = Callable[[Cluster, Fanout], Awaitable[None]]


def ip(reader: Reader) -> str:
    """The view of these tests: a Service's cluster IP."""
    found = reader.get(reader.index.services, KEY)
    if found is None:
        raise NotFound("no such Service")
    return found.cluster_ips[0]


def run(script: Script, *, working: bool = True) -> None:
    async def main() -> None:
        cluster = Cluster(service(ip="10.96.0.1"))
        fanout = Fanout(cluster.index)
        worker = asyncio.ensure_future(fanout.run()) if working else None
        async with asyncio.timeout(10):
            await script(cluster, fanout)
        if worker:
            worker.cancel()

    asyncio.run(main())


def change(cluster: Cluster, fanout: Fanout, number: int) -> None:
    fanout.touched(cluster.put(service(ip=f"10.96.0.{number}")))


def test_first_value_then_changes() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as subscription:
            assert await anext(subscription) == "10.96.0.1"
            change(cluster, fanout, 2)
            assert await anext(subscription) == "10.96.0.2"

    run(script)


def test_a_slow_reader_skips_and_delays_nobody() -> None:
    """One reader never reads while another follows a thousand changes; then it takes the last."""

    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as slow, fanout.subscribe("ip", ip) as quick:
            assert await anext(slow) == "10.96.0.1"
            assert await anext(quick) == "10.96.0.1"
            for number in range(1000):
                ip_now = f"10.97.{number // 250}.{number % 250}"
                fanout.touched(cluster.put(service(ip=ip_now)))
                assert await anext(quick) == ip_now
            assert slow.view.version == 1001
            assert await anext(slow) == ip_now
            assert slow.version == quick.version

    run(script)


def test_a_view_is_worked_out_once_for_all_its_readers() -> None:
    calls = 0

    def counted(reader: Reader) -> str:
        nonlocal calls
        calls += 1
        return ip(reader)

    async def script(cluster: Cluster, fanout: Fanout) -> None:
        subscriptions = [fanout.subscribe("ip", counted) for _ in range(50)]
        assert calls == 1
        assert (len(fanout), fanout.subscribers) == (1, 50)
        for one in subscriptions:
            await anext(one)
        change(cluster, fanout, 2)
        for one in subscriptions:
            assert await anext(one) == "10.96.0.2"
        assert calls == 2
        made = [one.view.once("bytes", object) for one in subscriptions]
        assert all(one is made[0] for one in made), "and rendered once"
        for one in subscriptions:
            one.__exit__()
        assert (len(fanout), fanout.subscribers) == (0, 0)
        assert fanout._by_fact == {}, "and nothing is remembered"

    run(script)


def test_what_was_rendered_is_forgotten_with_the_next_change() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as subscription:
            await anext(subscription)
            before = subscription.view.once("k", object)
            change(cluster, fanout, 2)
            await anext(subscription)
            assert subscription.view.once("k", object) is not before

    run(script)


def test_bursts_are_one_refresh() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as subscription:
            await anext(subscription)
            for number in range(2, 50):
                change(cluster, fanout, number)
            assert await anext(subscription) == "10.96.0.49"
            assert fanout.refreshed == 1

    run(script)


def test_what_does_not_concern_a_view_does_not_wake_it() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as subscription:
            await anext(subscription)
            fanout.touched(cluster.put(service("other", "10.96.9.9")))
            fanout.touched(cluster.put(service(ip="10.96.0.1", ports={"http": 81})))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert fanout.refreshed == 1, "only the change of its own Service"
            assert subscription.view.version == 1, "which did not change the answer"

    run(script)


def test_an_error_at_the_start_is_raised_and_leaves_nothing() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        cluster.gone(service())
        with pytest.raises(NotFound):
            fanout.subscribe("ip", ip)
        assert len(fanout) == 0

    run(script)


def test_an_error_later_ends_the_subscription_and_a_new_one_may_succeed() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as subscription:
            await anext(subscription)
            fanout.touched(cluster.gone(service()))
            with pytest.raises(NotFound):
                await anext(subscription)
            with pytest.raises(NotFound):
                fanout.subscribe("ip", ip)
            change(cluster, fanout, 3)
            with fanout.subscribe("ip", ip) as again:
                assert await anext(again) == "10.96.0.3"

    run(script)


def test_a_defect_is_that_views_alone() -> None:
    def broken(reader: Reader) -> str:
        if ip(reader) == "10.96.0.2":
            raise ZeroDivisionError
        return "well"

    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("bad", broken) as bad, fanout.subscribe("ip", ip) as good:
            await anext(bad)
            await anext(good)
            change(cluster, fanout, 2)
            assert await anext(good) == "10.96.0.2"
            with pytest.raises(Internal, match="unexpected"):
                await anext(bad)

    run(script)


def test_a_subscriber_that_comes_between_change_and_refresh_sees_the_change() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as first:
            await anext(first)
            change(cluster, fanout, 2)
            with fanout.subscribe("ip", ip) as second:
                assert await anext(second) == "10.96.0.2"
                assert await anext(first) == "10.96.0.2"

    run(script, working=False)


def test_closing_ends_streams_without_an_error() -> None:
    async def script(cluster: Cluster, fanout: Fanout) -> None:
        with fanout.subscribe("ip", ip) as subscription:
            seen = [asyncio.ensure_future(_all(subscription))]
            await asyncio.sleep(0)
            fanout.close()
            assert await asyncio.gather(*seen) == [["10.96.0.1"]]

    async def _all(subscription: object) -> list[str]:
        return [one async for one in subscription]  # type: ignore[attr-defined]

    run(script)
