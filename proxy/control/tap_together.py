"""One tap server for the several processes of a proxy: what siblings are asked, and what they tell.

The leader alone has the tap port. What a client wants to see, it wants of its siblings as well, over a
socket pair to each, and passes on to the client what they tell:

    leader   ASK n, an ObserveRequest;  ENOUGH n, let no other request begin;  WITHDRAW n
    sibling  TELL n, a TapEvent;        OVER n, nothing more follows, and so many events were lost

A client's limit holds for all processes together, so the leader counts: what begins in a sibling
when the client has seen enough is not passed on, and ENOUGH is said. OVER follows when all that a
sibling saw begin has ended. A sibling whose leader does not keep up loses events as any tap does; if ends
are among them, OVER says that they have been.
"""

from __future__ import annotations

import logging
import struct
from collections import deque
from itertools import count
from typing import TYPE_CHECKING

from proxy.codec import grpc_frames
from proxy.control.tap import BUFFER_BYTES, Encoder, tap_of
from proxy.net.transport import Transport
from weftapi.proxy import tap_pb2

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from proxy.net.reactor import Reactor
    from proxy.tap.registry import Registry, Tap
    from proxy.tap.subject import Event

_log = logging.getLogger("proxy.control.tap")

_WORD = struct.Struct(">BI")
"""What is said, and of which inquiry."""
ASK, ENOUGH, WITHDRAW, TELL, OVER = range(5)
_COUNT = struct.Struct(">I")


