"""The loop: batches, timers, what is deferred, and handlers that fail."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time

import pytest
import trio
import trio.lowlevel
import trio.testing

from proxy.net.reactor import Reactor
from proxy.net.wheel import Wheel


class Reads:
    """A handler that notes, and may fail."""

    def __init__(self, sock: socket.socket, *, fails: bool = False) -> None:
        self.sock = sock
        self.fails = fails
        self.data: list[bytes] = []
        self.failed: list[Exception] = []
        self.flushes = 0

    def on_ready(self, events: int) -> None:
        self.data.append(self.sock.recv(100))
        if self.fails:
            raise ValueError("no")

    def flush(self) -> None:
        self.flushes += 1

    def on_failure(self, error: Exception) -> None:
        self.failed.append(error)


def serve(reactor: Reactor, script: object) -> None:
    """Run a trio script beside the loop, inside trio."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reactor.serve)
            await script()  # type: ignore[operator]
            reactor.stop()

    trio.run(main)
    reactor.close()


def test_a_connection_is_flushed_once_per_batch() -> None:
    ours, theirs = socket.socketpair()
    reactor = Reactor(trio.current_time)
    handler = Reads(ours)

    async def script() -> None:
        reactor.register(ours.fileno(), handler)
        reactor.call_soon(lambda: reactor.mark_dirty(handler))
        theirs.send(b"x")
        while not handler.data or not handler.flushes:
            await trio.lowlevel.checkpoint()

    with ours, theirs:
        serve(reactor, script)
    assert handler.data == [b"x"]
    assert handler.flushes == 1


def test_a_failing_handler_loses_only_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    bad, to_bad = socket.socketpair()
    good, to_good = socket.socketpair()
    reactor = Reactor(trio.current_time)
    failing, healthy = Reads(bad, fails=True), Reads(good)

    async def script() -> None:
        reactor.register(bad.fileno(), failing)
        reactor.register(good.fileno(), healthy)
        to_bad.send(b"1")
        to_good.send(b"2")
        while not healthy.data or not failing.failed:
            await trio.lowlevel.checkpoint()

    with bad, to_bad, good, to_good, caplog.at_level(logging.ERROR):
        serve(reactor, script)
    assert reactor.failures == 1
    assert healthy.data == [b"2"]
    assert "no" in str(failing.failed[0])
    assert caplog.records[0].exc_info


def test_timers_under_a_virtual_clock() -> None:
    fired: list[tuple[str, float]] = []

    async def main() -> None:
        reactor = Reactor(trio.current_time)
        began = trio.current_time()

        def note(name: str) -> None:
            fired.append((name, round(trio.current_time() - began, 1)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reactor.serve)
            await trio.lowlevel.checkpoint()
            reactor.call_later(30, lambda: note("late"))
            reactor.call_later(3, lambda: note("early"))
            reactor.call_later(5, lambda: note("never")).cancel()
            await trio.sleep(40)
            nursery.cancel_scope.cancel()
        reactor.close()

    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(main, clock=clock)
    assert fired == [("early", 3.0), ("late", 30.0)]


def test_what_came_in_time_is_seen_before_the_time_is_up() -> None:
    """A batch takes longer than a deadline allows, and the awaited answer comes meanwhile."""
    now = 0.0
    ours, theirs = socket.socketpair()
    waker, wakes = socket.socketpair()
    reactor = Reactor(lambda: now)
    seen: list[str] = []

    class Slow(Reads):
        def on_ready(self, events: int) -> None:
            nonlocal now
            super().on_ready(events)
            reactor.call_later(0.1, lambda: seen.append("too late"))
            theirs.send(b"answer")
            now = 10.0

    class Awaits(Reads):
        def on_ready(self, events: int) -> None:
            super().on_ready(events)
            seen.append("answer")

    async def script() -> None:
        for handler in (Slow(waker), Awaits(ours)):
            reactor.register(handler.sock.fileno(), handler)
        wakes.send(b"!")
        while len(seen) < 2:
            await trio.lowlevel.checkpoint()

    with ours, theirs, waker, wakes:
        serve(reactor, script)
    assert seen == ["answer", "too late"]


def test_hosting_trio_as_a_guest() -> None:
    reactor = Reactor()

    async def main() -> int:
        await trio.sleep(0.01)
        done = trio.Event()
        reactor.call_later(0.01, done.set)
        await done.wait()
        return 7

    assert reactor.run(main) == 7
    reactor.close()


def test_signals_reach_the_guest_while_the_loop_waits() -> None:
    reactor = Reactor()

    async def main() -> signal.Signals:
        with trio.open_signal_receiver(signal.SIGUSR2) as signals:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR2)).start()
            async for number in signals:
                return signal.Signals(number)
        raise AssertionError

    began = time.monotonic()
    assert reactor.run(main) == signal.SIGUSR2
    assert time.monotonic() - began < 10
    reactor.close()


