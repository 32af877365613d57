"""The HTTP server as a job of this process: uvicorn, without its own signals and logs."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from weft.addresses import SocketAddress

_KEEP_ALIVE = 15  # seconds an idle connection is kept
_GRACE = 5  # seconds answers under way are waited for when stopping


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stopping is decided by the process, which has a grace period."""
        yield


@asynccontextmanager
async def serve(app: ASGIApp, address: SocketAddress) -> AsyncIterator[SocketAddress]:
    """Serves until the block ends; yields the address it is bound to. Raises OSError."""
    listening = _bind(address)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            log_level="warning",
            lifespan="off",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
        )
    )
    task = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        host, port = listening.getsockname()[:2]
        yield SocketAddress(host, port)
    finally:
        server.should_exit = True
        await task
        listening.close()


def _bind(address: SocketAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.ip, address.port))
        listening.listen(128)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
