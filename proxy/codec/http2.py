"""HTTP/2 without I/O: bytes in, calls on streams, bytes out.

The state machines, flow control and flood budgets are httpunk's (the h2 crate's). A `Session` feeds
them and calls the `Stream` each frame belongs to; whoever owns the session moves its bytes:

    session.receive(data)            what came from the peer; streams are called from inside
    session.take() ... sent()        what to write, and that it was written

`owner.wake()` says that there is something to take. Windows are given back to the peer only for
bytes that were passed on: a stream that is paused keeps what it owes until it resumes. A stream
whose own window is shut keeps the rest of its data in a backlog and tells `on_blocked`.

Two bounds are added here. The library holds a peer to the size of its header lists only once the peer
has acknowledged our settings, which a hostile one never does. And frames that are cheap to send and
make us work or answer (PING, SETTINGS, PRIORITY, tiny windows, requests reset at once) have an allowance.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from httpunk._httpunk import (
    H2_FLAG_CAPACITY,
    H2_FLAG_CONN_DONE,
    H2_FLAG_SLOT_FREED,
    H2_FLAG_STOP_ACCEPTING,
    H2_HEADERS_HEAD,
    H2_HEADERS_OPENED,
    H2_HEADERS_TRAILERS,
    H2Error,
    H2FrameData,
    H2FrameGoAway,
    H2FrameHeaders,
    H2FramePing,
    H2FramePriority,
    H2FrameRstStream,
    H2FrameSettings,
    H2FrameStreamError,
    H2FrameWindowUpdate,
    H2ProtocolError,
    H2Stopped,
    H2StreamError,
    H2Streams,
    H2UserError,
)

from proxy.codec.allowance import Allowance
from proxy.codec.message import HTTP_2, Headers, RequestHead, ResponseHead, is_authority

NO_ERROR: Final = 0x0
PROTOCOL_ERROR: Final = 0x1
INTERNAL_ERROR: Final = 0x2
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
ENHANCE_YOUR_CALM: Final = 0xB

PING: Final = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + b"alive?\r\n"
"""A whole frame; it may follow anything that `Session.take` gave."""

KEEP_ALIVE_TIMEOUT = 20.0
"""Seconds a PING may be unanswered where nothing else is set, as in hyper."""

UNTIL_SETTINGS = 100
"""Streams a client opens before it has heard how many the server takes."""
FIRST_READS = 16_384
"""Bytes looked at in one go until the peer has acknowledged our settings."""
TINY_WINDOW = 64
"""Bytes: a window opened by less is noise."""
NOISE_PER_MESSAGE = 4
"""Noisy frames that go with a head or a piece of a body from a peer that is busy, not hostile: gRPC probes
the bandwidth with a PING for every message, however small."""
ALLOWANCE_SECONDS = 10.0
"""An allowance of noise or resets may be spent this often."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When to ask a silent peer whether it is there, and how long to wait for a sign of life."""

    interval: float
    """Seconds of silence."""
    timeout: float
    """Seconds after which a connection on which nothing was heard is lost."""
    while_idle: bool = True
    """Ask even while no request is in progress."""


@dataclass(frozen=True, slots=True)
class Http2Settings:
    """What we grant a peer, in bytes unless said otherwise."""

    stream_window: int = 65_535
    """Bytes one stream may have in flight towards us: the memory one slow reader can pin."""
    connection_window: int = 1_048_576
    max_frame_size: int = 16_384
    max_header_list: int = 65_536
    max_streams: int = 1_000
    """Requests a client may have open at once; more are refused (and may be retried)."""
    send_buffer: int = 262_144
    """Bytes of one stream that may wait for the connection to take them."""
    noise: int = 1_000
    """Frames that move nothing (PING, SETTINGS, PRIORITY, tiny windows) in ten seconds."""
    resets: int = 1_000
    """Requests a client may take back unanswered in ten seconds, unless most of its requests are not."""
    keep_alive: KeepAlive | None = None
    """None: the kernel's own keep-alive must do."""


