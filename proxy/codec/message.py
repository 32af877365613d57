"""The heads of messages, as every part of the data path sees them whatever the HTTP version.

`Headers` is the codec's header map: ordered, case-insensitive, names as lower-case `str`, values as
`bytes`, validated on entry (no CR, LF or NUL survives), so that no value can break out of its line.
"""

from __future__ import annotations

from typing import Final

from httpunk._httpunk import HeaderMap as Headers

__all__ = [
    "HOP_BY_HOP",
    "HTTP_1_0",
    "HTTP_1_1",
    "HTTP_2",
    "Headers",
    "RequestHead",
    "ResponseHead",
    "strip_hop_by_hop",
]

HTTP_1_0: Final = "HTTP/1.0"
HTTP_1_1: Final = "HTTP/1.1"
HTTP_2: Final = "HTTP/2"

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"}
)
_NEVER_NOMINATED = frozenset({"host", "content-length", "content-type", "authorization"})
"""A `connection` header that names these is an attack, not a wish: the field stays."""


_ONLY_CONNECTION = {"connection"}
_PLAIN = (b"keep-alive", b"close")
"""`connection` headers that nominate nothing."""


class RequestHead:
    """Everything before a request's body. Filters and codecs change it in place."""

    __slots__ = (
        "absolute",
        "authority",
        "content_length",
        "headers",
        "method",
        "path",
        "scheme",
        "upgrade",
        "version",
    )

    def __init__(
        self,
        method: str,
        path: str,
        authority: str,
        headers: Headers,
        version: str,
        content_length: int | None = None,
        scheme: str = "http",
        upgrade: bool = False,
    ) -> None:
        self.method = method
        self.path = path
        """Path and query; `*` for OPTIONS, the authority again for CONNECT."""
        self.authority = authority
        """`:authority`, or the host of an absolute target, or Host; empty when none was sent."""
        self.headers = headers
        self.version = version
        self.content_length = content_length
        """None when the body's length is not known before its end."""
        self.scheme = scheme
        self.absolute = False
        """The request line carried a whole URI."""
        self.upgrade = upgrade
        """CONNECT, or a request to switch protocols: a tunnel may follow."""

    @property
    def is_grpc(self) -> bool:
        """Whether the requester expects a gRPC status, also in answers made by a proxy."""
        return self.headers.get("content-type", b"").startswith(b"application/grpc")

    def __repr__(self) -> str:
        return f"<{self.method} {self.authority}{self.path} {self.version}>"


class ResponseHead:
    """Everything before a response's body."""

    __slots__ = ("content_length", "headers", "status", "version")

    def __init__(
        self, status: int, headers: Headers, version: str, content_length: int | None = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.version = version
        self.content_length = content_length

    def __repr__(self) -> str:
        return f"<{self.status} {self.version}>"


def strip_hop_by_hop(headers: Headers) -> None:
    """Remove what belongs to one connection only (RFC 9110 section 7.6.1).

    `te: trailers` stays: it is what lets gRPC trailers through.
    """
    present = HOP_BY_HOP.intersection(headers.keys())
    if not present:
        return
    if present == _ONLY_CONNECTION:
        values = headers.get_all("connection")
        if len(values) == 1 and values[0] in _PLAIN:
            del headers["connection"]
            return
    for line in headers.get_all("connection"):
        for token in line.decode("latin-1").split(","):
            name = token.strip().lower()
            if name and name in headers and name not in _NEVER_NOMINATED and name != "te":
                del headers[name]
    wants_trailers = any(
        token.strip().lower() == b"trailers"
        for line in headers.get_all("te")
        for token in line.split(b",")
    )
    for name in HOP_BY_HOP:
        if name in headers:
            del headers[name]
    if wants_trailers:
        headers["te"] = b"trailers"
