"""An orderly end. A container's first process gets no default for SIGTERM: it must listen itself."""

from __future__ import annotations

import asyncio
import signal

LINGER_SECONDS = 2.0
"""How long servers go on answering after that: whoever routes to them hears of their end a moment
after they do, and a request that comes in between is none of the user's business."""


async def asked_to_stop() -> None:
    """Returns on the first SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
