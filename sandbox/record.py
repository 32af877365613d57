"""Which process is the sandbox: its pid together with when it started.

A pid alone may belong to somebody else by now, so nothing is ever signalled on a pid alone.
"""

import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Daemon:
    pid: int
    start_time: int
    """Clock ticks after boot, from /proc: with the pid it names one process for good."""
    started_at: float
    """Seconds since the epoch, for people."""
    server: str
    """The API server's address."""

    def alive(self) -> bool:
        return start_time(self.pid) == self.start_time

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still that process."""
        try:
            # The descriptor pins the process, so the check and the signal are about the same one.
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)


def start_time(pid: int) -> int | None:
    """When the process started, in ticks after boot; None when there is none, or a zombie.

    Its first thread alone may be one for some moments, while others still hold its files and ports.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, and may hold anything.
    fields = text.rpartition(")")[2].split()
    over = fields[0] in ("Z", "X") and int(fields[17]) <= 1
    return None if over else int(fields[19])


def this_process(server: str) -> Daemon:
    started = start_time(os.getpid())
    assert started is not None
    return Daemon(os.getpid(), started, time.time(), server)


def write(path: Path, daemon: Daemon) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(daemon)))
    partial.replace(path)


def read(path: Path) -> Daemon | None:
    """The recorded daemon, alive or not; None without a record, or with one that is no record."""
    try:
        return Daemon(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def read_alive(path: Path) -> Daemon | None:
    found = read(path)
    return found if found is not None and found.alive() else None
