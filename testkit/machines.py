"""Machines of a test: network namespaces with an address each, on one wire. Needs root.

with wired(Machine("vm", "10.251.0.1"), Machine("pod", "10.251.0.2")) as (vm, pod):
    with vm.entered():
        ...     # sockets, threads and processes made here are that machine's
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class MachineError(Exception):
    """A command that makes a machine failed; the message says which, and what it said."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A network namespace with one address."""

    name: str
    ip: str

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` on this machine."""
        return ["ip", "netns", "exec", self.name, *command]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread stands in this machine's network, and so does what it starts meanwhile."""
        with Path("/proc/thread-self/ns/net").open("rb") as home:
            with Path("/run/netns", self.name).open("rb") as here:
                _enter(here.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


@contextmanager
def wired(one: Machine, other: Machine) -> Iterator[tuple[Machine, Machine]]:
    """Make two machines and the wire between them; remove them, and leftovers of their names, in any
    case. Raises MachineError."""
    _remove(one, other)
    try:
        for machine in (one, other):
            run("ip", "netns", "add", machine.name)
        run(
            "ip", "link", "add", "eth0", "netns", one.name, "type", "veth",
            "peer", "name", "eth0", "netns", other.name,
        )  # fmt: skip
        for machine in (one, other):
            run(*machine.inside("ip", "address", "add", f"{machine.ip}/24", "dev", "eth0"))
            run(*machine.inside("ip", "link", "set", "eth0", "up"))
            run(*machine.inside("ip", "link", "set", "lo", "up"))
        yield one, other
    finally:
        _remove(one, other)


def run(*command: str) -> str:
    """Run a command to its end. Raises MachineError with what it said."""
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if result.returncode:
        said = (result.stderr or result.stdout).strip()
        raise MachineError(f"`{' '.join(command)}` failed: {said}")
    return result.stdout


def _remove(*machines: Machine) -> None:
    for machine in machines:
        with suppress(FileNotFoundError):
            subprocess.run(
                ["ip", "netns", "delete", machine.name], capture_output=True, check=False
            )


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
