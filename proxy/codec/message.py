"""The heads of messages, as every part of the data path sees them whatever the HTTP version.

`Headers` is the codec's header map: ordered, case-insensitive, names as lower-case `str`, values as
`bytes`, validated on entry (no CR, LF or NUL survives), so that no value can break out of its line.
"""

from __future__ import annotations

import re
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
    "clean_trailers",
    "is_authority",
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


_NO_TRAILERS = HOP_BY_HOP | {
    "authorization",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "max-forwards",
    "proxy-authorization",
    "range",
    "trailer",
}
"""What says how a request is framed, routed or authorized, and must be known before its body."""

_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+;=-]*)(?::\d{0,5})?", re.ASCII)
_MOST_KNOWN = 1_000
_known: set[str] = {""}
"""Authorities that were looked at and are good: there are few, and each comes with every request."""

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


def is_authority(text: str) -> bool:
    """Whether this is a host, perhaps with a port, and nothing else: no user, no list, no space.

    RFC 9110 section 7.2 (Host) and RFC 9113 section 8.3.1 (`:authority`).
    """
    if text in _known:
        return True
    if _AUTHORITY.fullmatch(text) is None:
        return False
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known.add(text)
    return True


def clean_trailers(trailers: Headers) -> None:
    """Remove from a request's trailers what has its place before the body (RFC 9110 section 6.5.1),
    and what only the mesh may say. An application that merges trailers into headers would believe it.
    """
    for name in trailers.keys():  # noqa: SIM118 (a copy, and not the map itself)
        if name in _NO_TRAILERS or name.startswith("l5d-"):
            del trailers[name]


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
