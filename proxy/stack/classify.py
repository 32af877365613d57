"""The `grpc-status` of a response that has ended, which says whether it is a failure
(`weft.classification`)."""

from __future__ import annotations

from typing import Protocol

_UNKNOWN = 2
_LAST = 16
"""UNAUTHENTICATED, the highest code there is."""


class HeadersLike(Protocol):
    """A response's headers or trailers."""

    def get(self, name: str, /) -> bytes | None: ...


def grpc_status(headers: HeadersLike) -> int | None:
    """The `grpc-status` of headers or trailers; None without one.

    UNKNOWN for what is no code of gRPC's, as its clients read it: a peer must not be able to make up
    as many as it likes, each of which would be counted on its own.
    """
    value = headers.get("grpc-status")
    if value is None:
        return None
    code = int(value) if value.isdigit() and len(value) < 3 else _UNKNOWN
    return code if code <= _LAST else _UNKNOWN
