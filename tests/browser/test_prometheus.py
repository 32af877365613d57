"""The dashboard over a real Prometheus (Debian's) that stops and comes back, in a real browser."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypeVar

import pytest
from prometheus_client import CollectorRegistry

from testkit.ports import free_ports
from tests.browser.dashboard import DOMAIN, INTERVAL, NAMESPACE, answer_at, cluster
from web import listener
from web.app import limits, numbers
from web.metrics import Metrics
from web.pages import assets
from web.pages.components import Components
from web.pages.routes import Dashboard
from web.pages.snapshots import Snapshots, World
from web.security import names_of
from web.server import application
from web.settings import WebSettings
from web.stats.collector.scraping import Collector
from web.stats.fallback import Fallback
from web.stats.prometheus.tests.server import Scraped, prometheus
from web.stats.sources import targets
from web.tests.proxies import Busy, serving
from weft.addresses import SocketAddress

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from tests.browser.tab import Tab
    from web.stats.backend import Backend

T = TypeVar("T")
WITHIN = 60.0
NOTICE = "document.querySelector('.notice')"
RATE = """[...document.querySelectorAll('tbody tr')]
    .map(tr => [...tr.children].map(cell => cell.innerText.trim()))
    .find(cells => cells[0] === 'web')?.[3]"""
"""Requests a second of the deployment, as the table has them."""


class Watched:
    """The web service with its collector and a Prometheus to ask, which runs when a test says so."""

    def __init__(self) -> None:
        (self._port,) = free_ports(1)
        self._settings = WebSettings.load(
            {"WEFT_PROMETHEUS_URL": f"http://127.0.0.1:{self._port}", "WEFT_SCRAPE_INTERVAL": "1s"}
        )
        self._inventory = cluster()
        self._proxy = Busy()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(WITHIN), "the web service does not come up"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def prometheus(self) -> Iterator[None]:
        """It runs, and scrapes the proxy, until the block ends."""
        (labels,) = (
            labels
            for proxy, labels in targets(self._inventory).items()
            if proxy.port == self._proxy.port
        )
        running = prometheus([Scraped(self._proxy, labels)], self._port)
        self._await(running.__aenter__())
        try:
            yield
        finally:
            self._await(running.__aexit__(None, None, None))

    def _await(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN)

    async def _serve(self) -> None:
        metrics = Metrics(CollectorRegistry())
        collector = Collector(lambda: targets(self._inventory), limits(self._settings), metrics)
        async with serving(self._proxy), numbers(self._settings, collector) as backend:
            assert isinstance(backend, Fallback)
            answer_at(self._inventory, "web", self._proxy.port)
            pages = self._pages(backend)
            face = application(
                self._inventory,
                backend,
                lambda: True,
                metrics,
                names_of("weft", "cluster.local"),
                dashboard=pages,
            )
            async with listener.serve(face, SocketAddress("127.0.0.1", 0)) as address:
                self.url = f"http://localhost:{address.port}"
                jobs = [asyncio.create_task(one) for one in (collector.run(), backend.run())]
                self._up.set()
                await self._stop.wait()
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)
                pages.close()

    def _pages(self, backend: Backend) -> Dashboard:
        world = World(self._inventory, backend, DOMAIN, Components(self._inventory, time.time))
        return Dashboard(
            assets.load(), Snapshots(world, fresh=INTERVAL / 2), lambda: True, INTERVAL
        )


@pytest.mark.timeout(300)
def test_the_numbers_go_on_without_prometheus_and_the_page_says_so(tab: Tab) -> None:
    with Watched() as service:
        with service.prometheus():
            tab.go(f"{service.url}/namespaces/{NAMESPACE}")
            tab.wait(f"parseFloat({RATE}) > 0 && !{NOTICE}", WITHIN)
        tab.wait(f"{NOTICE} && parseFloat({RATE}) > 0", WITHIN)
        said = tab.ask(f"{NOTICE}.innerText")
        print(said)
        assert said.startswith("The figures come from the embedded collector since ")
        assert "Prometheus at http://127.0.0.1:" in said
        tab.wait(f"(window.seen ??= {RATE}) !== {RATE}", WITHIN)
        assert float(tab.ask(f"parseFloat({RATE})")) > 0
        with service.prometheus():
            tab.wait(f"!{NOTICE} && parseFloat({RATE}) > 0", WITHIN)
