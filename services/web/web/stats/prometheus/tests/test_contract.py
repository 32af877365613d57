"""Prometheus held to the backend's contract: a real one scrapes a story told with its times."""

import asyncio
import threading
import time
from collections.abc import Iterator

import aiohttp
import pytest

from web.stats.prometheus.backend import Prometheus
from web.stats.prometheus.client import Client
from web.stats.prometheus.tests.server import Scraped, prometheus, wait_scraped
from web.stats.tests.backend_contract import DEMANDS, LENGTH, STEP, AnyDemand, Told
from web.tests.proxies import FakeProxy, serving

pytestmark = pytest.mark.slow


def told(pod: Told, began: float) -> str:
    """The whole story of a pod as one page: every line with the time at which it was so."""
    return "".join(
        f"{line} {round((began + at) * 1000)}\n"
        for at in range(0, LENGTH + 1, STEP)
        for line in (pod.page(at) or "").splitlines()
        if not line.startswith("#")
    )


class Theatre:
    """One Prometheus for all stories, which ended when it was made; each has a label of its own."""

    def __init__(self) -> None:
        self.ended = float(int(time.time()))
        self.url = ""
        self._targets = [
            Scraped(
                FakeProxy(told(pod, self.ended - LENGTH), chunk=1 << 20),
                {**pod.labels, "story": str(index)},
            )
            for index, demand in enumerate(DEMANDS)
            for pod in demand.pods
        ]
        self._opened = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def open(self) -> None:
        """Returns when every proxy has been scraped."""
        self._thread.start()
        assert self._opened.wait(120)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(60)
        self._loop.close()

    async def _run(self) -> None:
        async with (
            serving(*(one.proxy for one in self._targets)),
            prometheus(self._targets) as url,
            aiohttp.ClientSession() as session,
        ):
            await wait_scraped(Client(url, session), len(self._targets))
            self.url = url
            self._opened.set()
            await self._closing.wait()


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    found = Theatre()
    found.open()
    yield found
    found.close()


@pytest.mark.parametrize(
    ("story", "demand"), [pytest.param(i, one, id=one.name) for i, one in enumerate(DEMANDS)]
)
def test_contract(theatre: Theatre, story: int, demand: AnyDemand) -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            scope = (("story", str(story)),)
            client = Client(theatre.url, session)
            await demand.check(Prometheus(client, scope, clock=lambda: theatre.ended))

    asyncio.run(asyncio.wait_for(ask(), 60))
