"""exec and attach over websockets (`v5.channel.k8s.io`, `v4.channel.k8s.io`)."""

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.apiserver.errors import ApiError, BadRequestError, InternalError
from sandbox.apiserver.node_api import ExecSession, NodeApi, TerminalSize
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import flag
from sandbox.apiserver.streams.channels import EXEC_PROTOCOLS, Channel, choose, exit_status, frame


async def converse(
    socket: WebSocket, node: NodeApi, pod: Obj, container: str, *, attach: bool
) -> None:
    """Starts the process, then accepts the socket: errors of the start are plain HTTP answers."""
    protocol = choose(socket.scope.get("subprotocols", []), EXEC_PROTOCOLS)
    if protocol is None:
        raise BadRequestError(
            f"none of the offered protocols is served: {', '.join(EXEC_PROTOCOLS)}"
        )
    query = socket.query_params
    stdin, tty = flag(query, "stdin"), flag(query, "tty")
    if attach:
        session = await node.attach(pod, container, stdin=stdin, tty=tty)
    else:
        command = query.getlist("command")
        if not command:
            raise BadRequestError("you must specify at least one command for the container")
        session = await node.exec(pod, container, command, stdin=stdin, tty=tty)
    try:
        await socket.accept(subprotocol=protocol)
        await _run(socket, session)
    except WebSocketDisconnect:
        pass
    finally:
        await session.close()


async def _run(socket: WebSocket, session: ExecSession) -> None:
    """Carries both ways until the process ended, then says how it ended."""
    incoming = asyncio.ensure_future(_receive(socket, session))
    outgoing = asyncio.ensure_future(_output(socket, session))
    try:
        await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
        if not outgoing.done():
            return
        await outgoing
        try:
            status = exit_status(await session.wait())
        except ApiError as error:
            status = json.dumps(error.status()).encode()
        except OSError as error:
            status = json.dumps(InternalError(str(error)).status()).encode()
        await socket.send_bytes(frame(Channel.ERROR, status))
        await socket.close()
    finally:
        for task in (incoming, outgoing):
            task.cancel()
        await asyncio.gather(incoming, outgoing, return_exceptions=True)


async def _output(socket: WebSocket, session: ExecSession) -> None:
    await asyncio.gather(
        _copy(socket, Channel.STDOUT, session.stdout()),
        _copy(socket, Channel.STDERR, session.stderr()),
    )


async def _copy(socket: WebSocket, channel: Channel, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        if piece:
            await socket.send_bytes(frame(channel, piece))


async def _receive(socket: WebSocket, session: ExecSession) -> None:
    """Ends only when the client goes."""
    while True:
        try:
            message = await socket.receive_bytes()
        except (WebSocketDisconnect, KeyError):
            return
        if not message:
            continue
        channel, data = message[0], message[1:]
        if channel == Channel.STDIN:
            if data:
                await session.write_stdin(data)
        elif channel == Channel.RESIZE:
            size = json.loads(data)
            await session.resize(TerminalSize(int(size["Width"]), int(size["Height"])))
        elif channel == Channel.CLOSE and data[:1] == bytes([Channel.STDIN]):
            await session.close_stdin()
