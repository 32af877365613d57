"""Success or failure: what `classification` says of a response that has ended (Linkerd's rules)."""

from __future__ import annotations

from typing import Protocol

GRPC_FAILURES = frozenset({2, 4, 7, 13, 14, 15})
"""UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL, UNAVAILABLE, DATA_LOSS."""


class HeadersLike(Protocol):
    """A response's headers or trailers."""

    def get(self, name: str, /) -> bytes | None: ...


def grpc_status(headers: HeadersLike) -> int | None:
    """The `grpc-status` of headers or trailers; None without one, UNKNOWN for nonsense."""
    value = headers.get("grpc-status")
    if value is None:
        return None
    return int(value) if value.isdigit() and len(value) < 3 else 2


def is_success(status: int, grpc: int | None) -> bool:
    """A gRPC response is judged by its code, any other by its HTTP status; 0 is no response."""
    if grpc is not None:
        return grpc not in GRPC_FAILURES
    return 0 < status < 500
