"""Whose part a request is: trace headers read, and passed on with this proxy's span as the parent.

Read in this order, the first that is there and well formed counts: W3C's `traceparent`, gRPC's
`grpc-trace-bin`, B3 in one header, B3 in several. All that are there are passed on, so that a
program that knows only one of them stays in the trace. A malformed header is left as it is: it is
the application's, not ours.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Protocol

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
GRPC = "grpc-trace-bin"
B3 = "b3"
B3_TRACE = "x-b3-traceid"
B3_SPAN = "x-b3-spanid"
B3_PARENT = "x-b3-parentspanid"
B3_SAMPLED = "x-b3-sampled"
B3_FLAGS = "x-b3-flags"

MAX_STATE = 512
"""Bytes of `tracestate` that a span repeats; the header itself is passed on whole."""

_W3C = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_B3 = re.compile(rb"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?")
_TRACE_ID = re.compile(rb"[0-9a-fA-F]{16}(?:[0-9a-fA-F]{16})?")
_SPAN_ID = re.compile(rb"[0-9a-fA-F]{16}")
_YES = (b"1", b"true", b"d")
_BINARY_SIZE = 29


class Headers(Protocol):
    def get(self, name: str, /) -> bytes | None: ...
    def __setitem__(self, name: str, value: bytes, /) -> None: ...


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The trace a request belongs to, and the span it comes from."""

    trace_id: bytes
    """16 bytes."""
    span_id: bytes
    """8 bytes."""
    sampled: bool
    state: str = ""
    """W3C's `tracestate`."""


def read(headers: Headers) -> TraceContext | None:
    """None when the request is part of no trace."""
    return _w3c(headers) or _grpc(headers) or _b3(headers) or _several_b3(headers)


def pass_on(headers: Headers, span_id: bytes) -> None:
    """Name this span as the parent of what comes next, in every form that is there."""
    span = span_id.hex().encode()
    match = _W3C.fullmatch(headers.get(TRACEPARENT) or b"")
    if match is not None:
        version, trace, _, flags, rest = match.groups()
        headers[TRACEPARENT] = b"-".join((version, trace, span, flags)) + (rest or b"")
    match = _B3.fullmatch(headers.get(B3) or b"")
    if match is not None:
        trace, parent, sampled, _ = match.groups()
        headers[B3] = b"-".join((trace, span, sampled or b"1", parent))
    parent_id = headers.get(B3_SPAN)
    if parent_id is not None and _SPAN_ID.fullmatch(parent_id):
        headers[B3_PARENT] = parent_id
        headers[B3_SPAN] = span
    binary = _decoded(headers.get(GRPC))
    if binary is not None:
        changed = binary[:19] + span_id + binary[27:]
        headers[GRPC] = base64.b64encode(changed).rstrip(b"=")


def _w3c(headers: Headers) -> TraceContext | None:
    match = _W3C.fullmatch(headers.get(TRACEPARENT) or b"")
    if match is None:
        return None
    version, trace, span, flags, rest = match.groups()
    if version == b"ff" or (version == b"00" and rest):
        return None
    state = (headers.get(TRACESTATE) or b"")[:MAX_STATE].decode("latin-1")
    return _context(trace, span, bool(int(flags, 16) & 1), state)


def _b3(headers: Headers) -> TraceContext | None:
    match = _B3.fullmatch(headers.get(B3) or b"")
    if match is None:
        return None
    trace, span, sampled, _ = match.groups()
    return _context(trace, span, sampled in _YES)


def _several_b3(headers: Headers) -> TraceContext | None:
    trace, span = headers.get(B3_TRACE), headers.get(B3_SPAN)
    if trace is None or span is None:
        return None
    if not _TRACE_ID.fullmatch(trace) or not _SPAN_ID.fullmatch(span):
        return None
    sampled = headers.get(B3_SAMPLED) in _YES or headers.get(B3_FLAGS) == b"1"
    return _context(trace, span, sampled)


def _grpc(headers: Headers) -> TraceContext | None:
    binary = _decoded(headers.get(GRPC))
    if binary is None:
        return None
    return _checked(binary[2:18], binary[19:27], bool(binary[28] & 1))


def _decoded(header: bytes | None) -> bytes | None:
    """OpenCensus' binary form: a version, then trace id, span id and options, each after its mark."""
    if header is None:
        return None
    try:
        binary = base64.b64decode(header + b"=" * (-len(header) % 4), validate=True)
    except binascii.Error:
        return None
    if len(binary) != _BINARY_SIZE or (binary[0], binary[1], binary[18], binary[27]) != (
        0,
        0,
        1,
        2,
    ):
        return None
    return binary


def _context(trace: bytes, span: bytes, sampled: bool, state: str = "") -> TraceContext | None:
    return _checked(
        bytes.fromhex(trace.decode().zfill(32)), bytes.fromhex(span.decode()), sampled, state
    )


def _checked(
    trace_id: bytes, span_id: bytes, sampled: bool, state: str = ""
) -> TraceContext | None:
    """Ids of nothing but zeros are none."""
    if not any(trace_id) or not any(span_id):
        return None
    return TraceContext(trace_id, span_id, sampled, state)