class Owner(Protocol):
    """Who drives a session."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wake(self) -> None:
        """There are bytes to write."""

    def accept(self) -> Stream:
        """Server: a stream object for the next request."""

    def slot_freed(self) -> None:
        """Client: another request may be opened."""

    def finished(self) -> None:
        """No stream will begin or go on."""


class Stream:
    """One request and its response. Subclasses say what the frames mean."""

    __slots__ = ("_backlog", "_owed", "closed", "paused", "session", "sid")

    def __init__(self) -> None:
        self.session: Session
        self.sid: int
        self._backlog: deque[tuple[bytes, bool] | Headers] | None = None
        self._owed: list[tuple[int, bool]] | None = None
        self.paused = False
        """What the peer sends is passed on, but its window is not given back."""
        self.closed = False
        """Nothing more can be sent."""

    @property
    def answered(self) -> bool:
        """Server: its response has begun. Who waits for that and leaves then had to keep our pace."""
        return False

    # --- what the peer did: for subclasses ------------------------------------------------

    def on_head(self, frame: H2FrameHeaders, ends: bool) -> None:
        """The request's head (server) or the response's (client)."""
        raise NotImplementedError

    def on_data(self, data: bytes, ends: bool) -> None:
        raise NotImplementedError

    def on_trailers(self, trailers: Headers) -> None:
        raise NotImplementedError

    def on_reset(self, code: int | None, *, unprocessed: bool) -> None:
        """The peer gave the stream up (`code`), or the connection broke (None).

        `unprocessed`: the peer promises that the request had no effect.
        """
        raise NotImplementedError

    def on_blocked(self) -> None:
        """The peer's window is shut: bring no more data until `on_unblocked`."""
        raise NotImplementedError

    def on_unblocked(self) -> None:
        raise NotImplementedError

    # --- what we send ---------------------------------------------------------------------

    def send_data(self, data: bytes, ends: bool) -> None:
        """Send body bytes, or keep what the windows do not take."""
        backlog = self._backlog
        if backlog is not None:
            backlog.append((data, ends))
            return
        rest = self._push(data, ends)
        if rest is not None:
            self._backlog = deque(((rest, ends),))
            self.on_blocked()

    def send_trailers(self, trailers: Headers) -> None:
        """End the stream with trailers."""
        if self._backlog is not None:
            self._backlog.append(trailers)
        elif not self.closed:
            self._push_trailers(trailers)

    def _push(self, data: bytes, ends: bool) -> bytes | None:
        """Frame `data` as far as the windows allow; what is left, or None."""
        if self.closed:
            return None
        session = self.session
        send = session.h2.send_data
        offset = 0
        while True:
            verdict = send(self.sid, data, offset, ends)
            if verdict.done:
                break
            if verdict.stopped is not None:
                self.closed = True
                return None
            if not verdict.sent:
                if offset:
                    session.owner.wake()
                return data[offset:] if offset else data
            if verdict.flags > 1:
                session.after(verdict.flags)
            offset += verdict.sent
        if ends:
            self.closed = True
        session.owner.wake()
        if verdict.flags > 1:
            session.after(verdict.flags)
        return None

    def _push_trailers(self, trailers: Headers) -> None:
        session = self.session
        self.closed = True
        verdict = session.h2.send_trailers(self.sid, trailers)
        session.owner.wake()
        session.after(verdict.flags)

    def window_opened(self) -> None:
        """The session's word that this stream may send again."""
        backlog = self._backlog
        if backlog is None:
            return
        while backlog:
            item = backlog.popleft()
            if isinstance(item, tuple):
                rest = self._push(*item)
                if rest is not None:
                    backlog.appendleft((rest, item[1]))
                    return
            elif not self.closed:
                self._push_trailers(item)
        self._backlog = None
        if not self.closed:
            self.on_unblocked()

    def reset(self, code: int) -> None:
        """Give the stream up; nothing more is called on it."""
        self._backlog = None
        self.closed = True
        session = self.session
        verdict = session.h2.reset_stream(self.sid, code)
        session.owner.wake()
        session.after(verdict.flags)

    # --- what we let the peer send --------------------------------------------------------

    def pause(self) -> None:
        """Stop giving windows back."""
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        owed, self._owed = self._owed, None
        for size, budgeted in owed or ():
            self.session.release(self.sid, size, budgeted)

    def owe(self, size: int, budgeted: bool) -> None:
        """Window to give back when the stream resumes."""
        if self._owed is None:
            self._owed = []
        self._owed.append((size, budgeted))


