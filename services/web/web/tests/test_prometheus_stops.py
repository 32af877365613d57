"""A real Prometheus is stopped and started again: the API and the dashboard go on, and say so."""

import asyncio
import time
from typing import Any

import aiohttp
import httpx
import pytest
from prometheus_client import CollectorRegistry

from testkit.ports import free_ports
from web.app import limits, numbers
from web.metrics import Metrics
from web.pages.components import Components
from web.pages.snapshots import Snapshots, World
from web.pages.views import Namespace
from web.server import application
from web.settings import WebSettings
from web.stats.collector.scraping import Collector
from web.stats.fallback import Fallback
from web.stats.prometheus.client import Client
from web.stats.prometheus.tests.server import Scraped, prometheus, wait_increased, wait_scraped
from web.stats.tests.cluster import emojivoto
from web.tests.proxies import Busy, serving
from weft.names import TrustDomain

pytestmark = pytest.mark.slow

LABELS = {"namespace": "emojivoto", "pod": "web-1-a", "replicaset": "web-1", "deployment": "web"}
ROWS = {"resource": {"kind": "deployment", "namespace": "emojivoto", "name": "web"}}


def test_numbers_go_on_while_prometheus_is_away() -> None:
    asyncio.run(asyncio.wait_for(story(), 120))


async def story() -> None:
    proxy = Busy()
    (port,) = free_ports(1)
    settings = WebSettings.load({"WEFT_PROMETHEUS_URL": f"http://127.0.0.1:{port}"})
    metrics = Metrics(CollectorRegistry())
    collector = Collector(lambda: {proxy.identity(): LABELS}, limits(settings), metrics)
    inventory = emojivoto()
    async with (
        serving(proxy),
        aiohttp.ClientSession() as session,
        numbers(settings, collector) as backend,
    ):
        assert isinstance(backend, Fallback)
        await collector.round(session)
        await asyncio.sleep(0.01)  # two rounds are at different moments
        await collector.round(session)
        world = World(inventory, backend, TrustDomain(), Components(inventory, time.time))
        pages = Snapshots(world, fresh=0.0)
        face = application(inventory, backend, lambda: True, metrics)
        transport = httpx.ASGITransport(app=face)
        async with httpx.AsyncClient(transport=transport, base_url="http://web:8084") as asking:
            client = Client(f"http://127.0.0.1:{port}", session)
            async with prometheus([Scraped(proxy, LABELS)], port):
                await wait_scraped(client, 1)
                await backend.look()
                assert backend.provenance.backend == "prometheus"
                await wait_increased(client)
                answer = await _ask(asking)
                assert _said(answer) == ("prometheus", "")
                assert int(answer["rows"][0]["requests"]["success"]) >= 100
            before = time.time()
            answer = await _ask(asking)
            backend_name, why = _said(answer)
            assert backend_name == "embedded"
            assert why.startswith(f"Prometheus at http://127.0.0.1:{port}: ")
            assert answer["rows"][0]["requests"]["success"] == "100"
            page = await pages.get(Namespace("emojivoto"))
            assert page["source"]["backend"] == "embedded"
            assert page["source"]["fallbackReason"] == why
            assert page["source"]["since"] == pytest.approx(before, abs=60)
            assert any(row["requests"] for row in page["page"]["rows"])
            async with prometheus([Scraped(proxy, LABELS)], port):
                await wait_scraped(client, 1)
                await backend.look()
                assert _said(await _ask(asking)) == ("prometheus", "")


async def _ask(asking: httpx.AsyncClient) -> dict[str, Any]:
    response = await asking.post("/api/v1/stat", json=ROWS)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def _said(answer: dict[str, Any]) -> tuple[str, str]:
    assert answer["backend"] == answer["source"]["backend"]
    return answer["source"]["backend"], answer["source"]["fallbackReason"]