class Line:
    """Words one way and the other, in order."""

    def __init__(
        self,
        reactor: Reactor,
        channel: socket.socket,
        heard: Callable[[Line, int, int, bytes], None],
    ) -> None:
        """`heard` gets every word: this line, what is said, of which inquiry, and the rest."""
        channel.setblocking(False)
        self._heard = heard
        self._decoder = grpc_frames.Decoder()
        self._reactor = reactor
        self._transport = Transport(reactor, channel, self)
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._dirty = False

    def start(self) -> None:
        self._transport.start()

    def stop(self) -> None:
        self._transport.abort()

    @property
    def full(self) -> bool:
        """Whether so much waits for the other side that what can be lost should be."""
        return self._size > BUFFER_BYTES

    def say(self, word: int, number: int, rest: bytes = b"") -> None:
        data = grpc_frames.encode(_WORD.pack(word, number) + rest)
        self._waiting.append(data)
        self._size += len(data)
        self._mark_dirty()

    def _mark_dirty(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._reactor.mark_dirty(self)

    def flush(self) -> None:
        self._dirty = False
        if self._waiting and not self._transport.blocked:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            self._transport.send(data)

    # --- receiver of the transport --------------------------------------------------------

    def on_connected(self) -> None:
        """A socket pair is."""

    def on_data(self, data: bytes) -> None:
        for message in self._decoder.feed(data):
            word, number = _WORD.unpack_from(message)
            self._heard(self, word, number, message[_WORD.size :])

    def on_eof(self) -> None:
        """The other process has ended, and this one is about to."""
        self.stop()

    def on_lost(self, failure: Exception) -> None:
        _log.info("a process of this proxy is gone: %s", failure)

    def on_blocked(self) -> None:
        """What follows waits here."""

    def on_unblocked(self) -> None:
        self._mark_dirty()

    def on_failure(self, error: Exception) -> None:
        self._transport.on_failure(error)


# --- the leader -----------------------------------------------------------------------------


class Inquiry:
    """What one client is told by the siblings."""

    def __init__(
        self, elsewhere: Elsewhere, number: int, tap: Tap, deliver: Callable[[bytes], None]
    ) -> None:
        self.lost = 0
        """Events that siblings could not tell."""
        self._elsewhere = elsewhere
        self._number = number
        self._tap = tap
        self._deliver = deliver
        self._open: dict[int, Line] = {}
        """The requests that it saw begin, and where."""
        tap.on_full = self._enough

    def told(self, line: Line, message: bytes) -> None:
        """An event in a sibling, as it goes out."""
        http = tap_pb2.TapEvent.FromString(message[grpc_frames.PREFIX_SIZE :]).http
        kind = http.WhichOneof("event")
        stream: int = getattr(http, str(kind)).id.stream
        if kind == "request_init":
            if not self._tap.remaining:
                return
            self._open[stream] = line
            self._elsewhere.registry.count(self._tap)
        elif stream not in self._open:
            return
        self._deliver(message)
        if kind == "response_end":
            del self._open[stream]
            self._tap.ended()

    def over(self, line: Line, lost: int) -> None:
        """A sibling tells nothing more, for the limit is reached; what it left open has ended unseen."""
        self.lost += lost
        self._elsewhere.registry.fill(self._tap)
        for stream in [stream for stream, where in self._open.items() if where is line]:
            del self._open[stream]
            self._tap.ended()

    def _enough(self) -> None:
        self._elsewhere.say(ENOUGH, self._number)

    def withdraw(self) -> None:
        """The client hears nothing more."""
        self._tap.on_full = None
        self._elsewhere.withdraw(self._number)


class Elsewhere:
    """The leader's side: all its siblings."""

    def __init__(
        self, reactor: Reactor, registry: Registry, channels: Sequence[socket.socket]
    ) -> None:
        self.registry = registry
        self._lines = [Line(reactor, channel, self._heard) for channel in channels]
        self._numbers = count()
        self._inquiries: dict[int, Inquiry] = {}
        for line in self._lines:
            line.start()

    def ask(self, message: bytes, tap: Tap, deliver: Callable[[bytes], None]) -> Inquiry:
        """Let a client see what the siblings see. `message` is its ObserveRequest, `tap` counts for
        all processes, and `deliver` gets events as they go out."""
        number = next(self._numbers)
        inquiry = self._inquiries[number] = Inquiry(self, number, tap, deliver)
        self.say(ASK, number, message)
        return inquiry

    def withdraw(self, number: int) -> None:
        if self._inquiries.pop(number, None) is not None:
            self.say(WITHDRAW, number)

    def say(self, word: int, number: int, rest: bytes = b"") -> None:
        for line in self._lines:
            line.say(word, number, rest)

    def stop(self) -> None:
        for line in self._lines:
            line.stop()

    def _heard(self, line: Line, word: int, number: int, rest: bytes) -> None:
        inquiry = self._inquiries.get(number)
        if inquiry is None:
            return  # withdrawn while this was on its way
        if word == TELL:
            inquiry.told(line, rest)
        elif word == OVER:
            inquiry.over(line, *_COUNT.unpack(rest))


# --- a sibling ------------------------------------------------------------------------------


class Asked:
    """What one client of the leader is told from here."""

    def __init__(self, line: Line, number: int, encoder: Encoder, message: bytes) -> None:
        self._line = line
        self._number = number
        self._encoder = encoder
        self._lost = 0
        # The leader has taken the same message.
        self._headers, self.tap = tap_of(message, self._tell, self._over)

    def _tell(self, event: Event) -> None:
        data = None if self._line.full else self._encoder.encode(event, headers=self._headers)
        if data is None:
            self._lost += 1
        else:
            self._line.say(TELL, self._number, data)

    def _over(self) -> None:
        self._line.say(OVER, self._number, _COUNT.pack(self._lost))


class Informer:
    """A sibling's side: tells its leader what is watched."""

    def __init__(self, reactor: Reactor, registry: Registry, channel: socket.socket) -> None:
        self._registry = registry
        self._encoder = Encoder()
        self._asked: dict[int, Asked] = {}
        self._line = Line(reactor, channel, self._heard)

    def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """The leader alone has the tap port, so there is no socket to listen on."""
        self._line.start()

    def stop(self) -> None:
        for number in list(self._asked):
            self._withdrawn(number)
        self._line.stop()

    def _heard(self, line: Line, word: int, number: int, rest: bytes) -> None:
        if word == ASK:
            asked = self._asked[number] = Asked(line, number, self._encoder, rest)
            self._registry.add(asked.tap)
        elif word == ENOUGH and number in self._asked:
            self._registry.fill(self._asked[number].tap)
        elif word == WITHDRAW:
            self._withdrawn(number)

    def _withdrawn(self, number: int) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._registry.remove(asked.tap)
