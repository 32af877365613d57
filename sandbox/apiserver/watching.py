"""The watch stream: one JSON object per line, for as long as the client stays."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping

from starlette.responses import Response, StreamingResponse

from sandbox.apiserver.api import Api
from sandbox.apiserver.call import Call
from sandbox.apiserver.errors import (
    ApiError,
    BadRequestError,
    Cause,
    GoneError,
    InvalidError,
    forbidden,
)
from sandbox.apiserver.media import Form
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import flag, number
from sandbox.apiserver.resources import Resources
from sandbox.apiserver.selectors import FieldSelector, named
from sandbox.apiserver.watch import Event, EventType, Watch

BOOKMARK_SECONDS = 50.0
DEFAULT_SECONDS = 3600
"""How long a watch lasts that names no timeoutSeconds; the real server takes 30 to 60 minutes."""


class Watching:
    def __init__(self, api: Api, resources: Resources) -> None:
        self._api = api
        self._store = api.store
        self._resources = resources
        self._running: set[Watch] = set()

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        for watch in list(self._running):
            watch.close()

    async def handle(self, call: Call) -> Response:
        try:
            watch = self._start(call)
        except GoneError as error:
            return StreamingResponse(_only(error), media_type="application/json")
        return StreamingResponse(self._stream(call, watch), media_type="application/json")

    def _start(self, call: Call) -> Watch:
        labels, fields = self._resources.selectors(call)
        initial = flag(call.query, "sendInitialEvents")
        causes = list(_misfits(call.query, initial=initial))
        if causes:
            raise InvalidError.about("meta.k8s.io", "ListOptions", "", causes)
        since = _revision(call.query.get("resourceVersion", ""))
        if call.path.name:
            fields = FieldSelector((*fields.requirements, named(call.path.name)))
        return self._store.watch(
            call.storage,
            call.path.namespace or None,
            since=0 if initial else since,
            labels=labels,
            fields=fields,
            initial_bookmark=initial,
        )

    async def _stream(self, call: Call, watch: Watch) -> AsyncIterator[bytes]:
        seconds = number(call.query, "timeoutSeconds") or DEFAULT_SECONDS
        bookmarks = flag(call.query, "allowWatchBookmarks")
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        self._running.add(watch)
        try:
            while (left := end - loop.time()) > 0:
                try:
                    async with asyncio.timeout(min(left, BOOKMARK_SECONDS)):
                        event = await anext(watch)
                except TimeoutError:
                    if bookmarks and loop.time() < end:
                        yield self._line(call, self._store.bookmark(call.kind))
                    continue
                except StopAsyncIteration:
                    return
                except ApiError as error:
                    yield _error_line(error)
                    return
                # What else has come goes out in the same piece.
                yield b"".join(self._line(call, one) for one in (event, *watch.pending()))
        finally:
            self._running.discard(watch)
            self._store.unwatch(watch)

    def _line(self, call: Call, event: Event) -> bytes:
        body: Obj = event.object
        if event.type is not EventType.BOOKMARK or call.form is Form.TABLE:
            include = call.query.get("includeObject", "Metadata")
            body = self._resources.presenter.one(
                call.kind, event.object, call.form, self._store.clock(), include
            )
        return _encode({"type": event.type.value, "object": body})


def _misfits(query: Mapping[str, str], *, initial: bool) -> Iterator[Cause]:
    """What of a watch's options cannot be meant together."""
    match = query.get("resourceVersionMatch", "")
    if match and not initial:
        yield forbidden("resourceVersionMatch", "is forbidden for watch without sendInitialEvents")
    if initial and match != "NotOlderThan":
        yield forbidden("resourceVersionMatch", "sendInitialEvents needs NotOlderThan")
    if initial and not flag(query, "allowWatchBookmarks"):
        yield forbidden("sendInitialEvents", "sendInitialEvents needs allowWatchBookmarks")


def _revision(text: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError as error:
        raise BadRequestError(f'resourceVersion: Invalid value: "{text}": not a number') from error


def _encode(value: Obj) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _error_line(error: ApiError) -> bytes:
    return _encode({"type": "ERROR", "object": error.status()})


async def _only(error: ApiError) -> AsyncIterator[bytes]:
    yield _error_line(error)
