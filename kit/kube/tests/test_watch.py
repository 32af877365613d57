"""The watch that lasts: list, changes, and every way it can be interrupted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from kit.kube.objects import PODS, SERVERS, TLS_ROUTES, Object, Resource
from kit.kube.watch import Backoff, Event, Watch
from testkit.kube import FakeKube
from testkit.kube_contract import told
from testkit.nested import TOO_DEEP
from testkit.waiting import wait_until

Script = Callable[[FakeKube, AsyncIterator[Event]], Awaitable[None]]


def pod(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "namespace": "ns", "labels": labels}}


def run(script: Script, resource: Resource | None = None, **options: bool) -> None:
    async def main() -> None:
        async with asyncio.timeout(20), FakeKube().serving() as kube, kube.client() as client:
            watch = Watch(
                client,
                resource or (SERVERS if options.get("optional") else PODS),
                backoff=Backoff(base=0.001, ceiling=0.002),
                absent_retry=0.005,
                optional=options.get("optional", False),
            )
            await script(kube, watch.events())

    asyncio.run(main())


async def take(seen: AsyncIterator[Event], count: int) -> list[str]:
    return [told(await anext(seen)) for _ in range(count)]


def test_an_empty_list_is_marked_too() -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        assert await take(seen, 1) == ["listed"]
        await kube.put(PODS, pod("a"))
        assert await take(seen, 1) == ["put a"]

    run(script)


def test_a_broken_watch_goes_on_where_it_was() -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        await kube.put(PODS, pod("a"))
        assert await take(seen, 2) == ["put a", "listed"]
        await kube.put(PODS, pod("b"))
        assert await take(seen, 1) == ["put b"]
        kube.drop_watches()
        await kube.put(PODS, pod("c"))
        await kube.remove(PODS, "a", "ns")
        assert await take(seen, 2) == ["put c", "gone a"]

    run(script)


def test_after_410_only_the_differences_are_told() -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        for name in ("stays", "changes", "goes"):
            await kube.put(PODS, pod(name))
        assert await take(seen, 4) == ["put stays", "put changes", "put goes", "listed"]
        await kube.put(PODS, pod("mark"))
        assert await take(seen, 1) == ["put mark"]  # the watch is open
        kube.fail_with["GET", "/api"] = (500, "down")
        kube.drop_watches()
        await kube.remove(PODS, "goes", "ns")
        await kube.put(PODS, pod("changes", colour="red"))
        await kube.put(PODS, pod("comes"))
        kube.expire()
        kube.fail_with.clear()
        assert await take(seen, 4) == ["gone goes", "put changes", "put comes", "listed"]

    run(script)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_failures_are_outlived(status: int) -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        kube.fail_with["GET", "/api/v1/pods"] = (status, "no")
        waiting = asyncio.ensure_future(anext(seen))
        await wait_until(lambda: len(kube.requests) >= 3)
        kube.fail_with.clear()
        assert told(await waiting) == "listed"

    run(script)


def test_a_missing_optional_resource_reads_as_empty_until_it_comes() -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        kube.absent.add(SERVERS.path())
        assert await take(seen, 1) == ["listed"]
        await kube.put(SERVERS, pod("s"))
        kube.absent.clear()
        while (event := told(await anext(seen))) == "listed":
            pass
        assert event == "put s"

    run(script, optional=True)


def test_an_optional_resource_that_is_removed_empties() -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        await kube.put(SERVERS, pod("s"))
        assert await take(seen, 2) == ["put s", "listed"]
        await kube.put(SERVERS, pod("t"))
        assert await take(seen, 1) == ["put t"]
        kube.absent.add(SERVERS.path())
        kube.drop_watches()
        assert await take(seen, 3) == ["gone s", "gone t", "listed"]

    run(script, optional=True)


def test_backoff_doubles_to_its_ceiling_and_resets() -> None:
    backoff = Backoff(base=1.0, ceiling=8.0, chance=lambda: 1.0)
    assert [backoff.next() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    backoff.reset()
    assert backoff.next() == 1.0
    assert Backoff(base=1.0, chance=lambda: 0.0).next() == 0.5


def test_the_first_version_that_is_there_is_watched_as_soon_as_it_is() -> None:
    old = TLS_ROUTES.versions()[-1]

    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        kube.absent |= {one.path() for one in TLS_ROUTES.versions()}
        assert await take(seen, 1) == ["listed"]
        kube.absent.discard(old.path())
        await kube.put(old, pod("a"))
        while (event := told(await anext(seen))) == "listed":
            pass
        assert event == "put a"
        assert await take(seen, 1) == ["listed"]
        await kube.put(old, pod("b"))
        assert await take(seen, 1) == ["put b"]

    run(script, TLS_ROUTES, optional=True)


def test_an_object_nested_too_deeply_is_missing_and_nothing_else_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def script(kube: FakeKube, seen: AsyncIterator[Event]) -> None:
        for name in ("a", "b"):
            await kube.put(PODS, pod(name))
        await kube.put(PODS, {**pod("deep"), "spec": {"a": [TOO_DEEP]}})
        assert await take(seen, 3) == ["put a", "put b", "listed"]
        await kube.put(PODS, {**pod("later"), "spec": TOO_DEEP})
        await kube.put(PODS, {**pod("a"), "spec": TOO_DEEP})
        await kube.put(PODS, pod("c"))
        assert await take(seen, 2) == ["gone a", "put c"]
        opened = kube.requests.count(("GET", PODS.path()))
        kube.drop_watches()  # it goes on behind what was left out
        await kube.put(PODS, pod("later"))
        await kube.remove(PODS, "deep", "ns")
        assert await take(seen, 2) == ["put later", "gone deep"]
        assert kube.requests.count(("GET", PODS.path())) == opened + 1

    run(script)
    left_out = [one.object for one in caplog.records if "too deeply" in one.message]  # type: ignore[attr-defined]
    assert left_out == ["ns/deep", "ns/later", "ns/a"]