def test_calls_from_other_threads_wake_the_loop() -> None:
    reactor = Reactor()

    async def main() -> None:
        done = trio.Event()
        threading.Thread(
            target=lambda: reactor.call_soon_threadsafe(lambda: done.set()), daemon=True
        ).start()
        with trio.fail_after(10):
            await done.wait()

    reactor.run(main)
    reactor.close()


def test_the_wheel_fires_in_order_and_never_early() -> None:
    wheel = Wheel()
    fired: list[str] = []
    wheel.add(1.005, lambda: fired.append("b"))
    wheel.add(0.5, lambda: fired.append("a"))
    cancelled = wheel.add(0.7, lambda: fired.append("x"))
    cancelled.cancel()
    cancelled.cancel()
    assert wheel.next() == pytest.approx(0.5)
    for now in (0.49, 0.5, 1.0, 1.004):
        for fn in wheel.due(now):
            fn()
    assert fired == ["a"]
    for fn in wheel.due(1.02):
        fn()
    assert fired == ["a", "b"]
    assert wheel.next() is None
    assert len(wheel) == 0


def test_a_timer_may_cancel_one_of_the_same_moment_and_add_others() -> None:
    wheel = Wheel()
    fired: list[str] = []

    def first() -> None:
        fired.append("first")
        second.cancel()
        wheel.add(1.0, lambda: fired.append("third"))

    wheel.add(1.0, first)
    second = wheel.add(1.0, lambda: fired.append("second"))
    for fn in wheel.due(1.0):
        fn()
    assert fired == ["first", "third"]


def test_events_of_a_closed_socket_reach_no_other_with_its_number() -> None:
    first, to_first = socket.socketpair()
    second, to_second = socket.socketpair()
    reactor = Reactor()
    made: list[socket.socket] = []
    heir = Reads(second)

    class Replaces(Reads):
        """Closes the other socket and opens one more, as a relay that ends beside one that begins."""

        def on_ready(self, events: int) -> None:
            super().on_ready(events)
            other = second if self.sock is first else first
            reactor.forget(other.fileno())
            reactor.close_later(other)
            made.extend(socket.socketpair())
            heir.sock = made[0]
            heir.sock.setblocking(False)
            reactor.register(heir.sock.fileno(), heir)

    async def script() -> None:
        handlers = Replaces(first), Replaces(second)
        for handler in handlers:
            reactor.register(handler.sock.fileno(), handler)
        to_first.send(b"1")
        to_second.send(b"2")
        while not made:
            await trio.lowlevel.checkpoint()
        made[1].send(b"for the heir")
        while not heir.data:
            await trio.lowlevel.checkpoint()
        assert first.fileno() == -1 or second.fileno() == -1

    serve(reactor, script)
    for sock in (first, to_first, second, to_second, *made):
        sock.close()
    assert heir.data == [b"for the heir"]
    assert reactor.failures == 0
