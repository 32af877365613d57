"""Prometheus comes and goes; numbers do not."""

import asyncio
from dataclasses import dataclass

import pytest

from web.stats.backend import (
    BackendError,
    Group,
    History,
    Measured,
    MeasuredLinks,
    Tallied,
    Traffic,
)
from web.stats.fallback import Fallback
from web.stats.kinds import Kind
from web.stats.links import LinkSelection, select_links
from web.stats.query import Query, Ref
from web.stats.selection import Selection, select
from web.stats.tallies import AUTHORIZED, TallySelection
from web.stats.tests.unasked import Unasked

PODS = select(Query(Ref(Kind.POD)))


@dataclass
class Known(Unasked):
    """A backend that answers with its own name, or says why not."""

    name: str
    error: str = ""
    max_window: float = 600.0
    checks: int = 0

    async def check(self) -> None:
        self.checks += 1
        self._may_fail()

    async def measure(self, selection: Selection, window: float) -> Measured:
        self._may_fail()
        return Measured({Group("", self.name): Traffic()}, window)

    async def links(self, selection: LinkSelection, window: float) -> MeasuredLinks:
        self._may_fail()
        return MeasuredLinks({}, 1.0 if self.name == "embedded" else 2.0)

    async def tally(self, selection: TallySelection, window: float) -> Tallied:
        self._may_fail()
        return Tallied({(self.name,): Traffic()}, window)

    async def history(self, selection: Selection, window: float, step: float) -> History:
        self._may_fail()
        return History((), {Group("", self.name): ()})

    def _may_fail(self) -> None:
        if self.error:
            raise BackendError(self.error)


class World:
    """Both backends, and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.prometheus = Known("prometheus", max_window=86_400.0)
        self.collector = Known("embedded")
        self.both = Fallback(self.prometheus, self.collector, lambda: self.now)

    def said(self) -> tuple[str, float | None, str]:
        found = self.both.provenance
        return found.backend, found.since, found.fallback_reason

    async def asked(self) -> str:
        ((group, _),) = (await self.both.measure(PODS, 60.0)).traffic.items()
        return group.name


def test_the_story_of_an_outage() -> None:
    async def story() -> None:
        world = World()
        assert world.said() == ("embedded", 100.0, "Prometheus has not been asked yet")
        assert await world.asked() == "embedded"
        world.now = 105.0
        await world.both.look()
        assert world.said() == ("prometheus", 105.0, "")
        assert (await world.asked(), world.both.max_window) == ("prometheus", 86_400.0)
        world.now, world.prometheus.error = 200.0, "refused"
        assert await world.asked() == "embedded"
        assert world.said() == ("embedded", 200.0, "refused")
        assert world.both.max_window == 600.0
        world.now, world.prometheus.error = 205.0, "still starting"
        await world.both.look()
        assert world.said() == ("embedded", 200.0, "still starting")
        world.now, world.prometheus.error = 210.0, ""
        assert await world.asked() == "embedded"
        await world.both.look()
        assert world.said() == ("prometheus", 210.0, "")

    asyncio.run(story())


def test_every_question_falls_back() -> None:
    async def story() -> None:
        world = World()
        for _ in range(2):
            await world.both.look()
            world.prometheus.error = "refused"
            tallied = await world.both.tally(TallySelection(AUTHORIZED, (), ("pod",)), 60.0)
            assert set(tallied.traffic) == {("embedded",)}
            assert (await world.both.links(select_links(Ref(Kind.POD)), 60.0)).observed == 1.0
            past = await world.both.history(PODS, 60.0, 10.0)
            assert [group.name for group in past.samples] == ["embedded"]

    asyncio.run(story())


def test_a_window_that_only_prometheus_remembers() -> None:
    async def story() -> None:
        world = World()
        await world.both.look()
        world.prometheus.error = "refused"
        await world.both.measure(PODS, 3600.0)

    with pytest.raises(BackendError, match="refused; the embedded collector remembers only 10m"):
        asyncio.run(story())


def test_it_looks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.stats.fallback.INTERVAL", 0.001)

    async def story() -> None:
        world = World()
        task = asyncio.ensure_future(world.both.run())
        async with asyncio.timeout(10):
            while world.prometheus.checks < 3:  # noqa: ASYNC110 (plain state without an event)
                await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(story())
