"""The dashboard as a program in the background: `mesh dashboard`, until it is no longer wanted."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import TYPE_CHECKING

from deploy.demo.terminal import MESH, ROOT, StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.demo.terminal import Terminal

END = 10.0  # seconds it may take to end


@contextlib.contextmanager
def serving(terminal: Terminal, port: int | None = None, *flags: str) -> Iterator[str]:
    """The URL at which this host's browser finds the dashboard, while the block runs.

    `port` None takes the usual one, or any when somebody has that; `flags` are more of `mesh`'s.
    Raises StepFailed.
    """
    process, url = _start(terminal, port, flags)
    if process is None and port is None:
        process, url = _start(terminal, 0, flags)
    if process is None:
        raise StepFailed(f"`mesh dashboard` did not start: {url}")
    try:
        yield url
    finally:
        _end(process)


def _start(
    terminal: Terminal, port: int | None, flags: tuple[str, ...]
) -> tuple[subprocess.Popen[str] | None, str]:
    """The process and its URL, or None and what it said."""
    chosen = () if port is None else ("--port", str(port))
    process = subprocess.Popen(
        [*MESH, "dashboard", "--show", "url", *chosen, *flags],
        cwd=ROOT,
        env=dict(terminal.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us to see
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()  # that it is available
    url = process.stdout.readline().strip()
    if url:
        return process, url
    said = process.stderr.read().strip()
    _end(process)
    return None, said


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
