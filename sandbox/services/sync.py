"""Keeping the kernel's table equal to the plan: changes are gathered, then loaded at once."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network

from sandbox.apiserver.kinds import ENDPOINT_SLICE, SERVICE, Kind
from sandbox.apiserver.store import Store
from sandbox.apiserver.watch import Change
from sandbox.services.commands import NetworkError, run
from sandbox.services.plan import make_plan
from sandbox.services.ruleset import removal, render

log = logging.getLogger("sandbox.services")

Load = Callable[[str], Awaitable[None]]

GATHER = 0.02
"""Seconds that changes are gathered before a load: an `apply` of many objects is one table."""

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0


async def load_with_nft(text: str) -> None:
    """Raises NetworkError with what nft said, OSError when it cannot be run."""
    await run("nft", "-f", "-", data=text)


class Services:
    """Run it as a task; cancel it to stop. `clear` takes the table away."""

    def __init__(
        self, store: Store, service_range: IPv4Network, load: Load = load_with_nft
    ) -> None:
        self._store = store
        self._range = service_range
        self._load = load
        self._changed = asyncio.Event()
        self._loaded: str | None = None
        self.synced = asyncio.Event()
        """Set once the first table is in the kernel."""

    def __repr__(self) -> str:
        return f"<Services {'synced' if self.synced.is_set() else 'not yet synced'}>"

    async def route(self, bridge: str) -> None:
        """Make every service address reachable from the host, which need not have a default route.

        The route goes with the bridge. Raises NetworkError with what ip said.
        """
        await run("ip", "route", "replace", str(self._range), "dev", bridge)

    async def run(self) -> None:
        self._store.observe(self._observe)
        self._changed.set()
        pause = FIRST_PAUSE
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.sync()
                pause = FIRST_PAUSE
                await asyncio.sleep(GATHER)
            except (NetworkError, OSError) as error:
                log.error("the service table could not be loaded: %s", error)
                self._changed.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def sync(self) -> None:
        plan = make_plan(self._store.list(SERVICE), self._store.list(ENDPOINT_SLICE))
        text = render(plan, self._range)
        if text != self._loaded:
            self._loaded = None
            await self._load(text)
            self._loaded = text
        self.synced.set()

    async def clear(self) -> None:
        with contextlib.suppress(NetworkError, OSError):
            await self._load(removal())

    def _observe(self, kind: Kind, change: Change) -> None:
        if kind.key in (SERVICE.key, ENDPOINT_SLICE.key):
            self._changed.set()
