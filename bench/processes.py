"""Programs in pods: started pinned to a core, measured, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.namespaces import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.namespaces import Pod

PROXY_CORE = "0"
OTHER_CORE = "1"
AS_NOBODY = (
    "setpriv", "--reuid=65534", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip
"""Load runs as nobody, for what root sends is the proxies' own and let past the redirect. Nobody may
still read: a checkout of root's is often below a folder of root's alone."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Program:
    """A running program."""

    name: str
    pid: int
    log: Path
    started: float
    """Monotonic seconds."""
    ready: float = 0.0
    """Seconds from the start until it said that it is ready; 0 where nobody asked."""

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def waiting_seconds(self) -> float:
        """Time in which its threads were ready to run and did not, so far."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[1]) for one in tasks) / 1e9

    def resident_mb(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 1e6


def environment() -> dict[str, str]:
    """Ours, so that programs in Python find what we find."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@contextmanager
def program(
    pod: Pod,
    name: str,
    *command: str,
    core: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Run a program in a pod until the block ends. `ip netns exec` becomes it: the pid is its own."""
    log = folder / f"{pod.name}-{name}.log"
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", core, *pod.inside(*command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**environment(), **(env or {})},
        )
    try:
        yield Program(name, process.pid, log, started)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@contextmanager
def told(pod: Pod, *arguments: str, as_nobody: bool = False) -> Iterator[Callable[[], str]]:
    """Run `bench.client` in a pod until the block ends; call for the next line it prints.

    The call raises BenchError when it ended instead.
    """
    command = [sys.executable, "-m", "bench.client", *arguments]
    if as_nobody:
        command = [*AS_NOBODY, *command]
    process = subprocess.Popen(
        ["taskset", "-c", OTHER_CORE, *pod.inside(*command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines = process.stdout

    def next_line() -> str:
        line = lines.readline().strip()
        if not line:
            _, said = process.communicate()
            raise BenchError(f"`{' '.join(arguments)}` in {pod.name} failed: {said.strip()}")
        return line

    try:
        yield next_line
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        lines.close()
        if process.stderr is not None:
            process.stderr.close()


def wait_listening(pod: Pod, port: int, *, seconds: float = 20) -> None:
    """Until something listens on the port in the pod. Raises BenchError."""
    deadline = time.monotonic() + seconds
    while True:
        listing = subprocess.run(
            pod.inside("ss", "-Hltn", f"sport = :{port}"),
            capture_output=True,
            text=True,
            check=False,
        )
        if listing.stdout.strip():
            return
        if time.monotonic() > deadline:
            raise BenchError(f"nothing listens on port {port} of {pod.name} after {seconds:.0f} s")
        time.sleep(0.05)
