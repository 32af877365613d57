"""HTTP/1, HTTP/2 or opaque, told from the first bytes of a connection.

Linkerd's rules: the first fourteen bytes of the HTTP/2 preface mean HTTP/2; fourteen or more bytes
that may be (the beginning of) an HTTP/1.0 or 1.1 request mean HTTP/1; anything else is opaque. A
wrong "opaque" costs a connection its HTTP metrics and routing; a wrong wait may cost it seconds,
because a protocol whose client sends a short word and listens for an answer sends nothing more.

So fewer than fourteen bytes are waited upon only if they begin as the preface or as a request of a
well-known method does. Linkerd reads once and gives up on those, too: a client that trickles its
request line is HTTP here and opaque there. From fourteen bytes on the answer is final, so that the
caller never needs to hold more than one read.
"""

from __future__ import annotations

import re
from enum import Enum, auto

DETECT_LIMIT = 1024
"""The most bytes worth reading before asking."""

_PREFACE = b"PRI * HTTP/2.0"
_SHORTEST_REQUEST = len(b"GET / HTTP/1.1")

_WELL_KNOWN = tuple(
    method + b" "
    for method in (
        b"GET",
        b"POST",
        b"PUT",
        b"DELETE",
        b"PATCH",
        b"OPTIONS",
        b"CONNECT",
        b"HEAD",
        b"TRACE",
    )
)

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110, 5.6.2
_TARGET = rb"[^\x00-\x20\x7f]"
_REQUEST_LINE = re.compile(rb"%b %b+ HTTP/1\.[01]\r?\Z" % (_TOKEN, _TARGET))
_BEGINNING = re.compile(rb"%b %b*(?: (?P<version>.*))?\Z" % (_TOKEN, _TARGET), re.DOTALL)
_VERSIONS = (b"HTTP/1.1\r", b"HTTP/1.0\r")


class Detection(Enum):
    HTTP1 = auto()
    HTTP2 = auto()
    OPAQUE = auto()
    NEED_MORE = auto()
    """Undecided. When no more comes in time, treat the connection as opaque."""


def detect(head: bytes) -> Detection:
    """Judge a connection by `head`, everything it has sent so far, which may be nothing yet."""
    if len(head) < _SHORTEST_REQUEST:
        return Detection.NEED_MORE if _worth_waiting(head) else Detection.OPAQUE
    if head.startswith(_PREFACE):
        return Detection.HTTP2
    return Detection.HTTP1 if _begins_request(head) else Detection.OPAQUE


def _worth_waiting(head: bytes) -> bool:
    return (
        _PREFACE.startswith(head)
        or any(method.startswith(head) for method in _WELL_KNOWN)
        or (head.startswith(_WELL_KNOWN) and _begins_request(head))
    )


def _begins_request(head: bytes) -> bool:
    """Whether `head` begins with a request line, or is the beginning of one.

    A method alone does not count: without a space after it, it may be a word of any protocol.
    """
    # A server ignores empty lines before the request line (RFC 9112, 2.2).
    line, newline, _ = head.lstrip(b"\r\n").partition(b"\n")
    if newline:
        return _REQUEST_LINE.match(line) is not None
    beginning = _BEGINNING.match(line)
    if beginning is None:
        return False
    version: bytes = beginning["version"] or b""
    return any(known.startswith(version) for known in _VERSIONS)


_SETTINGS = (0, 0, None, 4, 0, 0, 0, 0, 0)
"""A frame's head: a small length, the type, no flags, stream 0."""


_STATUS_LINE = b"HTTP/1."


def is_http_server(heard: bytes) -> bool | None:
    """Whether a server that spoke first speaks HTTP all the same; None while too little was heard.

    An HTTP/1 server answers a client that keeps it waiting (408), or that it does not want (503),
    before it has heard a request.
    """
    if heard.startswith(_STATUS_LINE):
        return True
    return None if _STATUS_LINE.startswith(heard) else is_http2_server(heard)


def is_http2_server(heard: bytes) -> bool | None:
    """Whether a server that spoke first speaks HTTP/2; None while too little was heard.

    Its connection preface is a SETTINGS frame on stream 0 (RFC 9113, 3.4), and many servers send it
    as soon as they accept. No protocol whose server greets first begins like that: MySQL has a zero
    where the frame type stands, and greetings of text have letters.
    """
    for at, wanted in enumerate(_SETTINGS):
        if at >= len(heard):
            return None
        if wanted is not None and heard[at] != wanted:
            return False
    return int.from_bytes(heard[:3], "big") % 6 == 0
