"""Who watches. A watcher asks for a number of requests; each one that matches counts against it.

The data path looks at one list per direction, which is empty while there is nothing to tell: an
observer is put into it with the first watcher and taken out after the last event that is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.tap.subject import Event, RequestInit

if TYPE_CHECKING:
    from proxy.net.exchange import Call
    from proxy.tap.match import Predicate
    from proxy.tap.subject import Subject

Observer = Callable[["Call", str], None]


class Tap:
    """One watcher: what it wants, how much more of it, and where its events go."""

    __slots__ = ("_deliver", "_finished", "matches", "on_full", "open", "remaining")

    def __init__(
        self,
        limit: int,
        matches: Predicate,
        deliver: Callable[[Event], None],
        finished: Callable[[], None],
    ) -> None:
        """`deliver` must not wait nor raise; `finished` follows the last event of `limit` requests."""
        if limit <= 0:
            raise ValueError(f"limit {limit}: allowed are whole numbers from 1")
        self.remaining = limit
        """Requests it may still see begin."""
        self.open = 0
        """Requests it has seen begin and not end."""
        self.on_full: Callable[[], None] | None = None
        """Called when it may see no other begin."""
        self.matches = matches
        self._deliver = deliver
        self._finished = finished

    def tell(self, event: Event) -> None:
        self._deliver(event)

    def ended(self) -> None:
        """A request that it saw begin is over."""
        self.open -= 1
        self.finish_if_over()

    def finish_if_over(self) -> None:
        if not self.open and not self.remaining:
            self._finished()

    def __repr__(self) -> str:
        return f"<Tap {self.remaining} to go, {self.open} open>"


class Watched:
    """A request somebody watches, from its first event to its last."""

    __slots__ = ("_registry", "_taps", "stream", "subject")

    def __init__(self, registry: Registry, taps: list[Tap], stream: int, subject: Subject) -> None:
        self._registry = registry
        self._taps = taps
        self.stream = stream
        self.subject = subject

    def tell(self, event: Event) -> None:
        """To every watcher that is still there."""
        for tap in self._taps:
            if tap in self._registry:
                tap.tell(event)

    def end(self, event: Event) -> None:
        """The last event; no other follows."""
        self.tell(event)
        for tap in self._taps:
            if tap in self._registry:
                tap.ended()
        self._registry.forget(self)


class Registry:
    """The watchers of one process."""

    def __init__(self, *, first: int = 0, step: int = 1) -> None:
        """Requests are numbered from `first` on in steps: processes of one proxy use no number twice."""
        self._taps: dict[Tap, None] = {}
        self._wanting: list[Tap] = []
        self._watched: set[Watched] = set()
        self._attached: list[tuple[list[Observer], Observer]] = []
        self._next = first
        self._step = step

    def attach(self, observers: list[Observer], observer: Observer) -> None:
        """Keep `observer` in the list exactly while there is something for it to see."""
        self._attached.append((observers, observer))
        self._settle()

    def add(self, tap: Tap) -> None:
        """From the next request on."""
        self._taps[tap] = None
        self._wanting.append(tap)
        self._settle()

    def remove(self, tap: Tap) -> None:
        """It hears nothing more; removing it twice is as good as once."""
        self._taps.pop(tap, None)
        if tap in self._wanting:
            self._wanting.remove(tap)
        self._settle()

    def begin(self, subject: Subject) -> Watched | None:
        """A request begins: tell those whom it concerns. None when it concerns nobody."""
        taps = [tap for tap in self._wanting if tap.matches(subject)]
        if not taps:
            return None
        stream = self._next
        self._next += self._step
        watched = Watched(self, taps, stream, subject)
        self._watched.add(watched)
        event = RequestInit(stream, subject)
        for tap in taps:
            self.count(tap)
        watched.tell(event)
        return watched

    def count(self, tap: Tap) -> None:
        """A request begins that it sees, here or in another process."""
        tap.remaining -= 1
        tap.open += 1
        if not tap.remaining:
            self._full(tap)

    def fill(self, tap: Tap) -> None:
        """Let it see no other request begin; it finishes when those it has seen begin have ended."""
        if tap.remaining:
            tap.remaining = 0
            self._full(tap)
            tap.finish_if_over()

    def _full(self, tap: Tap) -> None:
        self._wanting.remove(tap)
        self._settle()
        if tap.on_full is not None:
            tap.on_full()

    def forget(self, watched: Watched) -> None:
        self._watched.discard(watched)
        self._settle()

    def __contains__(self, tap: Tap) -> bool:
        return tap in self._taps

    def __len__(self) -> int:
        return len(self._taps)

    def _settle(self) -> None:
        active = bool(self._wanting or self._watched)
        for observers, observer in self._attached:
            present = observer in observers
            if active and not present:
                observers.append(observer)
            elif present and not active:
                observers.remove(observer)

    def __repr__(self) -> str:
        return f"<Registry {len(self._taps)} taps, {len(self._watched)} requests watched>"
