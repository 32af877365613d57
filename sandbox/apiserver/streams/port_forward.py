"""pods/portforward over websockets, `v4.channel.k8s.io`: two channels a port, data and error."""

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.apiserver.errors import BadRequestError
from sandbox.apiserver.node_api import NodeApi
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.streams.channels import PORT_FORWARD_PROTOCOL, choose, frame, port_header

PIECE = 32 * 1024
Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def ports_of(query: list[str]) -> list[int]:
    """`ports=80,81&ports=82`. BadRequestError for none, or for what is no port."""
    found: list[int] = []
    for text in ",".join(query).split(","):
        if not text.isdigit() or not 1 <= int(text) <= 65535:
            raise BadRequestError(f"query parameter ports: invalid port {text!r}")
        found.append(int(text))
    return found


async def converse(socket: WebSocket, node: NodeApi, pod: Obj) -> None:
    if choose(socket.scope.get("subprotocols", []), (PORT_FORWARD_PROTOCOL,)) is None:
        raise BadRequestError(f"port-forwarding is served as {PORT_FORWARD_PROTOCOL} only")
    ports = ports_of(socket.query_params.getlist("ports"))
    await socket.accept(subprotocol=PORT_FORWARD_PROTOCOL)
    pipes: dict[int, Pipe] = {}
    tasks: list[asyncio.Future[None]] = []
    try:
        for at, port in enumerate(ports):
            await socket.send_bytes(frame(2 * at, port_header(port)))
            await socket.send_bytes(frame(2 * at + 1, port_header(port)))
        for at, port in enumerate(ports):
            try:
                pipes[2 * at] = await node.port_forward(pod, port)
            except OSError as error:
                why = f"error forwarding port {port} to pod: {error}"
                await socket.send_bytes(frame(2 * at + 1, why.encode()))
        tasks = [
            asyncio.ensure_future(_upstream(socket, channel, pipe[0]))
            for channel, pipe in pipes.items()
        ]
        receiving = asyncio.ensure_future(_downstream(socket, pipes))
        tasks.append(receiving)
        sending = set(tasks[:-1])
        # The socket lives until the client goes, or every connection was ended by the pod.
        while sending and not receiving.done():
            done, _ = await asyncio.wait({receiving, *sending}, return_when=asyncio.FIRST_COMPLETED)
            sending -= done
        if not receiving.done():
            await socket.close()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in pipes.values():
            writer.close()


async def _upstream(socket: WebSocket, channel: int, reader: asyncio.StreamReader) -> None:
    while piece := await reader.read(PIECE):
        await socket.send_bytes(frame(channel, piece))


async def _downstream(socket: WebSocket, pipes: dict[int, Pipe]) -> None:
    while True:
        try:
            message = await socket.receive_bytes()
        except (WebSocketDisconnect, KeyError):
            return
        pipe = pipes.get(message[0]) if message else None
        if pipe is not None:
            pipe[1].write(message[1:])
            await pipe[1].drain()
