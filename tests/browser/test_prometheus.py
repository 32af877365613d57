"""The dashboard over a real Prometheus (Debian's) that stops and comes back, in a real browser."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Self

import pytest

from testkit.ports import free_ports
from tests.browser.dashboard import NAMESPACE, Served, cluster
from web.app import limits, numbers
from web.settings import WebSettings
from web.stats.collector.scraping import Collector
from web.stats.fallback import Fallback
from web.stats.prometheus.tests.server import Scraped, prometheus
from web.stats.sources import targets
from web.tests.proxies import Busy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.browser.tab import Tab
    from web.metrics import Metrics
    from web.stats.backend import Backend

WITHIN = 60.0
NOTICE = "document.querySelector('.notice')"
RATE = """[...document.querySelectorAll('tbody tr')]
    .map(tr => [...tr.children].map(cell => cell.innerText.trim()))
    .find(cells => cells[0] === 'web')?.[3]"""
"""Requests a second of the deployment, as the table has them."""


class Watched(Served):
    """It has its collector, and a Prometheus to ask, which runs when a test says so."""

    def __init__(self) -> None:
        self._proxy = Busy()
        super().__init__(cluster(), proxies={"web": self._proxy})
        (self._port,) = free_ports(1)
        self._settings = WebSettings.load(
            {"WEFT_PROMETHEUS_URL": f"http://127.0.0.1:{self._port}", "WEFT_SCRAPE_INTERVAL": "1s"}
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def prometheus(self) -> Iterator[None]:
        """It runs, and scrapes the proxy, until the block ends."""
        (labels,) = (
            labels
            for proxy, labels in targets(self.inventory).items()
            if proxy.port == self._proxy.port
        )
        running = prometheus([Scraped(self._proxy, labels)], self._port)
        self.do(running.__aenter__(), WITHIN)
        try:
            yield
        finally:
            self.do(running.__aexit__(None, None, None), WITHIN)

    @asynccontextmanager
    async def measuring(self, metrics: Metrics) -> AsyncIterator[Backend]:
        collector = Collector(lambda: targets(self.inventory), limits(self._settings), metrics)
        async with numbers(self._settings, collector) as backend:
            assert isinstance(backend, Fallback)
            jobs = [asyncio.create_task(one) for one in (collector.run(), backend.run())]
            try:
                yield backend
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.gather(*jobs, return_exceptions=True)


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
