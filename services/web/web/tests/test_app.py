"""The whole service on real sockets: watches, scrapes, an answer, readiness, stop."""

import asyncio

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from kit.kube import objects
from kit.lifecycle import Process
from testkit.kube import FakeKube
from testkit.ports import free_ports
from testkit.waiting import wait_until
from web.app import serve
from web.settings import WebSettings
from web.stats.tests.cluster import obj, pod
from web.tests.proxies import FakeProxy, inbound, serving


@pytest.mark.slow
def test_the_story() -> None:
    api, admin = free_ports(2)
    settings = WebSettings.load(
        {
            "WEFT_ADDR": f"127.0.0.1:{api}",
            "WEFT_ADMIN_ADDR": f"127.0.0.1:{admin}",
            "WEFT_SCRAPE_INTERVAL": "10ms",
        }
    )

    async def story() -> None:
        process, proxy = Process(), FakeProxy(inbound(success=10))
        async with (
            serving(proxy),
            FakeKube().serving() as kube,
            kube.client() as kubernetes,
            aiohttp.ClientSession() as session,
        ):
            kube.fail_with["GET", "/apis/batch"] = (500, "not now")
            await kube.put(objects.DEPLOYMENTS, obj("web"))
            await kube.put(objects.REPLICA_SETS, obj("web-1", owner=("Deployment", "web")))
            await kube.put(
                objects.PODS,
                pod("web-1-a", ("ReplicaSet", "web-1"), ip="127.0.0.1", port=proxy.port),
            )
            service = asyncio.ensure_future(
                serve(process, settings, kubernetes, CollectorRegistry())
            )
            missing = ("cronjobs.batch listed", "jobs.batch listed")
            await wait_until(lambda: process.readiness.missing == missing)
            async with session.get(f"http://127.0.0.1:{admin}/ready") as response:
                assert (response.status, await response.text()) == (
                    503,
                    "cronjobs.batch listed\njobs.batch listed\n",
                )
            kube.fail_with.clear()
            await wait_until(lambda: process.readiness.is_ready)
            await wait_until(lambda: proxy.scrapes > 1)
            proxy.text = inbound(success=14, failure=2)
            seen = proxy.scrapes
            await wait_until(lambda: proxy.scrapes > seen + 1)
            body = {"resource": {"kind": "deployment", "namespace": "emojivoto"}}
            async with session.post(f"http://127.0.0.1:{api}/api/v1/stat", json=body) as response:
                (row,) = (await response.json())["rows"]
            assert row["pods"] == {"meshed": 1, "running": 1, "failed": 0}
            assert (row["requests"]["success"], row["requests"]["failure"]) == ("4", "2")
            async with session.get(f"http://127.0.0.1:{admin}/metrics") as response:
                text = await response.text()
            assert "web_collector_targets 1.0" in text
            assert 'web_http_requests_total{code="200",path="/api/v1/stat"} 1.0' in text
            process.stop()
            await service

    asyncio.run(asyncio.wait_for(story(), 30))
