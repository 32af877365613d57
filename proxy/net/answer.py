"""Responses the proxy makes itself: they say what failed, in Linkerd's words and with our number."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from proxy.codec.message import HTTP_1_1, Headers, ResponseHead
from proxy.net.failure import Failure
from weft import errors

if TYPE_CHECKING:
    from proxy.codec.message import RequestHead
    from proxy.net.exchange import Downstream

ERROR = "l5d-proxy-error"
CONNECTION = "l5d-proxy-connection"
MESSAGE = "grpc-message"

FAILED_PRECONDITION = 9
NOT_FOUND = 5

_UNREACHED = {
    b"[%d]" % kind.number: kind
    for kind in (errors.CONNECT_REFUSED, errors.CONNECT_TIMEOUT, errors.CONNECT_FAILED)
}
"""How the error text of such an answer ends."""

_MESSAGE_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


def describe(failure: Failure) -> str:
    """`connection refused: 10.0.0.7:8080 [2001]`: Linkerd's text first, our number last.

    Printable ASCII only: details may quote a peer.
    """
    kind = failure.kind
    text = f"{kind.text}: {failure.detail}" if failure.detail else kind.text
    clean = "".join(char if " " <= char <= "~" else "?" for char in text[:512])
    return f"{clean} [{kind.number}]"


def unreached(headers: Headers) -> Failure | None:
    """Why the application was not connected to, where another proxy's answer says so: the request had no effect."""
    said = headers.get(ERROR, b"")
    kind = _UNREACHED.get(said[-6:])
    return None if kind is None else Failure(kind, said.decode("latin-1"), unprocessed=True)


def withhold(headers: Headers) -> None:
    """Take out what another proxy says of its own answer; what an application says stays."""
    if ERROR in headers:
        del headers[ERROR]
        if MESSAGE in headers:
            del headers[MESSAGE]


def answer(
    request: RequestHead, downstream: Downstream, failure: Failure, *, informational: bool
) -> ResponseHead:
    """Respond instead of the endpoint; returns the head that was sent.

    `informational`: whether this client may see why, which names addresses. gRPC clients get 200 with a
    grpc-status, all others the HTTP status of the failure.
    """
    kind = failure.kind
    if request.is_grpc:
        headers = Headers(
            [("content-type", b"application/grpc"), ("grpc-status", str(kind.grpc_status))]
        )
        if informational:
            headers[MESSAGE] = quote(describe(failure), safe=_MESSAGE_SAFE)
        head = ResponseHead(200, headers, HTTP_1_1, None)
    else:
        headers = Headers([("content-length", b"0")])
        head = ResponseHead(kind.http_status, headers, HTTP_1_1, 0)
    if informational:
        headers[ERROR] = describe(failure)
    if kind.closes:
        if informational:
            headers[CONNECTION] = b"close"
        if downstream.is_http1:
            downstream.close_after_response()
    downstream.respond(head, True)
    return head


def policy_answer(
    request: RequestHead,
    status: int,
    message: str,
    code: int,
    *,
    where: str = "",
    grpc: bool = False,
) -> ResponseHead:
    """What a filter answers: an injected failure, or a redirect to `where`.

    `code` is for requests that expect a gRPC status, and for injected gRPC failures (`grpc`); `message`
    is empty where the client may not see why.
    """
    if grpc or (request.is_grpc and not where):
        headers = Headers([("content-type", b"application/grpc"), ("grpc-status", str(code))])
        head = ResponseHead(200, headers, HTTP_1_1, None)
    else:
        headers = Headers([("content-length", b"0")])
        if request.is_grpc:
            headers["grpc-status"] = str(code)
        head = ResponseHead(status, headers, HTTP_1_1, 0)
    if where:
        headers["location"] = where
    if message:
        headers[ERROR] = message.encode("ascii", "replace")
    return head
