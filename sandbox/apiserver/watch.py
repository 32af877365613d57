"""Changes and those who follow them: the replay window of a resource, and one watcher's queue.

Every write of the store becomes one `Change` with its own revision. `History` keeps the latest of
one resource, so that a watch can start in the past; `Watch` translates changes into what *its*
scope sees (an object that stops matching a selector is DELETED for that watcher) and buffers them.
A watcher that does not read is cut off, never waited for.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from sandbox.apiserver.errors import GoneError
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.selectors import Scope


class EventType(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `before` is None for a creation, `after` is None for a deletion."""

    revision: int
    before: Obj | None
    after: Obj | None
    final: Obj | None = None
    """For a deletion: the last state, carrying the deletion's own resourceVersion."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one watcher sees. `object` is shared with the store: read it, do not change it."""

    type: EventType
    object: Obj
    revision: int


def seen(change: Change, scope: Scope) -> Event | None:
    """How `change` looks to somebody who watches only `scope`."""
    was = change.before is not None and scope.covers(change.before)
    now = change.after is not None and scope.covers(change.after)
    if now and change.after is not None:
        kind = EventType.MODIFIED if was else EventType.ADDED
        return Event(kind, change.after, change.revision)
    if was and change.before is not None:
        last = change.final or change.after or change.before
        return Event(EventType.DELETED, last, change.revision)
    return None


class History:
    """The latest changes of one resource."""

    def __init__(self, window: int, forgotten: int = 0) -> None:
        """`forgotten` is the latest revision of which nothing is known any more."""
        self._changes: deque[Change] = deque(maxlen=window)
        self._forgotten = forgotten

    def record(self, change: Change) -> None:
        if len(self._changes) == self._changes.maxlen:
            self._forgotten = self._changes[0].revision
        self._changes.append(change)

    def after(self, revision: int) -> list[Change]:
        """Every change later than `revision`. GoneError when some of them are forgotten."""
        if revision < self._forgotten:
            raise GoneError.too_old(revision, self._forgotten)
        return [change for change in self._changes if change.revision > revision]


class Watch:
    """A running watch: `async for event in watch`, or `pending()` where nothing may wait.

    Raises GoneError from the iteration when the watcher fell more than `capacity` events behind;
    then list again. `close` ends the iteration after what is already buffered.
    """

    def __init__(self, scope: Scope, capacity: int = 10_000) -> None:
        self.scope = scope
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._closed = False
        self._overflowed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Watch {state} {len(self._events)} buffered>"

    @property
    def closed(self) -> bool:
        return self._closed

    def offer(self, change: Change) -> None:
        """Called by the store for every change of the resource."""
        if self._closed:
            return
        event = seen(change, self.scope)
        if event is not None:
            self.push(event)

    def push(self, event: Event) -> None:
        if len(self._events) >= self._capacity:
            self._overflowed = True
            self.close()
            return
        self._events.append(event)
        self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    def pending(self) -> list[Event]:
        """Takes everything buffered, without waiting."""
        events = list(self._events)
        self._events.clear()
        self._wake.clear()
        return events

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._overflowed:
                raise GoneError("the watcher fell too far behind and missed events; list again")
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._events.popleft()
