"""One socket in the reactor, carrying plain bytes. `net/tls.py` adds encryption on top.

Output is gathered by `write` and sent by `flush`, once per batch. What the kernel does not take is
kept, and the receiver is told (`on_blocked`) so that it stops reading whatever feeds it; when the
rest has gone it hears `on_unblocked`. Memory per connection is thus bounded by one read.

A transport reports each end once: `on_eof` when the peer finished sending, `on_lost` when the
connection is gone without our doing. After `close` or `abort` it reports nothing.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Protocol

from proxy.net.failure import Failure, connect_failure, symbol
from proxy.net.reactor import READ, WRITE
from weft import errors

if TYPE_CHECKING:
    from proxy.net.reactor import Reactor
    from proxy.net.wheel import Timer
    from proxy.telemetry.transport import TransportMetrics

READ_SIZE = 65_536
RELAY_SIZE = 131_072
"""A relay passes on at once what it reads, so its larger reads pin no memory."""
_lent = memoryview(bytearray(RELAY_SIZE))
"""Every relay of the process reads into this one buffer: one thread, one read at a time."""
LINGER = 2.0
"""Seconds a closed connection waits for the peer to read an error answer."""
STALLED = 60.0
"""Seconds without progress after which a closed connection gives up what it has not sent yet. A slow
peer is sent everything; one that reads nothing cannot hold the memory for ever."""

_CUT_OFF = (errno.EPIPE, errno.ECONNRESET)


class Receiver(Protocol):
    """Who understands the bytes of a transport."""

    def on_connected(self) -> None:
        """The connection is usable: connected, and for TLS the handshake is complete."""

    def on_data(self, data: bytes) -> None:
        """A receiver whose transport `lends` gets a view instead, good until it returns."""

    def on_eof(self) -> None:
        """The peer sends no more; our side may still send."""

    def on_lost(self, failure: Exception) -> None:
        """The connection is gone: could not be made, was reset, or broke the rules of TLS."""

    def on_blocked(self) -> None: ...

    def on_unblocked(self) -> None: ...


class Transport:
    """A connected or connecting TCP socket."""

    __slots__ = (
        "_closing",
        "_connecting",
        "_cut_off",
        "_dirty",
        "_eof_sent",
        "_events",
        "_linger",
        "_out",
        "_paused",
        "_registered",
        "_said_goodbye",
        "_timer",
        "_unsent",
        "blocked",
        "bytes_read",
        "bytes_written",
        "closed",
        "eof",
        "fd",
        "lends",
        "metrics",
        "peer",
        "reactor",
        "receiver",
        "sock",
    )

    tls = False

    def __init__(self, reactor: Reactor, sock: socket.socket, receiver: Receiver) -> None:
        """`sock` is non-blocking; reading starts with `start` or `connect`."""
        self.reactor = reactor
        self.sock = sock
        self.fd = sock.fileno()
        self.receiver = receiver
        self.metrics: TransportMetrics | None = None
        self.peer = ""
        """Where we connect to, for people."""
        self.bytes_read = 0
        self.bytes_written = 0
        self.blocked = False
        self.closed = False
        self.lends = False
        """The receiver passes on what it hears before it returns: it is lent a view of a buffer."""
        self.eof = False
        """The peer has said that it sends no more, and the receiver of that moment was told."""
        self._connecting = False
        self._cut_off: OSError | None = None
        """Why nothing can be sent any more, while there may still be something to read."""
        self._dirty = False
        self._closing = False
        self._linger = False
        self._eof_sent = False
        self._events = READ
        self._paused = False
        self._registered = False
        self._said_goodbye = False
        self._out: list[bytes] = []
        self._unsent = b""
        self._timer: Timer | None = None

    # --- beginning ------------------------------------------------------------------------

    def start(self) -> None:
        """Let the reactor watch it: begin to read, unless paused."""
        if self._paused and not self._connecting:
            self._events = 0
        self._registered = True
        self.reactor.register(self.fd, self, self._events)

    def hand_over(self, heir: Transport) -> None:
        """Another transport goes on with the socket; this one is over, without a word."""
        self.closed = True
        self.receiver = _NOBODY
        self.cancel_timer()
        self.reactor.replace(self.fd, heir)

    def connect(self, address: tuple[str, int], timeout: float) -> None:
        """Connect without waiting; `on_connected` or `on_lost` follows, never from inside."""
        self.peer = f"{address[0]}:{address[1]}"
        code = self.sock.connect_ex(address)
        if code == 0:
            self.start()
            self._established()
            return
        if code != errno.EINPROGRESS:
            error = OSError(code, errno.errorcode.get(code, "connect"))
            self.reactor.call_soon(lambda: self.lose(connect_failure(error, self.peer)))
            return
        self._connecting = True
        self._events = WRITE
        self.start()
        self._timer = self.reactor.call_later(timeout, self._timed_out)

    def _established(self) -> None:
        """Connected: plain bytes can flow."""
        self.reactor.call_soon(self._announce)

    def _announce(self) -> None:
        if not self.closed:
            self.receiver.on_connected()
            if self._out and not self.closed:
                self.flush()

    def _timed_out(self) -> None:
        self._timer = None
        self.lose(connect_failure(None, self.peer))

    def _finish_connect(self) -> None:
        self._connecting = False
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.lose(
                connect_failure(OSError(code, errno.errorcode.get(code, "connect")), self.peer)
            )
            return
        self._events = READ
        self.reactor.modify(self.fd, READ)
        self._connected()

    def _connected(self) -> None:
        self.cancel_timer()
        self._announce()

    def cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def measure(self, metrics: TransportMetrics) -> None:
        """Count this connection from now on, bytes so far included."""
        self.metrics = metrics
        metrics.opening()
        metrics.read.value += self.bytes_read
        metrics.written.value += self.bytes_written

    # --- reading --------------------------------------------------------------------------

    def on_ready(self, events: int) -> None:
        if events & WRITE:
            if self._connecting:
                self._finish_connect()
            else:
                self._drain()
            if not events & ~WRITE or self.closed:
                return
        elif self._connecting:
            self._finish_connect()
            return
        if self._paused:
            self._broken_while_paused()
            return
        data: bytes | memoryview
        try:
            if self.lends:
                size = self.sock.recv_into(_lent)
                data = _lent[:size]
            else:
                data = self.sock.recv(READ_SIZE)
                size = len(data)
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(error)
            return
        if not size:
            self._end_of_input()
            return
        if self.metrics is not None:
            self.metrics.read.value += size
        else:
            self.bytes_read += size
        self.receiver.on_data(data)  # type: ignore[arg-type]

    def _end_of_input(self) -> None:
        """The peer's FIN: level-triggered, so it must not be asked for again."""
        if self._linger:
            self._destroy()
            return
        if self._cut_off is not None:
            self.lose(self._cut_off)
            return
        self.pause()
        self.eof = True
        self.receiver.on_eof()

    def _broken_while_paused(self) -> None:
        """HUP and ERR cannot be masked. A reset ends the connection; otherwise data may still wait
        behind the pause, and the descriptor leaves the set until reading goes on."""
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.lose(OSError(code, errno.errorcode.get(code, "")))
        elif self._registered:
            self._registered = False
            self.reactor.unregister(self.fd)

    @property
    def paused(self) -> bool:
        """Whether it is us who do not read."""
        return self._paused

    def pause(self) -> None:
        """Read no more, until `resume`."""
        if not self._paused:
            self._paused = True
            self._interest()

    def resume(self) -> None:
        if self._paused and not self.eof:
            self._paused = False
            self._interest()

    def _interest(self) -> None:
        if self.closed or self._connecting:
            return
        events = (0 if self._paused else READ) | (WRITE if self._unsent else 0)
        if not self._registered:
            if events:
                self._registered = True
                self.reactor.register(self.fd, self, events)
                self._events = events
        elif events != self._events:
            self._events = events
            self.reactor.modify(self.fd, events)

    # --- writing --------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send with this batch's flush."""
        self._out.append(data)
        if not self._dirty:
            self._dirty = True
            self.reactor.mark_dirty(self)

    def flush(self) -> None:
        self._dirty = False
        if self.closed or self._connecting or self._unsent:
            return
        out = self._out
        if out:
            self._out = []
            self._send(out[0] if len(out) == 1 else b"".join(out))
        if self._closing:
            self._finish_if_flushed()

    def write_first(self, data: bytes) -> None:
        """Gather it before all that waits: the first words on a connection that was just made."""
        self._out.insert(0, data)
        if not self._dirty:
            self._dirty = True
            self.reactor.mark_dirty(self)

    def send(self, data: bytes | memoryview) -> None:
        """Send at once what a multiplexed connection gathered by itself during its flush."""
        if self.closed:
            return
        if self._connecting or self._unsent or self._out:
            self._out.append(bytes(data))
            if not self._dirty:
                self._dirty = True
                self.reactor.mark_dirty(self)
        else:
            self._send(data)

    def _transmit(self, data: bytes | memoryview) -> None:
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._cannot_send(error)
            return
        if self.metrics is not None:
            self.metrics.written.value += sent
        else:
            self.bytes_written += sent
        if sent < len(data):
            self._unsent = bytes(memoryview(data)[sent:])
            self._interest()
            if not self.blocked:
                self.blocked = True
                self.receiver.on_blocked()

    _send = _transmit
    """What `flush` does with what was gathered."""

    def _cannot_send(self, error: OSError) -> None:
        """The peer takes no more. What it said before may still wait to be read: a server may refuse
        a request it has not read to the end. The loss is told after that."""
        if self.receiver is _NOBODY or self.eof or error.errno not in _CUT_OFF:
            self.lose(error)
        elif self._cut_off is None:
            error.__traceback__ = None
            self._cut_off = error
            self._interest()

    def _drain(self) -> None:
        """The kernel takes more again."""
        rest = self._unsent
        self._unsent = b""
        self._transmit(rest)
        if self._full():
            if self._closing:
                self._finish_if_flushed()
            return
        self.flush()
        if self._full():
            return
        self._interest()
        if self.blocked:
            self.blocked = False
            self.receiver.on_unblocked()

    def _full(self) -> bool:
        return self.closed or bool(self._unsent)

    # --- ending ---------------------------------------------------------------------------

    def shut_down_writing(self) -> None:
        """Send what is gathered, then tell the peer that no more comes; reading goes on."""
        self._eof_sent = True
        self._close_when_flushed()

    def close(self, *, linger: bool = False) -> None:
        """Send what is gathered, then close.

        `linger`: wait for the peer to close first, throwing away what it still sends. Closing with
        unread input resets the connection, and the reset may overtake an error answer.
        """
        if self.closed:
            return
        self._linger = linger
        self._eof_sent = False
        self.receiver = _NOBODY
        self._close_when_flushed()

    def _close_when_flushed(self) -> None:
        self._closing = True
        if not self._dirty:
            self._dirty = True
            self.reactor.mark_dirty(self)
        if self._unsent:
            self._finish_if_flushed()

    def _finish_if_flushed(self) -> None:
        """Go on with the end, or see to it that it does not take for ever."""
        if not self._full() and not self._said_goodbye:
            self._said_goodbye = True
            self._say_goodbye()
        if not self._full():
            self._finish()
        elif self.receiver is _NOBODY and not self.closed:
            self.cancel_timer()
            self._timer = self.reactor.call_later(STALLED, self._destroy)

    def _finish(self) -> None:
        """Everything gathered has gone, and the goodbye after it."""
        self._closing = False
        if self._eof_sent or self._linger:
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                # The peer has reset the connection, and perhaps nobody has heard of it yet.
                self._cannot_send(ConnectionResetError(errno.ECONNRESET, "reset by the peer"))
                if self.closed:
                    return
            if self._linger:
                self.cancel_timer()
                self._timer = self.reactor.call_later(LINGER, self._destroy)
                self.resume()
        else:
            self._destroy()

    def _say_goodbye(self) -> None:
        """What a protocol beneath says at the end."""

    def abort(self) -> None:
        """Close at once, whatever was gathered."""
        if not self.closed:
            self.receiver = _NOBODY
            self._destroy()

    def lose(self, error: Exception) -> None:
        """The connection is gone without our doing: tell the receiver."""
        if self.closed:
            return
        receiver, self.receiver = self.receiver, _NOBODY
        # The frames of its traceback hold on to the connection and to what was just read.
        error.__traceback__ = None
        self._destroy(symbol(error))
        receiver.on_lost(error)

    def on_failure(self, error: Exception) -> None:
        self.lose(Failure(errors.INTERNAL, repr(error)))

    def _destroy(self, reason: str = "") -> None:
        if self.closed:
            return
        self.closed = True
        self.cancel_timer()
        if self._registered:
            self.reactor.forget(self.fd)
        self.reactor.close_later(self.sock)
        self._out.clear()
        self._unsent = b""
        if self.metrics is not None:
            self.metrics.closed(reason)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "connecting" if self._connecting else f"fd {self.fd}"
        return f"<{type(self).__name__} {state} for {type(self.receiver).__name__}>"


class _Nobody:
    """Hears what happens to a connection nobody owns any more."""

    __slots__ = ()

    def on_connected(self) -> None: ...

    def on_data(self, data: bytes) -> None: ...

    def on_eof(self) -> None: ...

    def on_lost(self, failure: Exception) -> None: ...

    def on_blocked(self) -> None: ...

    def on_unblocked(self) -> None: ...


_NOBODY = _Nobody()
