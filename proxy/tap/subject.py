"""What is known of a request when it begins, and what is told of it from then on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.addresses import SocketAddress

Labels = tuple[tuple[str, str], ...]
HeaderFields = tuple[tuple[str, bytes], ...]
"""Names in lower case; repeated ones in order."""


class Direction(Enum):
    """Which side of the proxy the request passes."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True)
class Subject:
    """A request as its head and its addresses describe it."""

    direction: Direction
    source: SocketAddress
    destination: SocketAddress
    """Outbound the endpoint that was chosen, or the address asked for when none was."""
    method: str
    scheme: str
    authority: str
    path: str
    """With the query."""
    headers: HeaderFields = ()
    source_labels: Labels = ()
    """`tls` is always among them: "true", or the reason why not."""
    destination_labels: Labels = ()
    """Of the endpoint; outbound only."""
    route_labels: Labels = ()


@dataclass(frozen=True, slots=True)
class RequestInit:
    """A request began."""

    stream: int
    """The same in all events of one request; unique in this process."""
    subject: Subject


@dataclass(frozen=True, slots=True)
class ResponseInit:
    """Its response began."""

    stream: int
    subject: Subject
    status: int
    headers: HeaderFields
    since_request: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class ResponseEnd:
    """It is over. At most one of `grpc_status` and `reset` is there; neither for plain HTTP."""

    stream: int
    subject: Subject
    since_request: float
    since_response: float
    """Seconds; 0 when no response began."""
    response_bytes: int
    """Of the body."""
    grpc_status: int | None = None
    reset: int | None = None
    """HTTP/2 error code."""
    trailers: HeaderFields = ()


Event = RequestInit | ResponseInit | ResponseEnd
