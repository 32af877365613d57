"""Answers kept up to date, each subscriber at its own pace.

A *view* is one answer (the endpoints of an authority, the policy of a port), worked out from the
index and shared by all who asked the same. It remembers the facts it read; a change that touches
one of them has it worked out again, once. A *subscription* takes the newest value whenever its
reader is ready for one: a reader that is slow skips what it missed, costs the others nothing, and
holds no queue. What a change looks like on the wire is rendered once per distinct view of it and
kept until the next change.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, Self, TypeVar, cast

from destination.index import Fact, Index, Reader
from kit.rpc.status import Internal, RpcError

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")
Compute = Callable[[Reader], T]

_SLICE = 0.005  # seconds of work before other tasks get a turn


class View(Generic[T]):
    """One answer and who wants it. A value that is an error ends its subscriptions with it."""

    def __init__(self, compute: Compute[T]) -> None:
        self._compute = compute
        self.value: T | RpcError
        self.version = 0
        self.facts: frozenset[Fact] = frozenset()
        self.subscribers: set[Subscription[T]] = set()
        self._made: dict[Hashable, Any] = {}

    def refresh(self, index: Index) -> bool:
        """Works the answer out again; whether it differs from the last."""
        reader = Reader(index)
        value: T | RpcError
        try:
            value = self._compute(reader)
        except RpcError as error:
            value = error
        except Exception:
            # A defect met by one object must not silence the answers about all the others.
            log.exception("an answer could not be worked out")
            value = Internal("unexpected error")
        self.facts = frozenset(reader.facts)
        if self.version and not isinstance(value, RpcError) and value == self.value:
            return False
        self.value = value
        self.version += 1
        self._made.clear()
        return True

    def once(self, key: Hashable, make: Callable[[], R]) -> R:
        """`make()`, once per key and version: what several subscribers would make alike."""
        if key not in self._made:
            self._made[key] = make()
        return cast(R, self._made[key])


class Subscription(Generic[T]):
    """One reader of a view: `async for value in subscription` yields the newest value each time.

    Raises the view's error when its value becomes one; ends when the fan-out closes.
    """

    def __init__(self, fanout: "Fanout", key: Hashable, view: View[T]) -> None:
        self._fanout = fanout
        self._key = key
        self._seen = 0
        self._wake = asyncio.Event()
        self.view = view

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fanout.leave(self._key, self.view, self)

    def wake(self) -> None:
        self._wake.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while self._seen == self.view.version and not self._fanout.closed:
            self._wake.clear()
            await self._wake.wait()
        if self._fanout.closed:
            raise StopAsyncIteration
        self._seen = self.view.version
        if isinstance(self.view.value, RpcError):
            raise self.view.value
        return self.view.value

    @property
    def version(self) -> int:
        """Of the value taken last."""
        return self._seen


class Fanout:
    """All views that somebody wants."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._views: dict[Hashable, View[Any]] = {}
        self._by_fact: dict[Fact, set[Hashable]] = {}
        self._dirty: set[Hashable] = set()
        self._work = asyncio.Event()
        self.closed = False
        self.refreshed = 0  # how many times a view was worked out again

    def subscribe(self, key: Hashable, compute: Compute[T]) -> Subscription[T]:
        """Joins the view of that key, or makes it. Leave by `with`. Raises the view's RpcError."""
        view = self._views.get(key)
        if view is None:
            view = View(compute)
            view.refresh(self._index)
            if isinstance(view.value, RpcError):
                raise view.value
            self._views[key] = view
            self._note(key, frozenset(), view.facts)
        elif key in self._dirty:
            self._refresh(key)
        if isinstance(view.value, RpcError):
            raise view.value
        subscription: Subscription[T] = Subscription(self, key, view)
        view.subscribers.add(subscription)
        return subscription

    def leave(self, key: Hashable, view: View[Any], subscription: Subscription[Any]) -> None:
        view.subscribers.discard(subscription)
        if not view.subscribers and self._views.get(key) is view:
            self._note(key, view.facts, frozenset())
            del self._views[key]
            self._dirty.discard(key)

    def touched(self, facts: Iterable[Fact]) -> None:
        """Says what changed in the index. Never waits."""
        for fact in facts:
            self._dirty |= self._by_fact.get(fact, set())
        if self._dirty:
            self._work.set()

    async def run(self) -> None:
        """Works dirty views out again until cancelled, letting others run in between."""
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            self._work.clear()
            started = loop.time()
            while self._dirty:
                self._refresh(next(iter(self._dirty)))
                if loop.time() - started > _SLICE:
                    await asyncio.sleep(0)
                    started = loop.time()

    def close(self) -> None:
        """Ends every subscription; streams end without an error."""
        self.closed = True
        for view in self._views.values():
            for subscription in view.subscribers:
                subscription.wake()

    def __len__(self) -> int:
        return len(self._views)

    @property
    def subscribers(self) -> int:
        return sum(len(view.subscribers) for view in self._views.values())

    def _refresh(self, key: Hashable) -> None:
        self._dirty.discard(key)
        view = self._views[key]
        before = view.facts
        changed = view.refresh(self._index)
        self.refreshed += 1
        self._note(key, before, view.facts)
        if changed:
            for subscription in view.subscribers:
                subscription.wake()

    def _note(self, key: Hashable, before: frozenset[Fact], after: frozenset[Fact]) -> None:
        for fact in before - after:
            keys = self._by_fact[fact]
            keys.discard(key)
            if not keys:
                del self._by_fact[fact]
        for fact in after - before:
            self._by_fact.setdefault(fact, set()).add(key)
