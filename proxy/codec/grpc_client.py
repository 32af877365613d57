"""A gRPC client over one HTTP/2 connection, without I/O: bytes in and events out, calls in and bytes out.

    session = ClientSession("identity:8080")
    call = session.call("/io.linkerd.proxy.identity.Identity/Certify", request)
    transport.send(session.take_output())
    for event in session.receive(transport.recv()):   # Message, Ended, ...

Requests are unary: one message, then the end of the stream. Answers may be one message or many;
a call always ends with exactly one `Ended`. The connection's flow control follows the reader:
bytes are given back as they are delivered, since whoever reads here keeps up.
"""

from __future__ import annotations

from dataclasses import dataclass

from httpunk._httpunk import (
    H2_HEADERS_HEAD,
    H2_HEADERS_TRAILERS,
    H2Error,
    H2FrameData,
    H2FrameGoAway,
    H2FrameHeaders,
    H2FramePing,
    H2FrameRstStream,
    H2FrameSettings,
    H2FrameStreamError,
    H2FrameWindowUpdate,
    H2Reason,
    H2StreamError,
    H2Streams,
    HeaderMap,
)

from proxy.codec import grpc_frames
from proxy.codec.grpc_status import Code, Status, from_http, from_reset, from_trailers

STREAM_WINDOW = 1 << 18
CONNECTION_WINDOW = 1 << 20
MAX_FRAME = 1 << 14
MAX_HEADERS = 1 << 14
SEND_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an answer."""

    call: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a call."""

    call: int
    status: Status
    refused: bool = False
    """The server says that it did nothing with the call (REFUSED_STREAM)."""


Event = Message | Ended
Metadata = tuple[tuple[str, str], ...]
"""Names, in lower case, and values of headers."""


class _Call:
    """One stream: what is still to be sent, and the answer so far."""

    __slots__ = ("decoder", "head_status", "id", "offset", "request")

    def __init__(self, request: bytes) -> None:
        self.id = 0
        self.request = request
        self.offset = 0
        self.decoder = grpc_frames.Decoder()
        self.head_status: Status | None = None
        """Set when the head already decides the outcome."""


