"""The end of the process, in virtual time."""

from dataclasses import dataclass

import pytest
import trio

from proxy.drain import Shutdown, drain
from testkit.trio_tests import in_virtual_time


@dataclass
class Direction:
    takes: float
    stopped_at: float | None = None

    async def drain(self) -> None:
        await trio.sleep(self.takes)

    def stop(self) -> None:
        self.stopped_at = trio.current_time()


@in_virtual_time
async def test_both_directions_drain_together() -> None:
    began = trio.current_time()
    inbound, outbound = Direction(2.0), Direction(3.0)
    assert await drain((inbound, outbound), 120.0, trio.Event())
    assert trio.current_time() - began == pytest.approx(3.0)
    assert inbound.stopped_at == outbound.stopped_at is not None


@in_virtual_time
async def test_the_grace_period_ends_what_does_not() -> None:
    began = trio.current_time()
    forever = Direction(float("inf"))
    assert not await drain((Direction(1.0), forever), 120.0, trio.Event())
    assert trio.current_time() - began == pytest.approx(120.0)
    assert forever.stopped_at is not None


@in_virtual_time
async def test_no_grace_waits_for_nothing() -> None:
    slow = Direction(1.0)
    assert not await drain((slow,), 0.0, trio.Event())
    assert slow.stopped_at is not None


@in_virtual_time
async def test_a_second_request_ends_the_wait() -> None:
    shutdown = Shutdown()
    shutdown.request()
    assert shutdown.requested.is_set()
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain, (Direction(60.0),), 120.0, shutdown.at_once)
        await trio.sleep(5.0)
        shutdown.request()
    assert trio.current_time() - began == pytest.approx(5.0)