class Session:
    """One HTTP/2 connection."""

    __slots__ = (
        "_acknowledged",
        "_acknowledging",
        "_max_header_list",
        "_messages",
        "_noise",
        "_resets",
        "_spare",
        "_streams_seen",
        "_taken",
        "flooded",
        "h2",
        "is_server",
        "owner",
        "settled",
        "wants_slot",
    )

    def __init__(self, owner: Owner, settings: Http2Settings, *, server: bool) -> None:
        self.owner = owner
        self.is_server = server
        self.h2 = H2Streams(
            "server" if server else "client",
            initial_window_size=settings.stream_window,
            connection_window=settings.connection_window,
            max_frame_size=settings.max_frame_size,
            max_header_list_size=settings.max_header_list,
            max_send_buf_size=settings.send_buffer,
            max_concurrent_streams=settings.max_streams if server else None,
            enable_push=None if server else False,
        )
        self.settled = False
        """The peer's settings have arrived."""
        self.wants_slot = False
        """Somebody waits to hear that a stream has ended."""
        self.flooded = False
        """The connection had to end because the peer did too much of what costs it little."""
        self._acknowledging = False
        """Our settings were acknowledged in what was read last: the library unpacked that before."""
        self._acknowledged = False
        self._max_header_list = settings.max_header_list
        self._noise = Allowance(settings.noise, ALLOWANCE_SECONDS)
        self._resets = Allowance(settings.resets, ALLOWANCE_SECONDS)
        self._messages = 0
        """Heads and pieces of bodies since the allowance of noise was granted."""
        self._streams_seen = 0
        self._spare: Stream | None = None
        self._taken: memoryview | None = None
        self.h2.begin()

    # --- bytes in -------------------------------------------------------------------------

    def receive(self, data: bytes) -> str | None:
        """Take bytes from the peer. Returns what is wrong when the connection must end.

        The GOAWAY that says so to the peer is queued then, and every stream has been told.
        """
        if not self._acknowledged:
            if self._acknowledging:
                self._acknowledged = True
            elif len(data) > FIRST_READS:
                return self._receive_slowly(data)
        h2 = self.h2
        server = self.is_server
        stream: Stream | None
        try:
            for frame in h2.receive(data):
                try:
                    if isinstance(frame, H2FrameHeaders):
                        self._messages += 1
                        if not self._acknowledged:
                            self._bound(frame.headers)
                        if server:
                            self._request(frame)
                            continue
                        if frame.status is None:
                            self._trailers(frame)
                            continue
                        found = h2.recv_headers(frame)
                        if found.kind == H2_HEADERS_HEAD and not frame.is_informational:
                            stream = found.handle  # type: ignore[assignment]
                            assert stream is not None
                            stream.on_head(frame, found.eof)
                        flags = found.flags
                        if flags and (flags != H2_FLAG_SLOT_FREED or self.wants_slot):
                            self.after(flags)
                    elif isinstance(frame, H2FrameData):
                        verdict = h2.recv_data(frame)
                        stream = verdict.handle  # type: ignore[assignment]
                        if stream is not None:
                            payload = verdict.payload
                            if payload is None:
                                if verdict.eof:
                                    stream.on_data(b"", True)
                            else:
                                self._messages += 1
                                stream.on_data(payload, verdict.eof)
                                if stream.paused:
                                    stream.owe(len(payload), verdict.budgeted)
                                else:
                                    if verdict.budgeted:
                                        h2.release_data_frame(frame.stream_id, len(payload))
                                    if h2.release_capacity(frame.stream_id, len(payload)):
                                        self.owner.wake()
                            if verdict.eof and stream.paused:
                                # Nobody will resume what has ended, and its window is the connection's.
                                stream.resume()
                        flags = verdict.flags
                        if flags and (flags != H2_FLAG_SLOT_FREED or self.wants_slot):
                            self.after(flags)
                    elif isinstance(frame, H2FrameWindowUpdate):
                        if frame.increment < TINY_WINDOW:
                            self._spend_noise()
                        _open_windows(h2.recv_window_update(frame))
                    else:
                        self._control(frame)
                except H2StreamError as error:
                    self._stream_error(error)
            flags = h2.maybe_goaway_reply() if h2.is_closed() else 0
            if flags:
                self.after(flags)
        except H2Error as error:
            reason = error.args[0] if error.args and isinstance(error.args[0], int) else 1
            self.flooded = reason == ENHANCE_YOUR_CALM
            h2.send_goaway(reason)
            self.owner.wake()
            self.fail(error)
            return str(error.args[-1])
        return None

    def _receive_slowly(self, data: bytes) -> str | None:
        """Piece by piece: what one piece unpacks to is looked at before the next is unpacked."""
        for start in range(0, len(data), FIRST_READS):
            wrong = self.receive(data[start : start + FIRST_READS])
            if wrong is not None:
                return wrong
        return None

    def _bound(self, headers: Headers) -> None:
        """The largest header list there may be, for peers the library does not hold to it yet."""
        size = sum(len(name) + len(value) + 32 for name, value in headers.raw_items())
        if size > self._max_header_list:
            raise H2ProtocolError(ENHANCE_YOUR_CALM, "header list larger than allowed")

    def _spend_noise(self) -> None:
        noise = self._noise
        noise.left -= 1
        if noise.left < 0:
            busy = self._messages * NOISE_PER_MESSAGE >= noise.size
            self._messages = 0
            if not noise.renew(self.owner.now(), deserved=busy):
                raise H2ProtocolError(ENHANCE_YOUR_CALM, "too many frames that move nothing")

    def _spend_reset(self) -> None:
        resets = self._resets
        resets.left -= 1
        if resets.left < 0:
            opened = (self.h2.last_processed_id - self._streams_seen) // 2
            self._streams_seen = self.h2.last_processed_id
            if not resets.renew(self.owner.now(), deserved=opened > 2 * resets.size):
                raise H2ProtocolError(ENHANCE_YOUR_CALM, "too many requests taken back")

    def _request(self, frame: H2FrameHeaders) -> None:
        """Server: a request, or the trailers of one."""
        spare = self._spare
        if spare is None:
            spare = self.owner.accept()
            spare.session = self
        h2 = self.h2
        verdict = h2.recv_headers(frame, spare)
        kind = verdict.kind
        if kind == H2_HEADERS_OPENED:
            self._spare = None
            spare.sid = sid = frame.stream_id
            h2.accepted(sid)
            spare.on_head(frame, verdict.eof)
        else:
            self._spare = spare
            if kind == H2_HEADERS_TRAILERS:
                self._received_trailers(_ours(verdict.handle), frame)
        if verdict.flags:
            self.after(verdict.flags)

    def _trailers(self, frame: H2FrameHeaders) -> None:
        """Client: headers without a status."""
        verdict = self.h2.recv_headers(frame)
        if verdict.kind == H2_HEADERS_TRAILERS:
            self._received_trailers(_ours(verdict.handle), frame)
        flags = verdict.flags
        if flags and (flags != H2_FLAG_SLOT_FREED or self.wants_slot):
            self.after(flags)

    def _received_trailers(self, stream: Stream, frame: H2FrameHeaders) -> None:
        stream.on_trailers(frame.headers)
        if stream.paused:
            stream.resume()

    def _control(self, frame: object) -> None:
        h2 = self.h2
        if isinstance(frame, H2FrameSettings):
            if frame.ack:
                self._acknowledging = True
            self._spend_noise()
            initial, woken, flags = h2.recv_settings(frame)
            if initial:
                self.settled = True
                flags |= 0 if self.is_server else H2_FLAG_SLOT_FREED
            _open_windows(woken)
            self.after(flags)
        elif isinstance(frame, H2FramePing):
            self._spend_noise()
            self.after(h2.recv_ping(frame))
        elif isinstance(frame, H2FrameRstStream):
            stopped = h2.recv_reset(frame)
            answered = False
            if stopped is not None:
                handle, _stop, _notify, flags = stopped
                stream = _ours(handle)
                answered = stream.answered
                stream.closed = True
                stream.on_reset(frame.error_code, unprocessed=frame.error_code == REFUSED_STREAM)
                self.after(flags)
            if self.is_server and not answered:
                self._spend_reset()
        elif isinstance(frame, H2FrameGoAway):
            aborted, flags = h2.recv_go_away(frame)
            for handle, _stop in aborted:
                stream = _ours(handle)
                stream.closed = True
                stream.on_reset(frame.error_code, unprocessed=True)
            self.after(flags)
        elif isinstance(frame, H2FramePriority):
            self._spend_noise()
        elif isinstance(frame, H2FrameStreamError):
            raise H2StreamError(frame.stream_id, frame.error_code, "library")

    def _stream_error(self, error: H2StreamError) -> None:
        """One stream broke the rules: it is reset, the connection goes on."""
        self._spare = None
        sid, reason, initiator = error.args
        if initiator == "remote":
            return
        verdict = self.h2.reset_on_error(sid, reason)
        if verdict.handle is not None:
            stream = _ours(verdict.handle)
            stream.closed = True
            stream.on_reset(reason, unprocessed=False)
        self.after(verdict.flags | 1)

    def after(self, flags: int) -> None:
        """Do what the state machine asked for."""
        owner = self.owner
        if flags & 1:
            owner.wake()
        if flags & H2_FLAG_CAPACITY:
            first = self.h2.next_capacity_wake()
            if first is not None:
                _ours(first).window_opened()
        if flags & H2_FLAG_SLOT_FREED:
            owner.slot_freed()
        if flags & (H2_FLAG_CONN_DONE | H2_FLAG_STOP_ACCEPTING):
            owner.finished()

    def release(self, sid: int, size: int, budgeted: bool) -> None:
        """Bytes of a stream were passed on: the peer may send as many again."""
        if budgeted:
            self.h2.release_data_frame(sid, size)
        if self.h2.release_capacity(sid, size):
            self.owner.wake()

    # --- bytes out ------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        return self.h2.has_pending()

    def take(self) -> memoryview:
        """Everything to write now; `sent` must follow."""
        self._taken = self.h2.take_pending()[0]
        return self._taken

    def sent(self) -> None:
        """What was taken is on its way: streams that waited for room go on."""
        if self._taken is not None:
            self._taken.release()
            self._taken = None
        _open_windows(self.h2.credit_written())

    # --- requests and responses -----------------------------------------------------------

    def open(self, stream: Stream, head: RequestHead, ends: bool) -> bool:
        """Client: send a request's head. False when the connection takes no more now. The owner
        knows by the answer that there is something to write.

        Raises H2UserError for headers that may not be sent.
        """
        h2 = self.h2
        if not self.settled and h2.num_open_streams >= UNTIL_SETTINGS:
            return False
        if not h2.try_claim_slot():
            return False
        sid = h2.open_stream(
            head.method,
            head.path,
            head.headers,
            ends,
            head.method == "HEAD",
            stream,
            scheme=head.scheme,
            authority=head.authority,
        )
        if sid is None:
            return False
        stream.session = self
        stream.sid = sid
        stream.closed = ends
        return True

    def respond(self, stream: Stream, head: ResponseHead, ends: bool) -> None:
        """Server: send a response's head."""
        if stream.closed:
            return
        verdict = self.h2.send_response_head(stream.sid, head.status, head.headers, ends)
        if verdict.stopped is not None:
            stream.closed = True
            return
        if ends:
            stream.closed = True
        self.owner.wake()
        if verdict.flags > 1:
            self.after(verdict.flags)

    # --- the end --------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Server: say that no new requests are wanted; those on their way are still served."""
        self.after(self.h2.begin_graceful_shutdown())

    def go_away(self, code: int = NO_ERROR) -> None:
        self.h2.send_goaway(code)
        self.owner.wake()

    def fail(self, error: BaseException | None = None) -> None:
        """The connection is gone: every stream is told."""
        for handle, _stop in self.h2.fail(error):
            stream = _ours(handle)
            stream.closed = True
            stream.on_reset(None, unprocessed=False)

    @property
    def closed(self) -> bool:
        """No new request can be opened or will arrive."""
        return self.h2.is_closed()

    @property
    def streams(self) -> int:
        return self.h2.num_streams