class ClientSession:
    """One connection with its calls."""

    def __init__(
        self,
        authority: str,
        *,
        scheme: str = "http",
        user_agent: str = "weft",
        metadata: Metadata = (),
    ) -> None:
        """`metadata` goes with every call."""
        self._metadata = metadata
        self._authority = authority
        self._scheme = scheme
        self._user_agent = user_agent
        self._calls: dict[int, _Call] = {}
        self._blocked: list[_Call] = []
        self._ended = False
        self._h2 = H2Streams(
            "client",
            initial_window_size=STREAM_WINDOW,
            connection_window=CONNECTION_WINDOW,
            max_frame_size=MAX_FRAME,
            max_header_list_size=MAX_HEADERS,
            max_send_buf_size=SEND_BUFFER,
            enable_push=False,
        )
        self._h2.begin()

    # --- calls ----------------------------------------------------------------------------

    @property
    def accepts_calls(self) -> bool:
        """False when the connection has ended, is being closed by the peer, or is full."""
        return not self._ended and not self._h2.is_closed() and self._h2.can_open()

    @property
    def is_over(self) -> bool:
        """Whether the connection can be closed: ended, or told to go away and nothing in flight."""
        return self._ended or (self._h2.goaway_info() is not None and not self._calls)

    def call(self, path: str, message: bytes) -> int | None:
        """Begin a call; its id, or None when the connection accepts none."""
        if not self.accepts_calls or not self._h2.try_claim_slot():
            return None
        headers = HeaderMap()
        headers["content-type"] = "application/grpc"
        headers["te"] = "trailers"
        headers["user-agent"] = self._user_agent
        for name, value in self._metadata:
            headers[name] = value
        call = _Call(grpc_frames.encode(message))
        stream_id = self._h2.open_stream(
            "POST",
            path,
            headers,
            False,
            False,
            call,
            scheme=self._scheme,
            authority=self._authority,
        )
        if stream_id is None:
            return None
        call.id = stream_id
        self._calls[stream_id] = call
        self._send(call)
        return stream_id

    def cancel(self, call: int) -> None:
        """Give a call up; no further event comes for it."""
        if self._calls.pop(call, None) is not None and not self._ended:
            self._h2.reset_stream(call, int(H2Reason.CANCEL), "user")

    def _send(self, call: _Call) -> None:
        """Queue as much of the request as the windows take."""
        while call.offset < len(call.request):
            verdict = self._h2.send_data(call.id, call.request, call.offset, True)
            if verdict.stopped is not None:
                return
            call.offset += verdict.sent
            if verdict.done:
                return
            if not verdict.sent:
                self._blocked.append(call)
                return

    def _send_blocked(self) -> None:
        blocked, self._blocked = self._blocked, []
        for call in blocked:
            if call.id in self._calls:
                self._send(call)

    # --- bytes ----------------------------------------------------------------------------

    def take_output(self) -> bytes:
        """What is to be written now; empty when nothing is."""
        if not self._h2.has_pending():
            return b""
        pending, _ = self._h2.take_pending()
        output = bytes(pending)
        pending.release()
        if self._h2.credit_written():
            self._send_blocked()
        return output

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes mean. After a violation by the peer every call has ended."""
        if self._ended:
            return []
        events: list[Event] = []
        try:
            for frame in self._h2.receive(data):
                try:
                    self._dispatch(frame, events)
                except H2StreamError as error:
                    stream_id, reason, initiator = error.args
                    if initiator != "remote":
                        self._h2.reset_on_error(stream_id, reason)
                    self._end(stream_id, from_reset(reason), events)
            self._h2.maybe_goaway_reply()
        except H2Error as error:
            self._h2.send_goaway(_reason(error))
            self._end_all(Status(Code.UNAVAILABLE, f"HTTP/2 violation: {error}"), events)
        return events

    def end_of_input(self, why: str = "connection closed") -> list[Event]:
        """The transport is gone: every call that is open ends UNAVAILABLE."""
        events: list[Event] = []
        self._end_all(Status(Code.UNAVAILABLE, why), events)
        return events

    # --- frames ---------------------------------------------------------------------------

    def _dispatch(self, frame: object, events: list[Event]) -> None:
        if isinstance(frame, H2FrameData):
            self._on_data(frame, events)
        elif isinstance(frame, H2FrameHeaders):
            self._on_headers(frame, events)
        elif isinstance(frame, H2FrameWindowUpdate):
            self._h2.recv_window_update(frame)
            self._send_blocked()
        elif isinstance(frame, H2FrameSettings):
            self._h2.recv_settings(frame)
            self._send_blocked()
        elif isinstance(frame, H2FramePing):
            self._h2.recv_ping(frame)
        elif isinstance(frame, H2FrameRstStream):
            if self._h2.recv_reset(frame) is not None:
                refused = frame.error_code == int(H2Reason.REFUSED_STREAM)
                status = from_reset(frame.error_code)
                self._end(frame.stream_id, status, events, refused=refused)
        elif isinstance(frame, H2FrameGoAway):
            aborted, _ = self._h2.recv_go_away(frame)
            for handle, _ in aborted:
                assert isinstance(handle, _Call)
                self._end(handle.id, Status(Code.UNAVAILABLE, "the peer is going away"), events)
        elif isinstance(frame, H2FrameStreamError):
            raise H2StreamError(frame.stream_id, frame.error_code, "library")

    def _on_headers(self, frame: H2FrameHeaders, events: list[Event]) -> None:
        verdict = self._h2.recv_headers(frame)
        call = self._calls.get(frame.stream_id)
        if call is None:
            return
        if verdict.kind == H2_HEADERS_HEAD:
            call.head_status = _status_of_head(frame)
            if verdict.eof:
                status = from_trailers(frame.headers) or call.head_status
                self._end(call.id, status or _no_status(), events)
        elif verdict.kind == H2_HEADERS_TRAILERS:
            self._finish(call, from_trailers(frame.headers), events)

    def _on_data(self, frame: H2FrameData, events: list[Event]) -> None:
        verdict = self._h2.recv_data(frame)
        call = self._calls.get(frame.stream_id)
        if verdict.payload is not None and verdict.handle is not None:
            if verdict.budgeted:
                self._h2.release_data_frame(frame.stream_id, len(verdict.payload))
            self._h2.release_capacity(frame.stream_id, len(verdict.payload))
            if call is not None and call.head_status is None:
                self._decode(call, verdict.payload, events)
        if verdict.eof and frame.stream_id in self._calls and call is not None:
            self._finish(call, None, events)

    def _decode(self, call: _Call, payload: bytes, events: list[Event]) -> None:
        try:
            messages = call.decoder.feed(payload)
        except grpc_frames.FrameError as error:
            self._h2.reset_stream(call.id, int(H2Reason.CANCEL), "user")
            self._end(call.id, Status(Code.INTERNAL, str(error)), events)
            return
        events += [Message(call.id, message) for message in messages]

    def _finish(self, call: _Call, status: Status | None, events: list[Event]) -> None:
        if call.head_status is not None:
            status = status or call.head_status
        elif status is None:
            status = _no_status()
        elif status.code is Code.OK and not call.decoder.is_between_messages:
            status = Status(Code.INTERNAL, "the answer ended inside a message")
        self._end(call.id, status, events)

    def _end(
        self, call: int, status: Status, events: list[Event], *, refused: bool = False
    ) -> None:
        if self._calls.pop(call, None) is not None:
            events.append(Ended(call, status, refused))

    def _end_all(self, status: Status, events: list[Event]) -> None:
        self._ended = True
        for call in list(self._calls):
            self._end(call, status, events)


def _status_of_head(frame: H2FrameHeaders) -> Status | None:
    """The outcome, when the head is not that of a gRPC answer."""
    if frame.status != 200:
        return from_http(frame.status or 0)
    kind = frame.headers.get("content-type") or b""
    if not kind.startswith(b"application/grpc"):
        return Status(Code.UNKNOWN, f"content-type {kind.decode('latin-1')!r} is not gRPC")
    return None


def _no_status() -> Status:
    return Status(Code.UNKNOWN, "the answer ended without a grpc-status")


def _reason(error: H2Error) -> int:
    reason = error.args[0] if error.args else None
    return reason if isinstance(reason, int) else int(H2Reason.PROTOCOL_ERROR)
