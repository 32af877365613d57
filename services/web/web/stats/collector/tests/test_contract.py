"""The embedded collector held to the backend's contract: real sockets, virtual time."""

import asyncio

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from web.metrics import Metrics
from web.stats.collector.scraping import Collector, Limits
from web.stats.tests.backend_contract import DEMANDS, EPOCH, LENGTH, STEP, AnyDemand
from web.tests.proxies import FakeProxy, serving


async def play(demand: AnyDemand) -> None:
    """Scrapes the story's pods as time goes, and asks at its end."""
    proxies = [FakeProxy() for _ in demand.pods]
    now = 0

    async with serving(*proxies), aiohttp.ClientSession() as session:
        collector = Collector(
            lambda: {
                proxy.identity(): told.labels
                for proxy, told in zip(proxies, demand.pods, strict=True)
                if told.page(now) is not None
            },
            Limits(),
            Metrics(CollectorRegistry()),
            clock=lambda: float(now),
            wall=lambda: float(EPOCH + now),
        )
        for now in range(0, LENGTH + 1, STEP):
            for proxy, told in zip(proxies, demand.pods, strict=True):
                proxy.text = told.page(now) or ""
            await collector.round(session)
        await demand.check(collector)


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.name)
def test_contract(demand: AnyDemand) -> None:
    asyncio.run(play(demand))
