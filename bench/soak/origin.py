"""The application of the soak, on one port: `python -m bench.soak.origin PORT`.

GET /small /large /chunks /slow /close    answers of every shape
GET /reset                                 the head of an answer, and then a reset
POST /echo                                 the length of what came
HTTP/2                                     gRPC: /soak/Unary and /soak/Stream
anything else                              bytes are sent back
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LARGE = 1_000_000
_CHUNK = bytes(10_000)
_METHODS = (b"GET ", b"POST")


async def main(port: int) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handlers(),))
    inner = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, EOFError):
            first = await reader.read(4)
            if first.startswith(b"PRI"):
                await _relay(first, reader, writer, inner)
            elif first in _METHODS:
                await _http1(first, reader, writer)
            else:
                await _echo(first, reader, writer)
        writer.close()

    listener = await asyncio.start_server(accept, "0.0.0.0", port, backlog=512)
    await listener.serve_forever()


# --- HTTP/1 -----------------------------------------------------------------------------------


async def _http1(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = first + await reader.readuntil(b"\r\n\r\n")
        first = b""
        path = head.split(b" ", 2)[1]
        if path == b"/echo":
            body = await reader.readexactly(_length(head))
            _answer(writer, b"%d" % len(body))
        elif path == b"/large":
            _answer(writer, bytes(LARGE))
        elif path == b"/chunks":
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(10):
                writer.write(b"%x\r\n%b\r\n" % (len(_CHUNK), _CHUNK))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        elif path == b"/slow":
            await asyncio.sleep(0.3)
            _answer(writer, b"at last")
        elif path == b"/reset":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf")
            await writer.drain()
            reset(writer)
            return
        elif path == b"/close":
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end")
            return
        else:
            _answer(writer, b"ok")
        await writer.drain()


def _answer(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection at once, without a goodbye."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# --- bytes ------------------------------------------------------------------------------------


async def _echo(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    data = first
    while data:
        writer.write(data)
        await writer.drain()
        data = await reader.read(65_536)
    writer.write_eof()


async def _relay(
    first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    """HTTP/2 is answered by the gRPC server, which listens for itself alone."""
    from_inner, to_inner = await asyncio.open_connection("127.0.0.1", port)
    to_inner.write(first)
    await asyncio.gather(_pump(reader, to_inner), _pump(from_inner, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


# --- gRPC -------------------------------------------------------------------------------------


async def _unary(request: bytes, _: object) -> bytes:
    return request


async def _stream(request: bytes, _: object) -> AsyncIterator[bytes]:
    for _number in range(20):
        yield request
        await asyncio.sleep(0.01)


def _handlers() -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        "soak",
        {
            "Unary": grpc.unary_unary_rpc_method_handler(_unary),
            "Stream": grpc.unary_stream_rpc_method_handler(_stream),
        },
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
