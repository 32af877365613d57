"""A gRPC channel to one service of the control plane, over trio.

One connection at a time carries all calls. It is made when the first call needs it, anew after
every loss, with jittered exponential back-off; `proxy.control.dial` says how.

A server that refuses calls and has none in progress is about to end, although the proxy in front of
it still takes connections: its connection is left, and other addresses are tried first.

Calls wait for a connection as long as their caller lets them; put a deadline around them.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.codec.grpc_client import ClientSession, Ended, Event, Message, Metadata
from proxy.codec.grpc_status import Code, Status
from proxy.watchers import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.control.dial import Dialer, Link
    from proxy.stack.backoff import Backoff

_log = logging.getLogger("proxy.control")

READ_SIZE = 1 << 16


class RpcError(Exception):
    """A call that did not end OK."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


class CallRecorder(Protocol):
    """Counts calls."""

    def began(self) -> None: ...
    def ended(self, status: Status, seconds: float) -> None: ...


class _Call:
    __slots__ = ("done", "error", "on_message", "refused", "status")

    def __init__(self, on_message: Callable[[bytes], None]) -> None:
        self.on_message = on_message
        self.done = trio.Event()
        self.status = Status(Code.UNKNOWN)
        self.refused = False
        self.error: Exception | None = None


class _Connection:
    """One connection and the calls on it."""

    def __init__(self, link: Link, metadata: Metadata) -> None:
        self.target = link.target
        self.refuses = False
        """It has refused a call when it had no other."""
        self._stream = link.stream
        self._session = ClientSession(link.authority, scheme=link.scheme, metadata=metadata)
        self._calls: dict[int, _Call] = {}
        self._output = trio.Event()

    @property
    def accepts_calls(self) -> bool:
        return self._session.accepts_calls

    async def run(self) -> str:
        """Move bytes until the connection ends; why it did."""
        why = "connection closed by the server"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                self._output.set()
                while not self._session.is_over and not self.refuses:
                    data = await self._stream.receive_some(READ_SIZE)
                    if not data:
                        break
                    self._deliver(self._session.receive(bytes(data)))
                    self._output.set()
                nursery.cancel_scope.cancel()
                if self.refuses:
                    why = "the server takes no more calls"
        except* (trio.BrokenResourceError, trio.ClosedResourceError) as group:
            why = _first(group)
        finally:
            self._deliver(self._session.end_of_input(why))
            await trio.aclose_forcefully(self._stream)
        return why

    async def _write(self) -> None:
        while True:
            await self._output.wait()
            self._output = trio.Event()
            data = self._session.take_output()
            if data:
                await self._stream.send_all(data)

    def open(self, path: str, request: bytes, call: _Call) -> int | None:
        """Begin a call; None when the connection takes none."""
        if self.refuses:
            return None
        call_id = self._session.call(path, request)
        if call_id is not None:
            self._calls[call_id] = call
            self._output.set()
        return call_id

    def cancel(self, call_id: int) -> None:
        if self._calls.pop(call_id, None) is not None:
            self._session.cancel(call_id)
            self._output.set()

    def _deliver(self, events: list[Event]) -> None:
        for event in events:
            call = self._calls.get(event.call)
            if call is None:
                continue
            if isinstance(event, Ended):
                del self._calls[event.call]
                call.status = event.status
                call.refused = event.refused
                self.refuses = event.refused and not self._calls
                call.done.set()
            else:
                self._deliver_message(call, event)

    def _deliver_message(self, call: _Call, message: Message) -> None:
        # A message this proxy cannot use must end its own stream and no other.
        try:
            call.on_message(message.payload)
        except Exception as error:
            call.error = error
            self.cancel(message.call)
            call.done.set()


