"""Starting daemons and ending them: only what was started here, by recorded process id."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from sandbox.record import start_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.kubernetes.cluster.places import Places


class ClusterError(Exception):
    """The cluster cannot do what was asked; the message says which part and what it said."""


def start(places: Places, name: str, *command: str, env: Mapping[str, str] | None = None) -> None:
    """Start a daemon in a session of its own; its output goes to a log file."""
    places.logs.mkdir(parents=True, exist_ok=True)
    places.pids.mkdir(parents=True, exist_ok=True)
    with (places.logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
    (places.pids / name).write_text(f"{process.pid} {start_time(process.pid)}")


def stop(places: Places, *names: str, at_once: bool = False) -> None:
    """End daemons: gently with five seconds of patience, or at once."""
    for name in names:
        record = places.pids / name
        pid = _recorded(record)
        if pid is not None:
            _signal(pid, signal.SIGKILL if at_once else signal.SIGTERM)
            if not _gone(pid, 5.0):
                _signal(pid, signal.SIGKILL)
                _gone(pid, 5.0)
        record.unlink(missing_ok=True)


def is_running(places: Places, name: str) -> bool:
    return _recorded(places.pids / name) is not None


def run(*command: str, given: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; returns its stdout. Raises ClusterError with what it said."""
    result = subprocess.run(
        command,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if result.returncode:
        said = (result.stdout + result.stderr).strip()[-3000:]
        raise ClusterError(f"`{' '.join(command)}` ended with {result.returncode}: {said}")
    return result.stdout


def wait_until(what: str, condition: Callable[[], bool], *, seconds: float) -> None:
    """Ask again until the condition holds. Raises ClusterError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"after {seconds:.0f} s still waiting until {what}")
        time.sleep(0.1)


def _recorded(record: Path) -> int | None:
    """The process a record names, unless it ended or its number belongs to another by now."""
    try:
        pid, started = map(int, record.read_text().split())
    except (FileNotFoundError, ValueError):
        return None
    return pid if start_time(pid) == started else None


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while start_time(pid) is not None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
