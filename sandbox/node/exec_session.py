"""A process started by `exec`, or an attachment to a running one, as the API server streams it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence

from sandbox.apiserver.node_api import TerminalSize
from sandbox.node.console import ConsoleSocket, resize
from sandbox.node.descriptors import pieces, write_all
from sandbox.node.host import Host
from sandbox.node.life import Life
from sandbox.node.process import Adopted
from sandbox.node.runtime import Stdio
from sandbox.node.spec import exec_process

_QUEUED = 256


class Execution:
    """An `ExecSession` around a process of its own."""

    def __init__(
        self, process: Adopted, stdin: int, stdout: int, stderr: int, *, tty: bool
    ) -> None:
        """The descriptors become the session's; with `tty` all three are the terminal, -1 is none."""
        self._process = process
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._tty = tty
        for descriptor in self._open():
            os.set_blocking(descriptor, False)

    async def write_stdin(self, data: bytes) -> None:
        if self._stdin >= 0:
            with contextlib.suppress(BrokenPipeError, OSError):
                await write_all(self._stdin, data)

    async def close_stdin(self) -> None:
        if self._stdin >= 0 and not self._tty:
            os.close(self._stdin)
        self._stdin = -1

    async def resize(self, size: TerminalSize) -> None:
        if self._tty and self._stdout >= 0:
            resize(self._stdout, size.width, size.height)

    async def stdout(self) -> AsyncIterator[bytes]:
        if self._stdout >= 0:
            async for piece in pieces(self._stdout):
                yield piece

    async def stderr(self) -> AsyncIterator[bytes]:
        if self._stderr >= 0 and not self._tty:
            async for piece in pieces(self._stderr):
                yield piece

    async def wait(self) -> int:
        return (await self._process.wait()).code

    async def close(self) -> None:
        self._process.kill(signal.SIGKILL)
        for descriptor in self._open():
            os.close(descriptor)
        self._stdin = self._stdout = self._stderr = -1

    def _open(self) -> set[int]:
        return {self._stdin, self._stdout, self._stderr} - {-1}


async def execute(
    host: Host, life: Life, command: Sequence[str], *, stdin: bool, tty: bool
) -> Execution:
    """Start `command` in a running container. Raises StartError."""
    described = exec_process(life.prepared.config["process"], list(command), tty=tty)
    if tty:
        with ConsoleSocket() as console:
            process, terminal = await asyncio.gather(
                host.runc.exec(life.prepared.id, described, Stdio(), console.path),
                console.terminal(),
            )
        return Execution(process, terminal if stdin else -1, terminal, terminal, tty=True)
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:

        def pipe() -> tuple[int, int]:
            return os.pipe()

        in_read, in_write = pipe() if stdin else (-1, -1)
        out_read, out_write = pipe()
        err_read, err_write = pipe()
        for descriptor in {in_read, out_write, err_write} - {-1}:
            theirs.callback(os.close, descriptor)
        for descriptor in {in_write, out_read, err_read} - {-1}:
            ours.callback(os.close, descriptor)
        process = await host.runc.exec(
            life.prepared.id, described, Stdio(in_read, out_write, err_write)
        )
        ours.pop_all()
    return Execution(process, in_write, out_read, err_read, tty=False)


class Attachment:
    """An `ExecSession` on the container's own process: what it writes from now on, and its stdin."""

    def __init__(self, life: Life, *, stdin: bool, tty: bool) -> None:
        self._life = life
        self._stdin = stdin
        self._tty = tty
        self._queues: dict[str, asyncio.Queue[bytes | None]] = {
            stream: asyncio.Queue(_QUEUED) for stream in ("stdout", "stderr")
        }
        self._unlisten = life.log.listen(self._take)
        self._watch = asyncio.create_task(self._until_end())

    async def write_stdin(self, data: bytes) -> None:
        if self._stdin and self._life.stdin >= 0:
            os.set_blocking(self._life.stdin, False)
            with contextlib.suppress(OSError):
                await write_all(self._life.stdin, data)

    async def close_stdin(self) -> None:
        """The container's stdin outlives an attachment, unless it asked for `stdinOnce`."""

    async def resize(self, size: TerminalSize) -> None:
        if self._life.terminal >= 0:
            resize(self._life.terminal, size.width, size.height)

    async def stdout(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces("stdout"):
            yield piece

    async def stderr(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces("stderr"):
            yield piece

    async def wait(self) -> int:
        return (await self._life.process.wait()).code

    async def close(self) -> None:
        self._unlisten()
        self._watch.cancel()

    async def _pieces(self, stream: str) -> AsyncIterator[bytes]:
        while (piece := await self._queues[stream].get()) is not None:
            yield piece

    def _take(self, stream: str, data: bytes) -> None:
        """A reader that does not keep up loses output, never the container its pace."""
        with contextlib.suppress(asyncio.QueueFull):
            self._queues[stream].put_nowait(data)

    async def _until_end(self) -> None:
        while not self._life.log.closed:
            await self._life.log.changed()
        for queue in self._queues.values():
            await queue.put(None)
