"""The host loop: one epoll set, synchronous handlers, and one flush per connection and batch.

A pass through an asynchronous scheduler costs more than everything a proxy does with a small
request, so the data path has none. When epoll wakes, every ready socket's handler runs as a plain
call. Handlers do not write to sockets: they gather output and mark their connection dirty. When
all handlers of the batch have run, each dirty connection is flushed once. At saturation one wake-up
serves many requests and one write carries many responses.

trio is the guest of this loop (`run`): it waits for its own sockets in a thread and costs nothing
while idle. Everything that is not a byte on its way lives there. Both run on one thread, so a trio
task may touch connections between batches and no lock exists. Tests turn the roles round: `serve`
drives the same loop from inside a trio task, under any clock.

A handler that raises loses its own connection, never the loop: the error is logged with its
traceback, counted in `failures`, and the handler is told by `on_failure`.
"""

from __future__ import annotations

import logging
import math
import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import trio

from proxy.net.wheel import Timer, Wheel

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

_log = logging.getLogger("proxy.net")

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
BROKEN = select.EPOLLHUP | select.EPOLLERR

_BATCH = 256

T = TypeVar("T")


class Handler(Protocol):
    """What is registered for a descriptor."""

    def on_ready(self, events: int) -> None: ...

    def on_failure(self, error: Exception) -> None:
        """`on_ready` or `flush` raised: give up this connection."""


class Flushable(Protocol):
    """What is marked dirty; it remembers by itself that it is marked."""

    def flush(self) -> None: ...

    def on_failure(self, error: Exception) -> None: ...


class Reactor:
    """The loop of one process. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.turned = 0.0
        """When the present batch began; between batches, when the last one did."""
        self.failures = 0
        """Handlers that raised since the start."""
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._closing: list[socket.socket] = []
        self._dirty: list[Flushable] = []
        self._soon: deque[Callable[[], object]] = deque()
        self._wheel = Wheel()
        self._turning = False
        self._stopping = False
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.register(self._wakeup, _Wakeup(self._wakeup), READ)

    # --- descriptors ----------------------------------------------------------------------

    def register(self, fd: int, handler: Handler, events: int = READ) -> None:
        self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def modify(self, fd: int, events: int) -> None:
        self._epoll.modify(fd, events)

    def replace(self, fd: int, handler: Handler) -> None:
        """Let another handler go on with a registered descriptor."""
        self._handlers[fd] = handler

    def unregister(self, fd: int) -> None:
        """Forget a descriptor that stays open."""
        self._handlers.pop(fd, None)
        self._epoll.unregister(fd)

    def forget(self, fd: int) -> None:
        """Forget a descriptor that is about to be closed, which takes it out of the set."""
        self._handlers.pop(fd, None)

    def close_later(self, sock: socket.socket) -> None:
        """Close a socket when this batch is done: events of it may be at hand still, and must not
        be taken for those of another that was given its number."""
        if self._turning:
            self._closing.append(sock)
        else:
            sock.close()

    # --- work -----------------------------------------------------------------------------

    def mark_dirty(self, connection: Flushable) -> None:
        """Flush a connection when the handlers of this batch have run."""
        self._dirty.append(connection)
        if not self._turning:
            self.wake()

    def call_soon(self, fn: Callable[[], object]) -> None:
        """Run `fn` after this batch; from this thread only."""
        self._soon.append(fn)
        if not self._turning:
            self.wake()

    def call_soon_threadsafe(self, fn: Callable[[], object]) -> None:
        self._soon.append(fn)
        self.wake()

    def call_later(self, seconds: float, fn: Callable[[], None]) -> Timer:
        """Run `fn` once, up to ten milliseconds late."""
        timer = self._wheel.add(self.clock() + seconds, fn)
        if not self._turning:
            self.wake()
        return timer

    def wake(self) -> None:
        """Make the loop look again; from any thread."""
        os.eventfd_write(self._wakeup, 1)

    def stop(self) -> None:
        """Let `serve` return after the present batch; from any thread."""
        self._stopping = True
        self.wake()

    def close(self) -> None:
        """Give the descriptors back; the loop must not run."""
        self._epoll.close()
        os.close(self._wakeup)
        self._handlers.clear()

    # --- the loop -------------------------------------------------------------------------

    def run(self, main: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Host the loop, with `main` as trio's guest, until `main` returns; what it returns."""
        outcomes: list[Any] = []
        trio.lowlevel.start_guest_run(
            main,
            *args,
            run_sync_soon_threadsafe=self.call_soon_threadsafe,
            run_sync_soon_not_threadsafe=self.call_soon,
            done_callback=outcomes.append,
            # trio's own wake-up descriptor catches signals, and its thread wakes this loop.
            host_uses_signal_set_wakeup_fd=False,
        )
        while not outcomes:
            self._turn(self._timeout())
        result: T = outcomes[0].unwrap()
        return result

    async def serve(self) -> None:
        """Drive the loop from inside a trio task, until `stop` or cancellation."""
        self._stopping = False
        while not self._stopping:
            timeout = self._timeout()
            with trio.move_on_after(math.inf if timeout < 0 else timeout):
                await trio.lowlevel.wait_readable(self._epoll.fileno())
            self._turn(0)

    def _timeout(self) -> float:
        """Seconds epoll may wait; negative for ever."""
        if self._soon or self._dirty:
            return 0
        when = self._wheel.next()
        return -1 if when is None else max(0.0, when - self.clock())

    def _turn(self, timeout: float) -> None:
        """One batch: ready descriptors, due timers, deferred calls, then the flushes."""
        events = self._epoll.poll(timeout, _BATCH)
        # Timers are due as of this look at the sockets. What arrives while a slow batch is handled,
        # or while the machine gives us no time, is seen before a deadline that it meets has passed.
        now = self.turned = self.clock()
        self._turning = True
        handlers = self._handlers
        for fd, ready in events:
            handler = handlers.get(fd)
            if handler is not None:
                try:
                    handler.on_ready(ready)
                except Exception as error:
                    self._failed(handler, error)
        for fn in self._wheel.due(now):
            self._call(fn)
        soon = self._soon
        for _ in range(len(soon)):
            self._call(soon.popleft())
        while self._dirty:
            dirty, self._dirty = self._dirty, []
            for connection in dirty:
                try:
                    connection.flush()
                except Exception as error:
                    self._failed(connection, error)
        if self._closing:
            for sock in self._closing:
                sock.close()
            self._closing.clear()
        self._turning = False

    def _call(self, fn: Callable[[], object]) -> None:
        try:
            fn()
        except Exception:
            self.failures += 1
            _log.exception("a deferred call failed")

    def _failed(self, handler: Handler | Flushable, error: Exception) -> None:
        self.failures += 1
        _log.error("%r failed and is closed", handler, exc_info=error)
        try:
            handler.on_failure(error)
        except Exception:
            _log.exception("%r could not be closed", handler)

    def __repr__(self) -> str:
        return f"<Reactor: {len(self._handlers)} descriptors, {len(self._wheel)} timers>"


class _Wakeup:
    """Empties the eventfd; waking up was the point."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def on_ready(self, events: int) -> None:
        os.eventfd_read(self._fd)

    def on_failure(self, error: Exception) -> None:
        raise error
