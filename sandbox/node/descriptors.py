"""Reading and writing file descriptors (pipes, terminals) without blocking the loop."""

import asyncio
import os
from collections.abc import AsyncIterator

_PIECE = 64 * 1024


async def pieces(descriptor: int) -> AsyncIterator[bytes]:
    """Everything that comes, until its end. The descriptor must be non-blocking; it stays open."""
    while True:
        try:
            data = os.read(descriptor, _PIECE)
        except BlockingIOError:
            await _ready(descriptor, writing=False)
            continue
        except OSError:  # a terminal says EIO when its last user has gone
            return
        if not data:
            return
        yield data


async def write_all(descriptor: int, data: bytes) -> None:
    """Raises BrokenPipeError when nobody reads any more."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            await _ready(descriptor, writing=True)


async def _ready(descriptor: int, *, writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    watch, unwatch = (
        (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    )
    watch(descriptor, _settle, ready)
    try:
        await ready
    finally:
        unwatch(descriptor)


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
