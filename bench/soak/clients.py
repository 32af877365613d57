"""The clients of the soak: `python -m bench.soak.clients HOST PORT SECONDS`.

Each kind does one thing over and over. What it did and what failed that should not have is printed
as one line of JSON at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import grpc

from bench.soak.origin import LARGE, reset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

PAUSE = 0.05
"""Seconds between two things one client does."""
PATIENCE = 30.0
"""Seconds any one of them may take."""


class Clients:
    """Everything that one host and port is asked."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._channel = grpc.aio.insecure_channel(f"{host}:{port}")
        self._unary = self._channel.unary_unary("/soak/Unary", _as_it_is, _as_it_is)
        self._stream = self._channel.unary_stream("/soak/Stream", _as_it_is, _as_it_is)
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []

    async def run(self, seconds: float) -> None:
        kinds = (
            *(self.keeps_alive,) * 4,
            *(self.sends_bytes,) * 2,
            *(self.calls,) * 2,
            self.asks_once,
            self.leaves_early,
            self.meets_a_reset,
            self.reads_slowly,
            self.writes_slowly,
            self.resets_bytes,
            self.streams,
            self.cancels,
            self.says_nothing,
            self.says_garbage,
        )
        until = time.monotonic() + seconds
        await asyncio.gather(*(self._repeat(kind, until) for kind in kinds))
        await self._channel.close()

    async def _repeat(self, kind: Callable[[], Awaitable[None]], until: float) -> None:
        name = kind.__name__
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(PATIENCE):
                    await kind()
            except Exception as error:
                self.failed.append(f"{name}: {type(error).__name__}: {error}")
            else:
                self.done[name] += 1
            await asyncio.sleep(PAUSE)

    # --- HTTP/1 -------------------------------------------------------------------------------

    async def keeps_alive(self) -> None:
        async with self._connected() as (reader, writer):
            for _ in range(20):
                path = random.choice(("small", "small", "small", "large", "chunks", "slow", "echo"))
                if path == "echo":
                    await _post(reader, writer, bytes(random.randrange(200_000)))
                else:
                    await _get(reader, writer, path)

    async def asks_once(self) -> None:
        async with self._connected() as (reader, writer):
            writer.write(b"GET /close HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            if b"until the end" not in answer:
                raise ValueError(answer[:200])

    async def leaves_early(self) -> None:
        async with self._connected() as (reader, writer):
            writer.write(_head("GET", "large"))
            await reader.readexactly(10_000)
            reset(writer)

    async def meets_a_reset(self) -> None:
        async with self._connected() as (reader, writer):
            writer.write(_head("GET", "reset"))
            with contextlib.suppress(ConnectionResetError):
                answer = await reader.read()
                if answer.endswith(b"\r\n\r\n" + b"half" * 250):
                    raise ValueError("an answer that was cut off came whole")

    async def reads_slowly(self) -> None:
        async with self._connected(limit=16_384) as (reader, writer):
            writer.write(_head("GET", "large"))
            await reader.readuntil(b"\r\n\r\n")
            received = 0
            while received < LARGE:
                received += len(await reader.read(50_000))
                await asyncio.sleep(0.1)

    async def writes_slowly(self) -> None:
        async with self._connected() as (reader, writer):
            for byte in _head("GET", "small"):
                writer.write(bytes([byte]))
                await asyncio.sleep(0.01)
            await _answer(reader)

    # --- bytes --------------------------------------------------------------------------------

    async def sends_bytes(self) -> None:
        data = b"\0" + random.randbytes(random.randrange(300_000))
        async with self._connected() as (reader, writer):
            sending = asyncio.create_task(_send_all(writer, data))
            received = await reader.read(-1)
            await sending
            if not data.startswith(received):
                raise ValueError(f"{len(data)} bytes came back changed")
            if len(received) < len(data):
                raise ValueError(f"{len(received)} of {len(data)} bytes came back")

    async def resets_bytes(self) -> None:
        async with self._connected() as (reader, writer):
            writer.write(b"\0" + bytes(200_000))
            await reader.readexactly(1_000)
            reset(writer)

    async def says_nothing(self) -> None:
        async with self._connected():
            await asyncio.sleep(3)

    async def says_garbage(self) -> None:
        """A TLS record that is too long, an HTTP/2 frame that is too large, or a request that is none."""
        data = random.choice(
            (
                b"\x16\x03\x01\xff\xff" + random.randbytes(70_000),
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\0\0\0\0\0\1" + bytes(1_000),
                b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            )
        )
        async with self._connected() as (reader, writer):
            with contextlib.suppress(OSError):
                writer.write(data)
                writer.write_eof()
                await reader.read(-1)

    # --- gRPC ---------------------------------------------------------------------------------

    async def calls(self) -> None:
        data = random.randbytes(random.randrange(1, 50_000))
        if await self._unary(data) != data:
            raise ValueError("a message came back changed")

    async def streams(self) -> None:
        received = [message async for message in self._stream(b"x")]
        if len(received) != 20:
            raise ValueError(f"{len(received)} messages of 20")

    async def cancels(self) -> None:
        call = self._stream(b"x")
        await call.read()
        call.cancel()

    # --- connections --------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _connected(self, limit: int = 2**20) -> Connection:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=limit)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    Connection = AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]


def _as_it_is(message: bytes) -> bytes:
    return message


def _head(method: str, path: str, length: int | None = None) -> bytes:
    extra = "" if length is None else f"Content-Length: {length}\r\n"
    return f"{method} /{path} HTTP/1.1\r\nHost: web\r\n{extra}\r\n".encode()


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    writer.write(_head("GET", path))
    await _answer(reader)


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(_head("POST", "echo", len(body)) + body)
    await writer.drain()
    if await _answer(reader) != b"%d" % len(body):
        raise ValueError("the application got another body")


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The body of a good answer. Raises ValueError for any other."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise ValueError(head.decode("latin-1"))
    if b"transfer-encoding: chunked" in head:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    return await reader.readexactly(length)


async def _send_all(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    writer.write_eof()


async def main(arguments: Sequence[str]) -> None:
    host, port, seconds = arguments
    clients = Clients(host, int(port))
    await clients.run(float(seconds))
    print(json.dumps({"done": clients.done, "failed": clients.failed}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
