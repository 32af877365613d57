"""/live, /ready, /metrics over a real socket."""

import asyncio

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from kit import admin
from kit.lifecycle import Readiness
from weft.addresses import SocketAddress

ANY = SocketAddress("127.0.0.1", 0)


def test_the_three_pages() -> None:
    async def script() -> None:
        readiness = Readiness()
        pods = readiness.require("pods listed")
        readiness.require("issuer loaded").meet()
        registry = CollectorRegistry()
        Counter("things_total", "Things.", registry=registry).inc()
        async with (
            admin.serve(ANY, readiness, registry) as bound,
            aiohttp.ClientSession(f"http://{bound}") as session,
        ):

            async def get(path: str) -> tuple[int, str]:
                async with session.get(path) as response:
                    return response.status, await response.text()

            assert await get("/live") == (200, "live\n")
            assert await get("/ready") == (503, "pods listed\n")
            pods.meet()
            assert await get("/ready") == (200, "ready\n")
            status, text = await get("/metrics")
            assert status == 200
            assert "things_total 1.0" in text
            assert (await get("/nothing"))[0] == 404

    asyncio.run(script())


def test_garbage_is_answered_and_survived() -> None:
    async def script() -> None:
        async with admin.serve(ANY, Readiness(), CollectorRegistry()) as bound:
            reader, writer = await asyncio.open_connection(bound.ip, bound.port)
            writer.write(b"\x16\x03\x01\x00\xff garbage\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.")
            writer.close()
            async with (
                aiohttp.ClientSession(f"http://{bound}") as session,
                session.get("/live") as response,
            ):
                assert response.status == 200

    asyncio.run(script())
