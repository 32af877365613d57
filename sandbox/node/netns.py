"""Doing one thing inside another network namespace, from this process.

A namespace belongs to a thread, so each call gets a thread of its own that ends with it: no
thread of a pool is left standing in a pod's network.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

NAMESPACES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


async def inside(namespace: Path, do: Callable[[], T]) -> T:
    """Run `do` with the network of `namespace`. Raises what `do` raises, or OSError."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def resolve(result: T | None, error: BaseException | None) -> None:
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def thread() -> None:
        result, failure = None, None
        try:
            _enter(namespace)
            result = do()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop may be gone
            loop.call_soon_threadsafe(resolve, result, failure)

    threading.Thread(target=thread, name=f"in {namespace.name}", daemon=True).start()
    return await answer


async def dial(namespace: Path | None, host: str, port: int, within: float = 5.0) -> socket.socket:
    """A connected, non-blocking TCP socket that lives in `namespace` (None: the host's). Raises OSError."""

    def unconnected() -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)

    sock = unconnected() if namespace is None else await inside(namespace, unconnected)
    try:
        async with asyncio.timeout(within):
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def set_sysctls(namespace: Path, values: Mapping[str, str]) -> None:
    """Set `net.*` values of one namespace; those this kernel does not have are passed over."""

    def write() -> None:
        for key, value in values.items():
            with contextlib.suppress(FileNotFoundError):
                Path("/proc/sys", *key.split(".")).write_text(value)

    await inside(namespace, write)


def _enter(namespace: Path) -> None:
    fd = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))
    finally:
        os.close(fd)
