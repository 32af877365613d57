"""A gRPC channel to one service of the control plane, over trio.

One connection at a time carries all calls. It is made when the first call needs it, anew after
every loss, with jittered exponential back-off; each time the name is resolved afresh and the
addresses are tried in random order. Over anything but loopback it is mutual TLS, and the server
must prove the identity the settings name.

A server that refuses calls and has none in progress is about to end, although the proxy in front of
it still takes connections: its connection is left, and other addresses are tried first.

Calls wait for a connection as long as their caller lets them; put a deadline around them.
"""

from __future__ import annotations

import logging
import random
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.codec.grpc_client import ClientSession, Ended, Event, Message
from proxy.codec.grpc_status import Code, Status
from proxy.identity.peer import peer_names, proves
from proxy.stack.backoff import Backoff

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_log = logging.getLogger("proxy.control")

CONNECT_TIMEOUT = 3.0
READ_SIZE = 1 << 16
BACKOFF = Backoff(0.1, 3.0, 0.5)
"""Bounded low: what changed during an outage is wanted as soon as it is over."""
LOOPBACK_BACKOFF = Backoff(0.1, 1.0, 0.5)
"""A service in our own pod starts when we do, and is ours alone to ask: keep trying."""


class RpcError(Exception):
    """A call that did not end OK."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


class WrongServerError(OSError):
    """Whoever answered is not who the settings name."""


class Address(Protocol):
    """Where the service is, and who it must prove to be (None over loopback)."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def name(self) -> str | None: ...
    @property
    def is_loopback(self) -> bool: ...


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

    def __init__(
        self, stream: trio.abc.Stream, target: object, authority: str, scheme: str
    ) -> None:
        self.target = target
        """The socket address it goes to."""
        self.refuses = False
        """It has refused a call when it had no other."""
        self._stream = stream
        self._session = ClientSession(authority, scheme=scheme)
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
        address: Address,
        tls: Callable[[], ssl.SSLContext],
        *,
        recorder: CallRecorder | None = None,
        backoff: Backoff | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`tls` gives the context for the next connection; it is asked only when there is a name.

        `backoff` separates attempts to connect; by default it depends on how far away the service is.
        """
        self._address = address
        self._tls = tls
        self._recorder = recorder
        self._backoff = backoff or (LOOPBACK_BACKOFF if address.is_loopback else BACKOFF)
        self._connect_timeout = connect_timeout
        self._chance = chance
        self._connection: _Connection | None = None
        self._refusing: object = None
        """The address that refused calls last; others are tried before it."""
        self._connected = trio.Event()
        self._wanted = trio.Event()

    def __repr__(self) -> str:
        state = "connected" if self._connection is not None else "not connected"
        return f"<Channel {self._address}: {state}>"

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
                connection = await self._connect()
            except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
                wait = self._backoff.wait(attempt, self._chance())
                _log.warning(
                    "%s: cannot connect, again in %.1fs: %s", self._address, wait, _why(error)
                )
                attempt += 1
                await trio.sleep(wait)
                continue
            _log.debug("%s: connected", self._address)
            self._connection = connection
            self._wanted = trio.Event()
            self._connected.set()
            try:
                why = await connection.run()
            finally:
                self._connection = None
                self._connected = trio.Event()
            _log.info("%s: %s", self._address, why)
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

    # --- connecting -----------------------------------------------------------------------

    async def _connect(self) -> _Connection:
        host = self._address.host
        if self._address.is_loopback:
            host = host.removesuffix(".")  # /etc/hosts knows `localhost`, a DNS server may not
        addresses = await trio.socket.getaddrinfo(host, self._address.port, type=socket.SOCK_STREAM)
        random.shuffle(addresses)
        addresses.sort(key=lambda one: one[4] == self._refusing)
        failure: Exception = OSError(f"{self._address.host} has no address")
        for family, kind, protocol, _, target in addresses:
            try:
                with trio.fail_after(self._connect_timeout):
                    return await self._connect_to(family, kind, protocol, target)
            except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
                failure = error
        raise failure

    async def _connect_to(
        self, family: int, kind: int, protocol: int, target: object
    ) -> _Connection:
        authority = f"{self._address.host}:{self._address.port}"
        sock = trio.socket.socket(family, kind, protocol)
        try:
            await sock.connect(target)
            _detect_dead_peers(sock)
            transport = trio.SocketStream(sock)
            if self._address.name is None:
                return _Connection(transport, target, authority, "http")
            secured = trio.SSLStream(
                transport, self._tls(), server_hostname=self._address.name, https_compatible=True
            )
            await secured.do_handshake()
            certificate = secured.getpeercert()
            if not proves(certificate, self._address.name):
                names = ", ".join(peer_names(certificate)) or "no name"
                raise WrongServerError(f"the server proved to be {names}, not {self._address.name}")
            return _Connection(secured, target, authority, "https")
        except BaseException:
            sock.close()
            raise


def _detect_dead_peers(sock: trio.socket.SocketType) -> None:
    """A silent stream must notice within half a minute that its server is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000)


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
