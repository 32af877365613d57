"""Programs in pods: started pinned to a core, measured, and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.namespaces import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.namespaces import Pod

PROXY_CORE = "0"
OTHER_CORE = "1"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Program:
    """A running program."""

    name: str
    pid: int
    log: Path

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mb(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 1e6


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
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["taskset", "-c", core, *pod.inside(*command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
    try:
        yield Program(name, process.pid, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


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
