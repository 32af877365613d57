"""One life of a container: from its start to how it ended."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

from sandbox.node import mounts
from sandbox.node.bundle import Prepared, discard, last_words
from sandbox.node.capture import Capture
from sandbox.node.console import ConsoleSocket
from sandbox.node.host import Host
from sandbox.node.logs import LogReader, LogWriter
from sandbox.node.objects import Object
from sandbox.node.process import Adopted, Exit
from sandbox.node.runtime import Stdio
from sandbox.node.spec import exec_process
from sandbox.node.status import Terminated

_DRAIN = 2.0
_TAIL_LINES = 80
_TAIL_BYTES = 2048


class Life:
    """A running container. `stdin` is the descriptor to write to, -1 when it has none."""

    def __init__(
        self,
        prepared: Prepared,
        process: Adopted,
        log: LogWriter,
        captures: list[Capture],
        stdin: int,
        terminal: int,
        started_at: float,
    ) -> None:
        self.prepared = prepared
        self.process = process
        self.log = log
        self.stdin = stdin
        self.terminal = terminal
        self.started_at = started_at
        self._captures = captures

    def __repr__(self) -> str:
        return f"<life {self.prepared.id} {self.process!r}>"

    async def execute(
        self, host: Host, command: list[str], within: float | None
    ) -> tuple[int, bytes]:
        """Run a command inside to its end: exit code and all it wrote. Raises StartError, TimeoutError."""
        read, write = os.pipe()
        output = bytearray()
        capture = Capture(read, output.extend)
        try:
            try:
                described = exec_process(self.prepared.config["process"], command, tty=False)
                process = await host.runc.exec(self.prepared.id, described, Stdio(-1, write, write))
            finally:
                os.close(write)
            try:
                async with asyncio.timeout(within):
                    ended = await process.wait()
            finally:
                process.kill(signal.SIGKILL)
            await capture.wait(_DRAIN)
        finally:
            capture.close()
        return ended.code, bytes(output)

    async def ended(self, host: Host, container: Object) -> Terminated:
        """Wait for its end, read what it left, and say how it was."""
        how = await self.process.wait()
        finished = host.clock()
        for capture in self._captures:
            await capture.wait(_DRAIN)
            capture.close()
        self.log.close()
        for descriptor in {self.stdin, self.terminal} - {-1}:
            os.close(descriptor)
        self.stdin = self.terminal = -1
        return Terminated(
            exit_code=how.code,
            reason=_reason(how, host.cgroups.oom_killed(self.prepared.id)),
            started_at=self.started_at,
            finished_at=finished,
            container_id=container_id(self.prepared.id),
            message=self._message(container, how),
        )

    def _message(self, container: Object, how: Exit) -> str:
        words = last_words(self.prepared)
        fallback = container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if words or how.code == 0 or not fallback:
            return words
        reader = LogReader(self.log.path)
        try:
            lines = list(reader.lines())[-_TAIL_LINES:]
        finally:
            reader.close()
        text = b"".join(line.render(timestamps=False) for line in lines)
        return text[-_TAIL_BYTES:].decode(errors="replace")


async def begin(host: Host, prepared: Prepared, container: Object) -> Life:
    """Start a prepared container. Raises StartError, OSError; then nothing of it is left."""
    log = LogWriter(prepared.log)
    with ExitStack() as ours:
        ours.callback(discard, prepared.directory)
        ours.callback(log.close)
        if container.get("tty"):
            process, terminal = await _start_on_terminal(host, prepared)
            stdin = terminal if container.get("stdin") else -1
            captures = [Capture(os.dup(terminal), _feed(log, "stdout"))]
        else:
            terminal = -1
            process, stdin, captures = await _start_on_pipes(host, prepared, container, log)
        ours.pop_all()
    # The container holds its root file system in a namespace of its own. Gone from ours, it costs
    # nothing when the next container's namespace is made from it.
    mounts.unmount(prepared.rootfs)
    return Life(prepared, process, log, captures, stdin, terminal, host.clock())


async def remove(host: Host, prepared: Prepared) -> None:
    """Forget a container that has ended, and its file system."""
    await host.runc.delete(prepared.id)
    await asyncio.to_thread(discard, prepared.directory)


def container_id(identity: str) -> str:
    return f"runc://{identity}"


async def _start_on_terminal(host: Host, prepared: Prepared) -> tuple[Adopted, int]:
    with ConsoleSocket() as console:
        process, terminal = await asyncio.gather(
            host.runc.start(
                prepared.id, prepared.directory, prepared.config, Stdio(), console.path
            ),
            console.terminal(),
        )
    return process, terminal


async def _start_on_pipes(
    host: Host, prepared: Prepared, container: Object, log: LogWriter
) -> tuple[Adopted, int, list[Capture]]:
    with ExitStack() as theirs, ExitStack() as ours:
        ends = []
        for _ in ("stdout", "stderr"):
            read, write = os.pipe()
            ours.callback(os.close, read)
            theirs.callback(os.close, write)
            ends.append((read, write))
        stdin_read = stdin_write = -1
        if container.get("stdin"):
            stdin_read, stdin_write = os.pipe()
            theirs.callback(os.close, stdin_read)
            ours.callback(os.close, stdin_write)
        io = Stdio(stdin_read, ends[0][1], ends[1][1])
        process = await host.runc.start(prepared.id, prepared.directory, prepared.config, io, None)
        ours.pop_all()
    captures = [
        Capture(read, _feed(log, stream))
        for (read, _), stream in zip(ends, ("stdout", "stderr"), strict=True)
    ]
    return process, stdin_write, captures


def _feed(log: LogWriter, stream: str) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        if not log.closed:
            log.feed(stream, data)

    return take


def _reason(how: Exit, out_of_memory: bool) -> str:
    if out_of_memory and how.signal == signal.SIGKILL:
        return "OOMKilled"
    return "Completed" if how.code == 0 else "Error"
