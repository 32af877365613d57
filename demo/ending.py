"""An orderly end. A container's first process gets no default for SIGTERM: it must listen itself."""

from __future__ import annotations

import asyncio
import signal


async def asked_to_stop() -> None:
    """Returns on the first SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
