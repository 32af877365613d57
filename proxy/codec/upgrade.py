"""HTTP/1 carried as HTTP/2 between two proxies, with the original noted in `l5d-orig-proto`.

The client side notes version and URI form and drops what belongs to one connection; the server side
restores them before the application sees the request, and tells in the response which version the
application answered in. Requests that ask for another protocol are not carried this way.
"""

from __future__ import annotations

from proxy.codec.message import (
    HTTP_1_0,
    HTTP_1_1,
    HTTP_2,
    Headers,
    RequestHead,
    ResponseHead,
)

ORIG_PROTO = "l5d-orig-proto"
_ABSOLUTE = b"; absolute-form"


def carry_request(head: RequestHead) -> None:
    """Make an HTTP/1 request, hop-by-hop headers gone, ready for HTTP/2 (outbound)."""
    headers = head.headers
    note = b"HTTP/1.0" if head.version == HTTP_1_0 else b"HTTP/1.1"
    headers[ORIG_PROTO] = note + _ABSOLUTE if head.absolute else note
    if head.authority:
        del headers["host"]
    head.version = HTTP_2


def restore_request(head: RequestHead) -> bool:
    """Undo `carry_request` on the other side (inbound). False when there was nothing to undo."""
    headers = head.headers
    note = headers.get(ORIG_PROTO)
    if note is None:
        return False
    del headers[ORIG_PROTO]
    if note == b"HTTP/1.1":
        head.version = HTTP_1_1
    else:
        head.version = HTTP_1_0 if note.startswith(b"HTTP/1.0") else HTTP_1_1
        head.absolute = note.endswith(_ABSOLUTE)
    return True


def note_response(head: ResponseHead) -> None:
    """Tell the peer which version the application answered in (inbound)."""
    head.headers[ORIG_PROTO] = head.version


def restore_response(head: ResponseHead) -> bool:
    """Take the peer's note off again (outbound). False when there is none: the peer itself answered."""
    headers = head.headers
    note = headers.get(ORIG_PROTO)
    if note is None:
        return False
    del headers[ORIG_PROTO]
    head.version = HTTP_1_0 if note == b"HTTP/1.0" else HTTP_1_1
    return True


def to_http1(head: RequestHead) -> None:
    """HTTP/1 has no `:authority`: say it in Host, which a differing one may not contradict."""
    headers: Headers = head.headers
    if head.authority:
        headers["host"] = head.authority.encode("latin-1")
