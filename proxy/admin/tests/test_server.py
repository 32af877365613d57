"""The admin server's connections: bounded in bytes, in time and in number."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from proxy.admin import server
from proxy.admin.routes import Request, Response
from proxy.admin.server import AdminConnection, AdminServer
from proxy.net.listen import bind
from testkit.trio_tests import in_trio, in_virtual_time
from weft.addresses import SocketAddress


class Ticks:
    """A line whenever one asks; every second time none."""

    def __init__(self) -> None:
        self.taken = 0
        self.left = 0

    def take(self) -> bytes:
        self.taken += 1
        return f"{self.taken}\n".encode() if self.taken % 2 else b""

    def leave(self) -> None:
        self.left += 1


TICKS = Ticks()


async def echo(request: Request) -> Response:
    if request.target == "/ticks":
        return Response(200, stream=TICKS)
    if request.target == "/nothing":
        return Response(204)
    text = f"{request.method} {request.target} {len(request.body)} {request.is_local}"
    return Response(200, text.encode())


@asynccontextmanager
async def connection() -> AsyncIterator[trio.abc.Stream]:
    ours, theirs = trio.testing.memory_stream_pair()

    async def serve() -> None:
        try:
            async with theirs:
                await AdminConnection(theirs, echo, is_local=True).run()
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        yield ours
        await ours.aclose()


async def read(stream: trio.abc.Stream, ending: bytes) -> bytes:
    data = b""
    while not data.endswith(ending):
        more = await stream.receive_some()
        assert more, f"closed after {data!r}"
        data += more
    return data


async def read_all(stream: trio.abc.Stream) -> bytes:
    data = b""
    while more := await stream.receive_some():
        data += more
    return data


@in_virtual_time
async def test_requests_one_after_another() -> None:
    async with connection() as stream:
        await stream.send_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        first = await read(stream, b"True")
        assert first.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"content-length: 16\r\n" in first.lower()
        await stream.send_all(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
        await stream.send_all(b"bcGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read(stream, b"True")).endswith(b"PUT /x 3 True")
        assert (await read(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 204")


@in_virtual_time
async def test_a_head_cut_anywhere_is_put_together() -> None:
    head = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
    for cut in range(1, len(head)):
        async with connection() as stream:
            await stream.send_all(head[:cut])
            await trio.testing.wait_all_tasks_blocked()
            await stream.send_all(head[cut:])
            assert (await read(stream, b"True")).endswith(b"GET /live 0 True")


@in_virtual_time
async def test_the_body_of_a_head_request_stays_at_home() -> None:
    async with connection() as stream:
        await stream.send_all(b"HEAD /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answered = await read_all(stream)
        assert answered.endswith(b"\r\n\r\n")
        assert b"content-length: 17" in answered.lower()


@in_virtual_time
async def test_a_client_may_wait_for_leave_to_send() -> None:
    async with connection() as stream:
        await stream.send_all(
            b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert (await read(stream, b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        await stream.send_all(b"ab")
        assert (await read(stream, b"True")).endswith(b"PUT /x 2 True")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /live HTTP/1.1\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\xc8\x01\x00", b"400"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"4"),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000, b"413"),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
@in_virtual_time
async def test_what_is_not_a_request_is_refused_and_ends_the_connection(
    sent: bytes, status: bytes
) -> None:
    async with connection() as stream:
        await stream.send_all(sent)
        answered = await read_all(stream)
        assert answered.startswith(b"HTTP/1.1 " + status)
        assert b"connection: close" in answered


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (b"", server.IDLE_TIMEOUT),
        (b"GET /live HT", server.REQUEST_TIMEOUT),
        (b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na", server.REQUEST_TIMEOUT),
    ],
)
@in_virtual_time
async def test_a_slow_client_is_given_up(sent: bytes, seconds: float) -> None:
    began = trio.current_time()
    async with connection() as stream:
        if sent:
            await stream.send_all(sent)
        assert await read_all(stream) == b""
        assert trio.current_time() - began == pytest.approx(seconds)


@in_trio
async def test_beyond_the_limit_the_longest_silent_connection_goes() -> None:
    listener = bind(SocketAddress("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(AdminServer(listener, echo).run)
        held = [
            await trio.open_tcp_stream("127.0.0.1", port) for _ in range(server.MAX_CONNECTIONS)
        ]
        await held[0].send_all(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
        await read(held[0], b"True")
        for number in range(2):
            async with await trio.open_tcp_stream("127.0.0.1", port) as late:
                await late.send_all(b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await read(late, b"True")).endswith(b"GET /late 0 True"), number
                await late.send_eof()
                assert await read_all(late) == b""
        assert await read_all(held[1]) == b"", "silent since it came"
        await held[0].send_all(b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read(held[0], b"True")).endswith(b"GET /again 0 True")
        for stream in held:
            await stream.aclose()
        nursery.cancel_scope.cancel()


@in_virtual_time
async def test_a_stream_goes_on_until_the_client_leaves() -> None:
    TICKS.taken = TICKS.left = 0
    async with connection() as stream:
        await stream.send_all(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, first = (await read(stream, b"2\r\n1\n\r\n")).partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        assert first == b"2\r\n1\n\r\n"
        assert await read(stream, b"3\n\r\n") == b"2\r\n3\n\r\n"
        assert TICKS.left == 0
        await stream.aclose()
    assert TICKS.left == 1


@in_virtual_time
async def test_a_client_that_takes_nothing_of_a_stream_is_left() -> None:
    TICKS.taken = TICKS.left = 0
    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(AdminConnection(theirs, echo, is_local=True).run)
        await ours.send_all(b"GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n")
        started = trio.current_time()
    assert trio.current_time() - started == pytest.approx(server.RESPONSE_TIMEOUT)
    assert TICKS.left == 1
