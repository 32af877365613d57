"""`/ready?listening=8080,9090`: ready while something listens on these ports of the pod, too.

A kubelet's `tcpSocket` probe cannot tell any more: it is the proxy that takes its connection, and the
proxy is there before the application is. So the injector has the proxy's own readiness probe ask this.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import trio

from proxy.admin.routes import Request, Response
from weft.ports import PortError, parse_port
from weft.readiness import LISTENING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from proxy.admin.server import Answer

CONNECT_TIMEOUT = 0.4
"""Seconds for each address: a kubelet waits for one, and to this host it takes none."""


class ListeningError(ValueError):
    """A list that is none, or a port that is not the pod's own."""


def waiting_for_application(
    answer: Answer, ports: Collection[int], is_listening: Callable[[int], Awaitable[bool]]
) -> Answer:
    """The same answers, but for that one. `ports` are those that may be asked for: no one shall learn from a
    proxy what else listens in its pod."""

    async def answered(request: Request) -> Response:
        own = await answer(request)
        if own.status != HTTPStatus.OK or not request.target.startswith(LISTENING):
            return own
        try:
            asked = parse_listening(request.target.removeprefix(LISTENING), ports)
        except ListeningError as error:
            return Response(400, f"{error}\n".encode())
        for port in asked:
            if not await is_listening(port):
                return Response(503, f"not ready: nothing listens on port {port}\n".encode())
        return own

    return answered


def parse_listening(text: str, ports: Collection[int]) -> list[int]:
    """Raises ListeningError."""
    asked = []
    for part in text.split(","):
        try:
            port = parse_port(part)
        except PortError as error:
            raise ListeningError(str(error)) from None
        if port not in ports:
            known = ", ".join(map(str, sorted(ports))) or "none"
            raise ListeningError(f"{port} is no port of this pod: there are {known}")
        asked.append(port)
    return asked


async def is_listening(ips: Collection[str], port: int) -> bool:
    """Whether a connection to one of the pod's addresses can be made: an application may listen on one of two
    families."""
    for ip in ips:
        with trio.move_on_after(CONNECT_TIMEOUT), suppress(OSError):
            stream = await trio.open_tcp_stream(ip, port)
            await stream.aclose()
            return True
    return False
