"""How a gRPC call ended: its status, from trailers, HTTP status, reset code, or the transport."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol
from urllib.parse import unquote


class Code(IntEnum):
    """gRPC status codes."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Status:
    code: Code
    message: str = ""

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}" if self.message else self.code.name


class Headers(Protocol):
    def get(self, name: str, /) -> bytes | None: ...


def from_trailers(headers: Headers) -> Status | None:
    """The status of trailers, or of a head that is all there is; None when there is none."""
    raw = headers.get("grpc-status")
    if raw is None:
        return None
    message = unquote((headers.get("grpc-message") or b"").decode("latin-1"), errors="replace")
    try:
        return Status(Code(int(raw)), message)
    except ValueError:
        return Status(Code.UNKNOWN, f"unknown grpc-status {raw!r}: {message}")


_FROM_HTTP = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}


def from_http(status: int) -> Status:
    """An answer that is not gRPC's (gRPC, "HTTP to gRPC status code mapping")."""
    return Status(_FROM_HTTP.get(status, Code.UNKNOWN), f"HTTP status {status}")


_FROM_RESET = {
    0x7: Code.UNAVAILABLE,
    0x8: Code.CANCELLED,
    0xB: Code.RESOURCE_EXHAUSTED,
    0xC: Code.PERMISSION_DENIED,
}


def from_reset(error_code: int) -> Status:
    """A stream the peer reset (gRPC over HTTP/2, "Errors")."""
    return Status(_FROM_RESET.get(error_code, Code.INTERNAL), f"stream reset, code {error_code:#x}")
