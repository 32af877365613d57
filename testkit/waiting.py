"""Waiting for a condition in asyncio tests: as soon as it holds, and never for ever."""

import asyncio
from collections.abc import Callable


async def wait_until(condition: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Returns when the condition is true. Raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (the conditions are plain state without an event)
            await asyncio.sleep(0.001)
