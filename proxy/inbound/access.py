"""The access log: a line on standard error for every inbound request, when it has ended.

Nothing of it is on the path of a request while it is off: the calls that count bytes are others.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from proxy.inbound.route import InboundCall, InboundHttp
from proxy.tap.downstream import client_of

if TYPE_CHECKING:
    from proxy.codec.message import Headers, RequestHead, ResponseHead
    from proxy.inbound.accept import Inbound
    from proxy.inbound.arrived import Arrived
    from proxy.net.exchange import Downstream
    from proxy.net.failure import Failure
    from proxy.net.reactor import Reactor

TRACE_IDS = ("x-b3-traceid", "x-request-id", "x-amzn-trace-id")
MAX_LINES = 10_000
"""Lines gathered in one batch of the loop before further ones are dropped."""


@dataclass(frozen=True, slots=True)
class Entry:
    client: str
    client_id: str
    at: datetime
    method: str
    uri: str
    version: str
    status: int
    """0 when no response was sent."""
    request_bytes: int
    response_bytes: int
    total: float
    """Seconds until the response had ended."""
    processing: float
    """Seconds until it began."""
    host: str = ""
    user_agent: str = ""
    trace_id: str = ""

    def apache(self) -> str:
        """The common log format."""
        request = _quote(f"{self.method} {self.uri} {self.version}")
        return (
            f"{self.client} {self.client_id or '-'} - [{self._stamp}] "
            f'"{request}" {self.status} {self.response_bytes}'
        )

    def json(self) -> str:
        return json.dumps(
            {
                "client.addr": self.client,
                "client.id": self.client_id,
                "timestamp": self._stamp,
                "method": self.method,
                "uri": self.uri,
                "version": self.version,
                "trace_id": self.trace_id,
                "request_bytes": self.request_bytes,
                "status": self.status,
                "response_bytes": self.response_bytes,
                "total_ns": round(self.total * 1e9),
                "processing_ns": round(self.processing * 1e9),
                "user_agent": self.user_agent,
                "host": self.host,
            }
        )

    @property
    def _stamp(self) -> str:
        return self.at.strftime("%d/%b/%Y:%H:%M:%S %z")


def _quote(text: str) -> str:
    """Nobody outside writes lines of ours: quotes, backslashes and control characters are escaped."""
    return "".join(
        f"\\{char}"
        if char in '"\\'
        else char
        if " " <= char <= "~"
        else f"\\x{ord(char) & 0xFF:02x}"
        for char in text
    )


class AccessLog:
    """Gathers lines and writes them once per batch."""

    def __init__(self, style: str, reactor: Reactor, out: TextIO | None = None) -> None:
        """`style` is `apache` or `json`."""
        self._style = style
        self._reactor = reactor
        self._out = out or sys.stderr
        self._lines: list[str] = []

    def write(self, entry: Entry) -> None:
        if not self._lines:
            self._reactor.call_soon(self._flush)
        if len(self._lines) < MAX_LINES:
            self._lines.append(entry.json() if self._style == "json" else entry.apache())

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        self._out.write("\n".join(lines) + "\n")
        self._out.flush()


class LoggedHttp(InboundHttp):
    """The service of a connection whose requests are logged."""

    __slots__ = ("client", "log")

    def __init__(self, inbound: Inbound, context: Arrived, log: AccessLog) -> None:
        super().__init__(inbound, context)
        self.log = log
        self.client = ""

    def call(self, head: RequestHead, downstream: Downstream) -> LoggedCall:
        if not self.client:
            self.client = str(client_of(downstream))
        return LoggedCall(head, downstream, self)


class LoggedCall(InboundCall):
    """A request that counts its bytes."""

    __slots__ = ("_at", "_log", "_received", "_responded_at", "_sent", "_told")

    def __init__(self, head: RequestHead, downstream: Downstream, service: LoggedHttp) -> None:
        super().__init__(head, downstream, service)
        self._at = datetime.now(UTC)
        self._log = service
        self._received = 0
        self._sent = 0
        self._responded_at = 0.0
        self._told = ("", "", "")

    def begin(self, ends: bool) -> None:
        headers = self.head.headers
        trace = next(filter(None, (_text(headers, name) for name in TRACE_IDS)), "")
        self._told = (self.head.authority, _text(headers, "user-agent"), trace)
        super().begin(ends)

    def request_body(self, data: bytes, ends: bool) -> None:
        self._received += len(data)
        super().request_body(data, ends)

    def response(self, head: ResponseHead, ends: bool) -> None:
        self._responded_at = self._log.clock()
        super().response(head, ends)

    def response_body(self, data: bytes, ends: bool) -> None:
        self._sent += len(data)
        super().response_body(data, ends)

    def on_end(self, trailers: Headers | None, failure: Failure | None) -> None:
        super().on_end(trailers, failure)
        service, head = self._log, self.head
        now = service.clock()
        host, user_agent, trace_id = self._told
        service.log.write(
            Entry(
                service.client,
                service.context.client.identity or "",
                self._at,
                head.method,
                head.path,
                head.version,
                self._status,
                self._received,
                self._sent,
                now - self._began,
                (self._responded_at or now) - self._began,
                host,
                user_agent,
                trace_id,
            )
        )


def _text(headers: Headers, name: str) -> str:
    value = headers.get(name)
    return value.decode("latin-1") if value is not None else ""
