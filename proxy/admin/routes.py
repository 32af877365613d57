"""Every path of the admin server and its answer; what the answers say comes from `Facts`.

What changes the process (its log level, its end) is answered to clients on this host only.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

LOCAL_ONLY = "Requests are only permitted from localhost."


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    """Path and query."""
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes
    is_local: bool
    """Whether the client connected from this host's loopback."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = field(default=())
    stream: Stream | None = None
    """What follows the body, for as long as the client listens."""


class Stream(Protocol):
    """What comes by and by. Whoever is given one calls `leave` in the end."""

    def take(self) -> bytes:
        """What there is since the last time; may be nothing."""

    def leave(self) -> None: ...


class LogFilter(Protocol):
    """The log level of the process."""

    @property
    def text(self) -> str: ...
    def change(self, text: str) -> None:
        """Raises ValueError for text that is not a filter."""

    def follow(self, text: str) -> Stream | None:
        """Lines that the filter lets through, the one in force if it is empty; None when too many
        follow. Raises ValueError for text that is not a filter."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the answers are made of."""

    is_ready: Callable[[], bool]
    metrics: Callable[[], str]
    metrics_content_type: str
    environment: Mapping[str, str]
    log_filter: LogFilter
    shut_down: Callable[[], None] | None
    """None when POST /shutdown is not enabled."""
    errors: Callable[[], Sequence[Mapping[str, str | int]]] = tuple
    """What went wrong of late, the newest first."""


Handler = Callable[[Facts, Request, str], Response]


def answer(facts: Facts, request: Request) -> Response:
    """The answer to a request."""
    path, _, query = request.target.partition("?")
    route = _ROUTES.get(path)
    if route is None:
        return _text(404, "not found: there are " + ", ".join(sorted(_ROUTES)))
    method = "GET" if request.method == "HEAD" else request.method
    handler = route.get(method)
    if handler is None:
        allowed = ", ".join(sorted(route))
        return _text(405, f"allowed is {allowed}", (("allow", allowed),))
    return handler(facts, request, query)


def _live(facts: Facts, request: Request, query: str) -> Response:
    return _text(200, "live")


def _ready(facts: Facts, request: Request, query: str) -> Response:
    return _text(200, "ready") if facts.is_ready() else _text(503, "not ready")


def _metrics(facts: Facts, request: Request, query: str) -> Response:
    return packed(request, facts.metrics().encode(), facts.metrics_content_type)


def packed(request: Request, body: bytes, content_type: str) -> Response:
    """The body, compressed for those who take it so."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        smaller = gzip.compress(body, compresslevel=1)
        return Response(200, smaller, content_type, (("content-encoding", "gzip"),))
    return Response(200, body, content_type)


def _errors(facts: Facts, request: Request, query: str) -> Response:
    """The last hundred errors: time, side, peer, route, endpoint, number, name and cause."""
    return Response(200, json.dumps(list(facts.errors()), indent=2).encode() + b"\n", JSON)


def _environment(facts: Facts, request: Request, query: str) -> Response:
    """All variables, or those named: `?A&B`, null for one that is not set."""
    accepted = request.headers.get("accept", "*/*")
    if not any(kind in accepted for kind in ("*/*", "application/*", JSON)):
        return _text(406, f"only {JSON} is served")
    if "=" in query:
        return _text(400, "the query names variables, separated by &")
    names = [name for name in query.split("&") if name]
    chosen: Mapping[str, str | None] = facts.environment
    if names:
        chosen = {name: facts.environment.get(name) for name in names}
    return Response(200, json.dumps(dict(chosen), indent=2).encode() + b"\n", JSON)


def _log_level(facts: Facts, request: Request, query: str) -> Response:
    if not request.is_local:
        return _text(403, LOCAL_ONLY)
    return _text(200, facts.log_filter.text)


def _set_log_level(facts: Facts, request: Request, query: str) -> Response:
    if not request.is_local:
        return _text(403, LOCAL_ONLY)
    try:
        facts.log_filter.change(request.body.decode("utf-8").strip())
    except ValueError as error:
        return _text(400, str(error))
    return Response(204)


def _logs(facts: Facts, request: Request, query: str) -> Response:
    """Lines of JSON from now on, by a filter in the query or, of method QUERY, in the body."""
    if not request.is_local:
        return _text(403, LOCAL_ONLY)
    if request.method == "HEAD":
        return Response(200, content_type=JSON)
    try:
        text = request.body.decode("utf-8").strip() if request.method == "QUERY" else query
        tail = facts.log_filter.follow(text)
    except ValueError as error:
        return _text(400, str(error))
    if tail is None:
        return _text(503, "as many read the log already as may")
    return Response(200, content_type=JSON, stream=tail)


def _shut_down(facts: Facts, request: Request, query: str) -> Response:
    if not request.is_local:
        return _text(403, LOCAL_ONLY)
    if facts.shut_down is None:
        return _text(404, "shutdown endpoint is not enabled")
    facts.shut_down()
    return _text(200, "shutdown")


_ROUTES: dict[str, dict[str, Handler]] = {
    "/live": {"GET": _live},
    "/ready": {"GET": _ready},
    "/metrics": {"GET": _metrics},
    "/errors": {"GET": _errors},
    "/env.json": {"GET": _environment},
    "/proxy-log-level": {"GET": _log_level, "PUT": _set_log_level},
    "/logs.json": {"GET": _logs, "QUERY": _logs},
    "/shutdown": {"POST": _shut_down},
}


def _text(status: int, line: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    return Response(status, line.encode() + b"\n", TEXT, headers)
