"""In which form a viewer asks and is answered."""

from collections.abc import Callable
from dataclasses import dataclass

from tap import linkerd, query
from tap.merge import NOTHING, Json, line
from tap.query import Query, Target


@dataclass(frozen=True, slots=True)
class Form:
    """One of two."""

    content_type: str
    read: Callable[[Target, bytes], Query]
    """Raises QueryError."""
    encode: Callable[[Json], bytes]
    """One message; empty for what this form has no words for."""
    nothing: bytes
    """Sent after a silence."""


LINES = Form("application/x-ndjson", query.read_body, line, NOTHING)
FRAMES = Form("application/octet-stream", linkerd.read_body, linkerd.frame, b"")


def form_of(content_type: str, body: bytes) -> Form:
    """The one a request is in."""
    return FRAMES if linkerd.is_linkerds(content_type, body) else LINES