def _ours(handle: object) -> Stream:
    """The state machine hands back the stream objects it was given."""
    assert isinstance(handle, Stream)
    return handle


def _open_windows(handles: list[object]) -> None:
    for handle in handles:
        _ours(handle).window_opened()


def request_head(frame: H2FrameHeaders) -> RequestHead:
    """The head of a request that arrived as HTTP/2.

    The library has looked at names, values and the order of fields. Whether the request says where it
    goes, and only once, is looked at here (RFC 9113 section 8.3.1). Raises H2StreamError, on which the
    session resets the stream.
    """
    headers = frame.headers
    method, path, scheme = frame.method, frame.path, frame.scheme
    connects = method == "CONNECT"
    if method is None or ((not path or scheme is None) and not connects):
        raise _malformed(frame)
    if path:
        # Policy must see what the application will: in what is sent on, a whole URI would win over the
        # authority, and a fragment be gone (RFC 9113 section 8.3.1).
        if path[0] != "/" and path != "*":
            raise _malformed(frame)
        if "#" in path:
            path = path[: path.index("#")]
    authority = frame.authority
    if authority is None:
        hosts = headers.get_all("host")
        if len(hosts) > 1:
            raise _malformed(frame)
        authority = hosts[0].decode("latin-1") if hosts else ""
    elif "host" in headers:
        # What routes the request and what the application reads must be one.
        del headers["host"]
    length = frame.content_length
    if not is_authority(authority) or (
        length is not None and len(headers.get_all("content-length")) > 1
    ):
        raise _malformed(frame)
    return RequestHead(
        method,
        path or "/",
        authority,
        headers,
        HTTP_2,
        length,
        scheme or "http",
        upgrade=connects,
    )


def _malformed(frame: H2FrameHeaders) -> H2StreamError:
    return H2StreamError(frame.stream_id, PROTOCOL_ERROR, "library")


__all__ = [
    "CANCEL",
    "ENHANCE_YOUR_CALM",
    "INTERNAL_ERROR",
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "REFUSED_STREAM",
    "H2FrameHeaders",
    "H2Stopped",
    "H2UserError",
    "Http2Settings",
    "Owner",
    "Session",
    "Stream",
    "request_head",
]
