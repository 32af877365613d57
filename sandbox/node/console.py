"""A terminal for a container: runc makes it inside and hands its other end over a Unix socket."""

import asyncio
import fcntl
import os
import socket
import struct
import tempfile
import termios
from pathlib import Path
from types import TracebackType
from typing import Self


class ConsoleSocket:
    """Listens at `path` for one terminal. Use as a context; the socket goes with it."""

    def __init__(self) -> None:
        # A Unix socket's path must be short, so it does not live with the container.
        self._directory = tempfile.TemporaryDirectory(prefix="weft-console-")
        self.path = Path(self._directory.name) / "socket"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        self._directory.cleanup()

    async def terminal(self, within: float = 5.0) -> int:
        """The terminal's file descriptor, which is the caller's to close. Raises OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(within):
            connection, _ = await loop.sock_accept(self._listener)
        with connection:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(connection, _settle, ready)
            try:
                async with asyncio.timeout(within):
                    await ready
            finally:
                loop.remove_reader(connection)
            _, descriptors, _, _ = socket.recv_fds(connection, 4096, 1)
        if not descriptors:
            raise OSError("no terminal came with runc's message")
        os.set_inheritable(descriptors[0], False)
        return descriptors[0]


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def resize(terminal: int, width: int, height: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
