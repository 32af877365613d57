"""One admin server for the several processes of a proxy: what the leader answers.

The leader answers by itself first, asks its siblings the same where they have a part in the answer,
and makes one answer of all.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
from dataclasses import replace
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.admin.routes import JSON, Facts, Request, Response, answer, packed
from proxy.admin.server import AdminConnection, AdminServer
from proxy.codec.http1 import Http1ClientCodec
from proxy.codec.message import HTTP_1_1, Headers, RequestHead
from proxy.cores import END
from proxy.net.faults import KEPT
from proxy.telemetry.merge import merge

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from proxy.admin.server import Answer
    from proxy.cores import Ways

_log = logging.getLogger("proxy.admin")

PATIENCE = 5.0
"""Seconds a sibling may take to answer."""

READ_SIZE = 1 << 16


class Ending(Protocol):
    """How the process is told to end."""

    @property
    def requested(self) -> trio.Event: ...

    @property
    def at_once(self) -> trio.Event: ...

    def end_at_once(self) -> None: ...


class SiblingError(Exception):
    """A sibling gave no answer."""


class _Question:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.answer: Response | None = None
        self.answered = trio.Event()


class Sibling:
    """The admin connection to another process: one question after another, each answered to its
    end, whether or not whoever asked still waits."""

    def __init__(self, channel: socket.socket) -> None:
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(channel))
        self._asking, self._asked = trio.open_memory_channel[_Question](math.inf)

    async def ask(self, request: Request) -> Response:
        """Its answer. Raises SiblingError when there is none in time."""
        question = _Question(request)
        self._asking.send_nowait(question)
        with trio.move_on_after(PATIENCE):
            await question.answered.wait()
        if question.answer is None:
            raise SiblingError("a process of this proxy does not answer")
        return question.answer

    async def run(self) -> None:
        """Carry questions until the other process has ended."""
        with contextlib.suppress(trio.BrokenResourceError):
            async for question in self._asked:
                question.answer = await self._exchange(question.request)
                question.answered.set()

    async def _exchange(self, request: Request) -> Response:
        codec = Http1ClientCodec()
        headers = Headers([("host", b"sibling")])
        size = len(request.body)
        head = RequestHead(request.method, request.target, "sibling", headers, HTTP_1_1, size)
        await self._stream.send_all(codec.write_head(head, not size) + request.body)
        while (found := codec.read_head(await self._more())) is None:
            pass
        answer, body, ended = found
        while not ended:
            more, ended = codec.read_body(await self._more())
            body += more
        kind = answer.headers.get("content-type", b"").decode("ascii")
        return Response(answer.status, body, kind)

    async def _more(self) -> bytes:
        data = bytes(await self._stream.receive_some(READ_SIZE))
        if not data:
            raise trio.BrokenResourceError
        return data


class Together:
    """Answers for this process and its siblings."""

    def __init__(self, facts: Facts, siblings: Sequence[Sibling]) -> None:
        self._facts = facts
        self._siblings = siblings

    async def answer(self, request: Request) -> Response:
        own = answer(self._facts, replace(request, headers=_unpacked(request)))
        path = request.target.partition("?")[0]
        # What is made of several answers needs their bodies, also if only its size is asked for.
        asked = replace(request, method="GET") if request.method == "HEAD" else request
        combine = _COMBINED.get((asked.method, path))
        if combine is None or own.status >= HTTPStatus.BAD_REQUEST:
            return own
        try:
            others = await self._ask(asked)
        except SiblingError as error:
            return Response(503, f"{error}\n".encode())
        return combine(request, [own, *others])

    async def _ask(self, request: Request) -> list[Response]:
        return [await sibling.ask(request) for sibling in self._siblings]


class Leader:
    """The admin server of a proxy of several processes, and their common end."""

    def __init__(
        self,
        face: Callable[[Answer], AdminServer],
        facts: Facts,
        ending: Ending,
        siblings: Mapping[int, Ways],
    ) -> None:
        """`face` makes the server of what all answer. `siblings`: by process id, the ways to each."""
        self._ending = ending
        self._pids = tuple(siblings)
        self._siblings = [Sibling(ways.admin) for ways in siblings.values()]
        self._server = face(Together(facts, self._siblings).answer)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_on, self._ending.requested)
            nursery.start_soon(self._pass_on, self._ending.at_once)
            for pid in self._pids:
                nursery.start_soon(self._watch, pid)
            for sibling in self._siblings:
                nursery.start_soon(sibling.run)
            await self._server.run()

    async def _pass_on(self, wish: trio.Event) -> None:
        await wish.wait()
        for pid in self._pids:
            os.kill(pid, END)

    async def _watch(self, pid: int) -> None:
        descriptor = os.pidfd_open(pid)
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            os.close(descriptor)
        if not self._ending.requested.is_set():
            _log.error("process %d of this proxy has ended: the others end as well", pid)
            self._ending.end_at_once()


class Follower:
    """A sibling's side: answers its leader, and ends when the leader does."""

    def __init__(self, leader: socket.socket, answer: Answer, ending: Ending) -> None:
        self._leader = leader
        self._answer = answer
        self._ending = ending

    async def run(self) -> None:
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(self._leader))
        questions = AdminConnection(stream, self._answer, is_local=True, idle_timeout=math.inf)
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await questions.run()
        _log.error("the leading process of this proxy has ended")
        self._ending.end_at_once()


def _unpacked(request: Request) -> dict[str, str]:
    """Answers are combined before they are compressed."""
    return {name: text for name, text in request.headers.items() if name != "accept-encoding"}


def _worst(request: Request, answers: Sequence[Response]) -> Response:
    """Ready when all are."""
    return max(answers, key=lambda one: one.status)


def _metrics(request: Request, answers: Sequence[Response]) -> Response:
    page = merge([one.body.decode() for one in answers])
    return packed(request, page.encode(), answers[0].content_type)


def _errors(request: Request, answers: Sequence[Response]) -> Response:
    faults = sorted(
        chain.from_iterable(json.loads(one.body) for one in answers),
        key=lambda fault: str(fault["time"]),
        reverse=True,
    )
    return Response(200, json.dumps(faults[:KEPT], indent=2).encode() + b"\n", JSON)


_COMBINED: dict[tuple[str, str], Callable[[Request, Sequence[Response]], Response]] = {
    ("GET", "/ready"): _worst,
    ("GET", "/metrics"): _metrics,
    ("GET", "/errors"): _errors,
    ("PUT", "/proxy-log-level"): _worst,
}
