"""The table follows the store, one load for many changes."""

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network

import pytest

from sandbox.apiserver.kinds import CONFIG_MAP, SERVICE
from sandbox.apiserver.store import Store
from sandbox.services import sync
from sandbox.services.commands import NetworkError
from sandbox.services.sync import Services

RANGE = IPv4Network("10.96.0.0/16")


class Kernel:
    """Takes tables; refuses the next ``refusals`` of them."""

    def __init__(self) -> None:
        self.store = Store()
        self.tables: list[str] = []
        self.refusals = 0
        self._heard = asyncio.Event()

    async def load(self, text: str) -> None:
        self._heard.set()
        if self.refusals:
            self.refusals -= 1
            raise NetworkError("nft: no")
        self.tables.append(text)

    async def wait_tables(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.tables) < count:
                self._heard.clear()
                await self._heard.wait()

    def add(self, name: str) -> None:
        spec = {
            "clusterIP": f"10.96.0.{len(self.store.list(SERVICE)) + 1}",
            "ports": [{"port": 80}],
        }
        meta = {"name": name, "namespace": "default"}
        self.store.create(SERVICE, {"metadata": meta, "spec": spec})


def run(script: Callable[[Kernel, Services], Awaitable[None]]) -> None:
    async def main() -> None:
        kernel = Kernel()
        services = Services(kernel.store, RANGE, kernel.load)
        task = asyncio.create_task(services.run())
        try:
            await services.synced.wait()
            await script(kernel, services)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_many_changes_are_one_table() -> None:
    async def script(kernel: Kernel, services: Services) -> None:
        for name in ("a", "b", "c"):
            kernel.add(name)
        await kernel.wait_tables(2)
        assert all(f"10.96.0.{n} . tcp . 80" in kernel.tables[1] for n in (1, 2, 3))
        assert len(kernel.tables) == 2

    run(script)


def test_what_changes_no_address_loads_nothing() -> None:
    async def script(kernel: Kernel, services: Services) -> None:
        kernel.store.create(CONFIG_MAP, {"metadata": {"name": "x", "namespace": "default"}})
        await services.sync()
        assert len(kernel.tables) == 1

    run(script)


def test_a_refused_table_is_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(kernel: Kernel, services: Services) -> None:
        kernel.refusals = 1
        kernel.add("a")
        await kernel.wait_tables(2)
        assert "10.96.0.1 . tcp . 80" in kernel.tables[1]

    monkeypatch.setattr(sync, "FIRST_PAUSE", 0.001)
    run(script)


def test_clear_takes_the_table_away_and_never_fails() -> None:
    async def script(kernel: Kernel, services: Services) -> None:
        await services.clear()
        assert kernel.tables[-1] == "table ip weft_sandbox\ndelete table ip weft_sandbox\n"
        kernel.refusals = 1
        await services.clear()

    run(script)
