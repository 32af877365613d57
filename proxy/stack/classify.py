"""The `grpc-status` of a response that has ended, which says whether it is a failure
(`weft.classification`)."""

from __future__ import annotations

from typing import Protocol


class HeadersLike(Protocol):
    """A response's headers or trailers."""

    def get(self, name: str, /) -> bytes | None: ...


def grpc_status(headers: HeadersLike) -> int | None:
    """The `grpc-status` of headers or trailers; None without one, UNKNOWN for nonsense."""
    value = headers.get("grpc-status")
    if value is None:
        return None
    return int(value) if value.isdigit() and len(value) < 3 else 2
