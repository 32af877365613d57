"""TLS 1.3 over a transport, by memory buffers: the reactor moves ciphertext, OpenSSL never sees a
socket.

One `read` returns one record, so records are read until no ciphertext is left; one `write` may take
one record only, so it is repeated. Nothing of ours is sent before the handshake is complete and the
receiver has looked at the peer's certificate (`on_connected`), which may abort the connection.

An end of input without close_notify is reported as a loss, because an attacker can cut a
connection short but cannot forge the goodbye (RFC 8446 section 6.1).
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from proxy.net.failure import Failure
from proxy.net.transport import Receiver, Transport
from weft import errors

if TYPE_CHECKING:
    import socket

    from proxy.net.reactor import Reactor

_RECORD = 16_384
_buffer = bytearray(262_144)
_view = memoryview(_buffer)
"""Every connection of the process reads ciphertext through this one buffer: one thread, one read at
a time, and what is read is copied into OpenSSL before the next."""
_plain = memoryview(bytearray(len(_buffer) + _RECORD))
"""What OpenSSL makes of it, on its way to the receiver. A last record of the read before may have
been waiting for its end."""
_FULL = len(_plain) - _RECORD
MOST_ANSWERS = 1024
"""Bytes that OpenSSL may have to say by itself and we not have sent: about forty answers to new keys, where
a peer needs one in many gigabytes."""


_NO_BYTES = ssl.MemoryBIO()
_NO_SESSION = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_bio(
    _NO_BYTES, _NO_BYTES, server_side=True
)
"""What a closed connection has in place of its own."""


class TlsTransport(Transport):
    """A transport whose bytes are encrypted."""

    __slots__ = ("_incoming", "_outgoing", "_ssl", "handshaken")

    tls = True

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        receiver: Receiver,
        context: ssl.SSLContext,
        *,
        server: bool,
        server_name: str | None = None,
    ) -> None:
        super().__init__(reactor, sock, receiver)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server, server_hostname=server_name
        )
        self.handshaken = False

    # --- the handshake --------------------------------------------------------------------

    def take_over(self, plain: Transport, received: bytes, timeout: float) -> None:
        """Go on with an accepted connection whose first bytes, a ClientHello, were read already."""
        self.bytes_read = plain.bytes_read
        plain.hand_over(self)
        self._registered = True
        self._timer = self.reactor.call_later(timeout, self._timed_out)
        self._incoming.write(received)
        self._handshake()

    def _established(self) -> None:
        self._timer = self.reactor.call_later(self._handshake_time, self._timed_out)
        self._handshake()

    def _connected(self) -> None:
        # The deadline of the connect covers the handshake as well.
        self._handshake()

    _handshake_time = 10.0

    def _handshake(self) -> None:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._push()
            return
        except ssl.SSLError as error:
            self._push()
            if not self.closed:
                self.lose(_tls_failure(error, self.peer))
            return
        self.cancel_timer()
        self._push()
        if self.closed:
            return
        self.handshaken = True
        self._announce()
        self._read_held()

    def resume(self) -> None:
        super().resume()
        if self.handshaken and (self._incoming.pending or self._ssl.pending()):
            # What came in one read with the end of the handshake, or before the pause.
            self.reactor.call_soon(self._read_held)

    def _read_held(self) -> None:
        """Read what was received already, unless nobody wants it now."""
        if self._paused or self.closed:
            return
        if self._incoming.pending or self._ssl.pending():
            self._read_records()

    def certificate(self) -> dict[str, Any] | None:
        """The peer's verified certificate, as `ssl` describes it; empty or None without one."""
        found: dict[str, Any] | None = self._ssl.getpeercert()
        return found

    def alpn(self) -> str | None:
        """The protocol both sides agreed on."""
        return self._ssl.selected_alpn_protocol()

    # --- reading --------------------------------------------------------------------------

    def on_ready(self, events: int) -> None:
        if events & 4:
            if self._connecting:
                self._finish_connect()
            else:
                self._drain()
            if not events & ~4 or self.closed:
                return
        elif self._connecting:
            self._finish_connect()
            return
        if self._paused:
            self._broken_while_paused()
            return
        try:
            size = self.sock.recv_into(_buffer)
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
        if self._linger:
            return
        self._incoming.write(_view[:size])
        if self.handshaken:
            self._read_records()
        else:
            self._handshake()

    def _read_records(self) -> None:
        tls = self._ssl
        incoming = self._incoming
        read = tls.read
        filled = 0
        ended = False
        try:
            while filled <= _FULL:
                size: int = read(_RECORD, _plain[filled:])  # type: ignore[assignment]
                filled += size
                ended = not size
                if ended or not incoming.pending:
                    break
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            self._push()
            self.lose(_tls_failure(error, self.peer))
            return
        if self._outgoing.pending:
            self._answer()
        if filled:
            data: bytes = _plain[:filled]  # type: ignore[assignment]
            self.receiver.on_data(data if self.lends else bytes(data))
        if incoming.pending and not ended:
            # More than there is room for had gathered behind a pause.
            self.reactor.call_soon(self._read_held)
        if ended and not self.closed:
            super()._end_of_input()

    def _answer(self) -> None:
        """Send what OpenSSL says to a peer that changed its keys and wants ours changed (RFC 8446 section
        4.6.3). It would gather for as long as we have nothing to send ourselves."""
        if self._outgoing.pending > MOST_ANSWERS:
            self.lose(Failure(errors.TLS_FAILED, "too many key updates"))
        elif not self._unsent:
            self._push()

    def _end_of_input(self) -> None:
        if self._linger:
            self._destroy()
        elif not self.handshaken:
            self.lose(
                Failure(errors.TLS_FAILED, "the peer closed during the handshake", unprocessed=True)
            )
        else:
            self.lose(ConnectionResetError(104, "closed without a TLS goodbye"))

    # --- writing --------------------------------------------------------------------------

    def flush(self) -> None:
        if self.handshaken or self.closed:
            super().flush()
        else:
            self._dirty = False
            if self._closing and self._linger is False and not self._eof_sent:
                self._destroy()

    def send(self, data: bytes | memoryview) -> None:
        if self.handshaken:
            super().send(data)
        elif not self.closed:
            self._out.append(bytes(data))

    def _send(self, data: bytes | memoryview) -> None:
        write = self._ssl.write
        size = len(data)
        done = write(data)
        if done < size:
            view = memoryview(data)
            while done < size:
                done += write(view[done:])
        self._transmit(self._outgoing.read())

    def _push(self) -> None:
        """Send what OpenSSL wants to say by itself."""
        data = self._outgoing.read()
        if data and not self.closed:
            if self._unsent:
                self._unsent += data
            else:
                self._transmit(data)

    def _destroy(self, reason: str = "") -> None:
        super()._destroy(reason)
        # Relays and their ends refer to each other and wait for the garbage collector, which counts
        # objects and not their size: what is large goes now.
        self._ssl = _NO_SESSION
        self._incoming = self._outgoing = _NO_BYTES

    def _cannot_send(self, error: OSError) -> None:
        if self.handshaken:
            super()._cannot_send(error)
        else:
            self.lose(error)

    def _say_goodbye(self) -> None:
        # OpenSSL looks for the peer's goodbye at once, and would throw away what lies before it.
        held = self._incoming.read()
        try:
            self._ssl.unwrap()
        except ssl.SSLError:
            pass  # The peer's goodbye need not have come yet.
        except OSError:
            pass
        if held:
            self._incoming.write(held)
        self._push()


def _tls_failure(error: ssl.SSLError, where: str) -> Failure:
    reason = (
        error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
    )
    detail = f"{where}: {reason}" if where else str(reason)
    return Failure(errors.TLS_FAILED, detail, unprocessed=True)
