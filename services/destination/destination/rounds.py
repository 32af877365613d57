"""Rounds of work for the one replica that leads: level-triggered, after changes and again after a while."""

import asyncio
from collections.abc import AsyncGenerator

from kit.kube.lease import Leadership

LOOK_AGAIN = 10.0
"""Seconds between rounds when nothing changes: for writes that failed, and for a new leader."""
GATHER = 0.2
"""Seconds in which changes gather before the next round: a deployment touches many facts at once."""


async def rounds(
    leadership: Leadership, changed: asyncio.Event, listed: asyncio.Event
) -> AsyncGenerator[None]:
    """Once the picture is whole (`listed`) and while this replica leads: one round after another, without end.

    `changed` is cleared before a round; whoever sets it asks for the next.
    """
    await listed.wait()
    while True:
        await leadership.wait_held()
        changed.clear()
        yield
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await changed.wait()
        except TimeoutError:
            continue
        await asyncio.sleep(GATHER)
