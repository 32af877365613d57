"""Two pods and the wire between them, as network namespaces."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from testkit import machines
from testkit.machines import Machine, MachineError, wired

if TYPE_CHECKING:
    from collections.abc import Iterator


class BenchError(Exception):
    """Something the benchmark needs failed; the message says what and why."""


Pod = Machine

CLIENT = Pod("weft-bench-client", "10.252.0.1")
SERVER = Pod("weft-bench-server", "10.252.0.2")
SERVICE_PORT = 8080


def crowd(count: int) -> list[str]:
    """So many addresses with ports that no packet reaches."""
    return [f"10.253.{number // 250}.{number % 250 + 1}:{SERVICE_PORT}" for number in range(count)]


@contextmanager
def two_pods() -> Iterator[None]:
    """Make the namespaces; remove them, and leftovers of an earlier run, in any case. Raises BenchError."""
    with ExitStack() as made:
        try:
            made.enter_context(wired(CLIENT, SERVER))
        except MachineError as error:
            raise BenchError(str(error)) from error
        yield


def run(*command: str) -> str:
    """Run a command to its end. Raises BenchError with what it said."""
    try:
        return machines.run(*command)
    except MachineError as error:
        raise BenchError(str(error)) from error
