"""Two pods and the wire between them, as network namespaces."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class BenchError(Exception):
    """Something the benchmark needs failed; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A network namespace with one address."""

    name: str
    ip: str

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in this pod."""
        return ["ip", "netns", "exec", self.name, *command]


CLIENT = Pod("weft-bench-client", "10.252.0.1")
SERVER = Pod("weft-bench-server", "10.252.0.2")
SERVICE_PORT = 8080


def crowd(count: int) -> list[str]:
    """So many addresses with ports that no packet reaches."""
    return [f"10.253.{number // 250}.{number % 250 + 1}:{SERVICE_PORT}" for number in range(count)]


@contextmanager
def two_pods() -> Iterator[None]:
    """Make the namespaces; remove them, and leftovers of an earlier run, in any case."""
    _remove()
    try:
        for pod in (CLIENT, SERVER):
            run("ip", "netns", "add", pod.name)
        run(
            "ip", "link", "add", "eth0", "netns", CLIENT.name, "type", "veth",
            "peer", "name", "eth0", "netns", SERVER.name,
        )  # fmt: skip
        for pod in (CLIENT, SERVER):
            run(*pod.inside("ip", "address", "add", f"{pod.ip}/24", "dev", "eth0"))
            run(*pod.inside("ip", "link", "set", "eth0", "up"))
            run(*pod.inside("ip", "link", "set", "lo", "up"))
        yield
    finally:
        _remove()


def run(*command: str) -> str:
    """Run a command to its end. Raises BenchError with what it said."""
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if result.returncode:
        raise BenchError(f"`{_shown(command)}` failed: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def _remove() -> None:
    for pod in (CLIENT, SERVER):
        subprocess.run(["ip", "netns", "delete", pod.name], capture_output=True, check=False)


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)
