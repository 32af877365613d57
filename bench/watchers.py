"""Viewers of one proxy, as the tap service has them: `python -m bench.watchers`.

Each is the tap service's own code from the question to the line of JSON, in one process; what they ask goes
through the proxy of their pod. Some are stuck: they ask and never read. When told to end it prints what it
saw as one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import click

from bench.control_plane import identity_of
from bench.namespaces import SERVER
from tap import redact
from tap.cluster import Cluster
from tap.describe import Describer
from tap.merge import Sampler, Viewer
from tap.proxies import Watch
from tap.query import Query, Target
from tap.streams import Streams
from tap.targets import Found, Proxy
from weft import ports
from weft.addresses import SocketAddress

PROXY = Proxy("bench/server", SocketAddress(SERVER.ip, ports.CONTROL), identity_of("server"))
TARGET = Target("bench", "pod", "server")


class Watchers:
    """All of them, and what they saw."""

    def __init__(self) -> None:
        self._shared = self._streams()
        self.viewers: list[Viewer] = []
        self.dropped = 0
        self.trouble = ""
        """What kept a viewer from watching, if anything did."""

    def _streams(self) -> Streams:
        return Streams(Describer(Cluster(), redact.policy((), ())))

    async def watch(self, *, shared: bool, stuck: bool) -> None:
        """One viewer; it reads whatever there is, or nothing."""
        query = Query(TARGET)
        viewer = Viewer(
            Sampler(query.max_rps, asyncio.get_running_loop().time), on_dropped=self._lost
        )
        self.viewers.append(viewer)
        watch = Watch(
            query, viewer, lambda: Found((PROXY,), ()), self._shared if shared else self._streams()
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.run())
            while not stuck:
                data = await viewer.wait_lines()
                if b'{"trouble"' in data:
                    self.trouble = data[:500].decode()

    def _lost(self, count: int) -> None:
        self.dropped += count


@click.command()
@click.option("--viewers", required=True, type=int)
@click.option("--stuck", required=True, type=int, help="So many of the viewers read nothing.")
@click.option(
    "--different", is_flag=True, help="No two share a stream, as if no two asked the same."
)
def main(viewers: int, stuck: int, *, different: bool) -> None:
    """Watch until SIGTERM."""
    asyncio.run(run(viewers, stuck, different=different))


async def run(viewers: int, stuck: int, *, different: bool) -> None:
    """All viewers at once, until SIGTERM."""
    watchers = Watchers()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [
        asyncio.ensure_future(watchers.watch(shared=not different, stuck=number < stuck))
        for number in range(viewers)
    ]
    await asyncio.sleep(0)
    print("{}", flush=True)
    await stop.wait()
    told = sum(viewer.told for viewer in watchers.viewers)
    print(
        json.dumps({"told": told, "dropped": watchers.dropped, "trouble": watchers.trouble}),
        flush=True,
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main())