class Channel:
    """Calls to one service; `run` must be running for them to get anywhere."""

    def __init__(
        self,
        dialer: Dialer,
        *,
        metadata: Metadata = (),
        recorder: CallRecorder | None = None,
        backoff: Backoff | None = None,
        chance: Callable[[], float] = random.random,
        on_unreachable: Callable[[str], None] = lambda why: None,
    ) -> None:
        """`metadata` goes with every call. `backoff` separates attempts to connect.

        `on_unreachable` is called whenever a connection that calls want cannot be made.
        """
        self._dialer = dialer
        self._metadata = metadata
        self._recorder = recorder
        self._backoff = backoff or dialer.backoff
        self._chance = chance
        self._on_unreachable = on_unreachable
        self._connection: _Connection | None = None
        self._refusing: object = None
        """The address that refused calls last; others are tried before it."""
        self._connected = trio.Event()
        self._wanted = trio.Event()

    def __repr__(self) -> str:
        state = "connected" if self._connection is not None else "not connected"
        return f"<Channel {self._dialer}: {state}>"

    @property
    def is_away(self) -> bool:
        """Whether calls are waiting for a connection that cannot be made, or not yet."""
        return self._connection is None and self._wanted.is_set()

    async def run(self) -> None:
        """Keep a connection for as long as calls want one; never returns."""
        attempt = 0
        while True:
            await self._wanted.wait()
            try:
                link = await self._dialer.dial(avoid=self._refusing)
            except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
                wait = self._backoff.wait(attempt, self._chance())
                why = _why(error)
                _log.warning("%s: cannot connect, again in %.1fs: %s", self._dialer, wait, why)
                tell(f"{self._dialer} is unreachable", self._on_unreachable, why)
                attempt += 1
                await trio.sleep(wait)
                continue
            _log.debug("%s: connected", self._dialer)
            self._connection = connection = _Connection(link, self._metadata)
            self._wanted = trio.Event()
            self._connected.set()
            try:
                why = await connection.run()
            finally:
                self._connection = None
                self._connected = trio.Event()
            _log.info("%s: %s", self._dialer, why)
            attempt = attempt + 1 if connection.refuses else 0
            self._refusing = connection.target if connection.refuses else None
            await trio.sleep(self._backoff.wait(attempt, self._chance()))

    async def unary(self, path: str, request: bytes) -> bytes:
        """Call and wait for the one answer. Raises RpcError."""
        answers: list[bytes] = []
        status = await self.stream(path, request, answers.append)
        if status.code is not Code.OK:
            raise RpcError(status)
        if len(answers) != 1:
            raise RpcError(Status(Code.INTERNAL, f"{len(answers)} answers to a unary call"))
        return answers[0]

    async def stream(
        self,
        path: str,
        request: bytes,
        on_message: Callable[[bytes], None],
        on_open: Callable[[], None] = lambda: None,
    ) -> Status:
        """Call and hand over each message as it comes; returns when the server ends the stream.
        A call that the server refuses is made again.

        `on_open` is called once the request is on its way. What `on_message` raises ends this
        stream and is raised here. Cancelling resets the stream.
        """
        refusals = 0
        while True:
            call = _Call(on_message)
            await self._call(path, request, call, on_open)
            if not call.refused:
                return call.status
            await trio.sleep(self._backoff.wait(refusals, self._chance()))
            refusals += 1

    async def _call(
        self, path: str, request: bytes, call: _Call, on_open: Callable[[], None]
    ) -> None:
        """Returns when the call is done. Raises its error."""
        connection, call_id = await self._open(path, request, call)
        on_open()
        began = trio.current_time()
        if self._recorder is not None:
            self._recorder.began()
        try:
            await call.done.wait()
        except trio.Cancelled:
            call.status = Status(Code.CANCELLED)
            raise
        finally:
            connection.cancel(call_id)
            if self._recorder is not None:
                self._recorder.ended(call.status, trio.current_time() - began)
        if call.error is not None:
            raise call.error

    async def _open(self, path: str, request: bytes, call: _Call) -> tuple[_Connection, int]:
        while True:
            connection = self._connection
            if connection is not None:
                call_id = connection.open(path, request, call)
                if call_id is not None:
                    return connection, call_id
                # Full, or about to end: calls in flight decide when.
                await trio.sleep(self._backoff.minimum)
                continue
            self._wanted.set()
            await self._connected.wait()


def _first(group: BaseExceptionGroup[Exception]) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return _why(error)


def _why(error: BaseException) -> str:
    if isinstance(error, trio.TooSlowError):
        return "timed out"
    cause = error.__cause__ if isinstance(error, trio.BrokenResourceError) else None
    return str(cause or error) or type(error).__name__
