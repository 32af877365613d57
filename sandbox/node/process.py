"""Programs and process ids: run a command, adopt a container's first process, learn how it ended.

`runc` leaves a container behind as an orphan. The sandbox is a child subreaper, so the orphan
becomes its child: a pidfd says when it has ended and `waitid` how, with no process in between.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


class CommandError(Exception):
    """A command that failed; the message is what it said, shortened to its last lines."""

    def __init__(self, argv: Sequence[str], code: int, output: str) -> None:
        said = output.strip()[-1000:] or f"exit status {code}"
        super().__init__(f"{argv[0]}: {said}")
        self.code = code
        self.output = output


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended. `code` is 128 + signal when a signal ended it, as shells count."""

    code: int
    signal: int = 0


def become_subreaper() -> None:
    """Orphans of our children become our children. Raises OSError."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


async def run(*argv: str, data: bytes = b"", within: float = 60.0) -> bytes:
    """Run a command to its end and return its output. Raises CommandError, also when late."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate(data or None)
    except TimeoutError:
        raise CommandError(argv, -1, f"no end within {within:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise CommandError(argv, process.returncode, (err or out).decode(errors="replace"))
    return out


class Adopted:
    """A process that became our child by orphanage. `wait` may be awaited by many, any number of times."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError when there is no such process (it was never ours)."""
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._pidfd, self._collect)

    def __repr__(self) -> str:
        return f"<process {self.pid} {self._ended.result() if self._ended.done() else 'running'}>"

    @property
    def ended(self) -> bool:
        return self._ended.done()

    async def wait(self) -> Exit:
        return await asyncio.shield(self._ended)

    def kill(self, number: int) -> None:
        """Send a signal; a process that has ended is left in peace."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _collect(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        try:
            result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        except ChildProcessError:
            result = None
        os.close(self._pidfd)
        if not self._ended.done():
            self._ended.set_result(_exit_of(result))


def _exit_of(result: os.waitid_result | None) -> Exit:
    if result is None:
        return Exit(255)
    if result.si_code == os.CLD_EXITED:
        return Exit(result.si_status)
    return Exit(128 + result.si_status, result.si_status)
