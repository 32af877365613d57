"""What the API server asks of the node agent: logs, exec and connections into pods.

The node agent implements `NodeApi`; the app gets it injected (`App(node=...)`). Errors are raised
as `sandbox.apiserver.errors.ApiError`s before anything is streamed: NotFoundError for a pod the node
does not run, BadRequestError for a container that is not there or not started (the texts kubectl
shows, such as `container "web" in pod "web-1" is waiting to start: ContainerCreating`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sandbox.apiserver.objects import Obj


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The query of `pods/log`."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    """Each line is prefixed by its RFC 3339 time with nanoseconds and a space."""
    tail_lines: int | None = None
    since_seconds: int | None = None
    since_time: str | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TerminalSize:
    width: int
    height: int


class ExecSession(Protocol):
    """One process started by exec, seen from the API server.

    The server reads stdout and stderr until both end, then awaits `wait`. With a terminal everything
    arrives on stdout. `close` is always called at the end and kills what still runs.
    """

    async def write_stdin(self, data: bytes) -> None: ...

    async def close_stdin(self) -> None: ...

    async def resize(self, size: TerminalSize) -> None: ...

    def stdout(self) -> AsyncIterator[bytes]: ...

    def stderr(self) -> AsyncIterator[bytes]: ...

    async def wait(self) -> int:
        """The exit code (128 + signal when killed)."""
        ...

    async def close(self) -> None: ...


class NodeApi(Protocol):
    async def logs(self, pod: Obj, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Awaited once (errors are raised here); then yields pieces of the log as they come.

        With `follow` it ends when the container does. `aclose` is called when the client goes.
        """
        ...

    async def exec(
        self, pod: Obj, container: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession: ...

    async def attach(self, pod: Obj, container: str, *, stdin: bool, tty: bool) -> ExecSession: ...

    async def port_forward(
        self, pod: Obj, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to the port on the pod's own loopback, as the kubelet does.

        OSError when nothing listens there.
        """
        ...
