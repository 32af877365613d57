"""Pipes between a container and its log."""

import asyncio
import contextlib
import os
from collections.abc import Callable

_PIECE = 64 * 1024


class Capture:
    """Reads a descriptor until its end and hands every piece on. It owns and closes the descriptor."""

    def __init__(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        self._descriptor = descriptor
        self._take = take
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    async def wait(self, within: float) -> None:
        """Wait for the end of what comes, but not longer than `within` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.shield(self._ended)

    def close(self) -> None:
        if not self._ended.done():
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._ended.set_result(None)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _PIECE)
        except BlockingIOError:
            return
        except OSError:  # a terminal says EIO when its last user has gone
            data = b""
        if data:
            self._take(data)
        else:
            self.close()
