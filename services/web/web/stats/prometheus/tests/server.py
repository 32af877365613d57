"""A real Prometheus (Debian's) that scrapes fake proxies; it ends with the block."""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from testkit.debian import program
from testkit.ports import free_ports
from web.stats.backend import BackendError
from web.stats.prometheus.client import Client
from web.tests.proxies import FakeProxy

INTERVAL = "250ms"


@dataclass(frozen=True)
class Scraped:
    """A proxy, and the labels that a Kubernetes scrape configuration would give its series."""

    proxy: FakeProxy
    labels: Mapping[str, str]


def configuration(targets: Iterable[Scraped]) -> str:
    """Scrapes each of the targets, whose samples may have times of their own."""
    scrape = {
        "job_name": "proxies",
        "honor_timestamps": True,
        "static_configs": [
            {"targets": [f"127.0.0.1:{one.proxy.port}"], "labels": dict(one.labels)}
            for one in targets
        ],
    }
    interval = {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL}
    return yaml.safe_dump({"global": interval, "scrape_configs": [scrape]})


@asynccontextmanager
async def prometheus(targets: Iterable[Scraped], port: int = 0) -> AsyncIterator[str]:
    """Its URL, when it answers. A sample counts for ten seconds, where usually it does for 300."""
    (chosen,) = (port,) if port else free_ports(1)
    with tempfile.TemporaryDirectory(prefix="weft-prometheus-") as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text(configuration(targets))
        process = await asyncio.create_subprocess_exec(
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{chosen}",
            "--query.lookback-delta=10s",
            "--log.level=error",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{chosen}"
            await _ready(url)
            yield url
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.get(f"{url}/-/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)


async def wait_scraped(client: Client, count: int) -> None:
    """Until so many targets have been scraped well. Raises TimeoutError."""
    await _wait(client, "sum(max_over_time(up[5m]))", count)


async def wait_increased(client: Client) -> None:
    """Until requests are seen to be answered. Raises TimeoutError."""
    await _wait(client, "sum(increase(response_total[15s]))", 1)


async def _wait(client: Client, query: str, least: float) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                found = await client.vector(query, time.time())
            except BackendError:
                found = []
            if found and found[0].value >= least:
                return
            await asyncio.sleep(0.05)
