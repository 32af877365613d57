"""How connections end: every end is told, and nothing that was said is lost."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING

import trio

from proxy.net.reactor import Reactor
from proxy.net.relay import join
from proxy.net.transport import STALLED, Transport
from testkit.trio_tests import in_trio, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TCP_CLOSE = 7
"""The kernel's number of the state, from include/net/tcp_states.h."""


class Notes:
    """A receiver that writes down what it hears."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self.lost: Exception | None = None

    def on_connected(self) -> None: ...

    def on_data(self, data: bytes) -> None:
        self.data += data

    def on_eof(self) -> None:
        self.ended = True

    def on_lost(self, failure: Exception) -> None:
        self.lost = failure

    def on_blocked(self) -> None: ...

    def on_unblocked(self) -> None: ...


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def running(clock: Callable[[], float] = time.monotonic) -> AsyncIterator[Reactor]:
    reactor = Reactor(clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reactor.serve)
        yield reactor
        nursery.cancel_scope.cancel()
    reactor.close()


def connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection; the first is non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)
    return ours, theirs


def is_reset(sock: socket.socket) -> bool:
    """Whether the peer's reset is here."""
    state: int = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state == TCP_CLOSE


def reset(sock: socket.socket) -> None:
    """End a connection at once, without a goodbye."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@in_trio
async def test_a_reset_is_told_even_when_it_is_only_seen_on_saying_goodbye() -> None:
    ours, theirs = connected()
    async with running() as reactor:
        notes = Notes()
        transport = Transport(reactor, ours, notes)
        reset(theirs)
        # Not watched by the reactor: nobody but the goodbye can notice.
        transport.shut_down_writing()
        await until(lambda: notes.lost)
        assert transport.closed


@in_trio
async def test_a_relay_ends_when_a_side_was_reset_before_the_other_half_closed() -> None:
    client, near = connected()
    application, far = connected()
    ended: list[Exception | None] = []
    async with running() as reactor:
        one, other = (Transport(reactor, sock, Notes()) for sock in (client, application))
        one.start()
        near.shutdown(socket.SHUT_WR)
        await until(lambda: one.eof)
        reset(far)
        join(one, b"", other, b"", ended.append)
        await until(lambda: ended)
        near.settimeout(5)
        assert await trio.to_thread.run_sync(near.recv, 10) == b""
    near.close()


@in_trio
async def test_what_was_said_before_a_reset_is_read_when_sending_fails() -> None:
    """A server that refuses a large upload answers, and closes with the rest unread."""
    ours, theirs = connected()
    async with running() as reactor:
        notes = Notes()
        transport = Transport(reactor, ours, notes)
        ours.send(b"unread")
        theirs.sendall(b"no, thank you")
        theirs.close()
        await until(lambda: is_reset(ours))
        # Not watched yet, so that sending is the first to notice.
        transport.write(b"more")
        await until(lambda: notes.lost)
        assert notes.data == b"no, thank you"
        assert not notes.ended


@in_trio
async def test_a_slow_reader_gets_everything_after_the_close() -> None:
    ours, theirs = connected()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)
    data = bytes(range(250)) * 8_000
    clock = Clock()
    async with running(clock) as reactor:
        transport = Transport(reactor, ours, Notes())
        transport.start()
        transport.write(data)
        await until(lambda: transport.blocked)
        transport.close()
        read = b""
        while not transport.closed:
            clock.now += STALLED * 0.9
            read += await trio.to_thread.run_sync(theirs.recv, 500_000)
        while more := await trio.to_thread.run_sync(theirs.recv, 500_000):
            read += more
        assert read == data
    theirs.close()


@in_trio
async def test_a_reader_that_stalls_is_given_up() -> None:
    ours, theirs = connected()
    clock = Clock()
    async with running(clock) as reactor:
        transport = Transport(reactor, ours, Notes())
        transport.start()
        transport.write(bytes(20_000_000))
        transport.close()
        await until(lambda: transport.blocked)
        clock.now += STALLED + 1
        reactor.wake()
        await until(lambda: transport.closed)
    theirs.close()
