"""What the API server asks of the node: logs, exec, attach and port-forward."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

from sandbox.apiserver.errors import BadRequestError, InternalError, NotFoundError
from sandbox.apiserver.kinds import POD
from sandbox.apiserver.node_api import ExecSession, LogOptions
from sandbox.node import netns
from sandbox.node.container import ContainerRun
from sandbox.node.exec_session import Attachment, execute
from sandbox.node.host import Host
from sandbox.node.life import Life
from sandbox.node.logs import Line, LogReader, LogWriter, follow, rfc3339_nano, select
from sandbox.node.objects import Object, name, parse_time
from sandbox.node.pod import PodWorker
from sandbox.node.runtime import StartError
from sandbox.node.status import Waiting

_NANO = 1_000_000_000


class NodeStreams:
    """Implements `sandbox.apiserver.node_api.NodeApi`."""

    def __init__(self, host: Host, worker_of: Callable[[Object], PodWorker | None]) -> None:
        self._host = host
        self._worker_of = worker_of

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        run = self._run(pod, container)
        path = _log_path(run, pod, previous=options.previous)
        try:
            reader = LogReader(path)
        except FileNotFoundError:
            raise BadRequestError(_not_started(run, pod)) from None
        try:
            chosen = select(reader.lines(), since=_since(options), tail=options.tail_lines)
        except ValueError as error:
            reader.close()
            raise BadRequestError(f"sinceTime: {error}") from error
        live = run.log if options.follow and not options.previous else None
        return _rendered(reader, chosen, live, options)

    async def exec(
        self, pod: Object, container: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        life = self._life(pod, container)
        try:
            return await execute(self._host, life, command, stdin=stdin, tty=tty)
        except StartError as error:
            raise InternalError(f"error executing command in container: {error}") from error

    async def attach(self, pod: Object, container: str, *, stdin: bool, tty: bool) -> ExecSession:
        return Attachment(self._life(pod, container), stdin=stdin, tty=tty)

    async def port_forward(
        self, pod: Object, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        network = self._worker(pod).context.network
        if network is None:
            raise BadRequestError(f"pod {name(pod)} has no network yet")
        sock = await netns.dial(network.namespace, "127.0.0.1", port)
        return await asyncio.open_connection(sock=sock)

    def _worker(self, pod: Object) -> PodWorker:
        worker = self._worker_of(pod)
        if worker is None:
            raise NotFoundError.of(POD, name(pod))
        return worker

    def _run(self, pod: Object, container: str) -> ContainerRun:
        run = self._worker(pod).find(container)
        if run is None:
            raise BadRequestError(f"container {container} is not valid for pod {name(pod)}")
        return run

    def _life(self, pod: Object, container: str) -> Life:
        run = self._run(pod, container)
        if run.life is None:
            raise BadRequestError(f'container "{container}" in pod "{name(pod)}" is not running')
        return run.life


def _log_path(run: ContainerRun, pod: Object, *, previous: bool) -> Path:
    attempt = run.attempt
    if previous and not isinstance(run.view.state, Waiting):
        attempt -= 1
    if previous and run.view.last is None:
        raise BadRequestError(
            f'previous terminated container "{run.name}" in pod "{name(pod)}" not found'
        )
    return run.log_path(attempt)


def _not_started(run: ContainerRun, pod: Object) -> str:
    state = run.view.state
    reason = state.reason if isinstance(state, Waiting) else "ContainerCreating"
    return f'container "{run.name}" in pod "{name(pod)}" is waiting to start: {reason}'


def _since(options: LogOptions) -> str:
    """The time of the oldest wanted line, in the log's own form. Raises ValueError."""
    if options.since_time is not None:
        return rfc3339_nano(int(parse_time(options.since_time) * _NANO))
    if options.since_seconds is not None:
        return rfc3339_nano(time.time_ns() - options.since_seconds * _NANO)
    return ""


async def _rendered(
    reader: LogReader, chosen: Iterable[Line], live: LogWriter | None, options: LogOptions
) -> AsyncIterator[bytes]:
    """Many lines in one piece where many are there."""
    left = options.limit_bytes
    try:
        ready = b"".join(one.render(timestamps=options.timestamps) for one in chosen)
        if left is not None:
            ready, left = ready[:left], left - len(ready[:left])
        if ready:
            yield ready
        if live is None:
            return
        async with contextlib.aclosing(follow(reader, live)) as lines:
            async for line in lines:
                piece = line.render(timestamps=options.timestamps)[:left]
                left = None if left is None else left - len(piece)
                if left is not None and not piece:
                    return
                yield piece
    finally:
        reader.close()
