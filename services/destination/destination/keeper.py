"""Keeps the index's table of endpoints that were ready until just now."""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic

from prometheus_client import Counter

from destination.grace import Memory
from destination.index import Fact, Index
from kit.kube.objects import Key

_SLICES = "slices by service"


class Keeper:
    """Told of every change before those who read the index are."""

    def __init__(
        self,
        index: Index,
        seconds: float,
        graces: Counter,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`seconds`: how long an endpoint counts as ready until just now; 0 is not at all.
        `graces` counts Services that are left with such endpoints alone."""
        self._index = index
        self._seconds = seconds
        self._graces = graces
        self._clock = clock
        self._memories: dict[Key, Memory] = {}
        self._fading: set[Key] = set()
        self._changed = asyncio.Event()

    def touched(self, facts: Iterable[Fact]) -> set[Fact]:
        """Looks at the Services whose slices changed; which facts that changed in turn."""
        now = self._clock()
        changed: set[Fact] = set()
        for name, service in facts:
            if name == _SLICES and isinstance(service, Key):
                before = self._memories.get(service, Memory())
                slices = self._index.slices.by("service", service)
                after = before.seen((one for each in slices for one in each.endpoints), now)
                changed |= self._remember(service, before, after.lapsed(self._seconds, now))
        return changed

    def lapse(self) -> set[Fact]:
        """Forgets what is too old; which facts that changed."""
        now = self._clock()
        changed: set[Fact] = set()
        for service in tuple(self._fading):
            before = self._memories[service]
            changed |= self._remember(service, before, before.lapsed(self._seconds, now))
        return changed

    def next_lapse(self) -> float | None:
        """When `lapse` will have something to do, by the clock."""
        times = (self._memories[one].next_lapse(self._seconds) for one in self._fading)
        return min((at for at in times if at is not None), default=None)

    async def run(self, tell: Callable[[set[Fact]], None]) -> None:
        """Lapses in time, until cancelled."""
        while True:
            self._changed.clear()
            at = self.next_lapse()
            try:
                async with asyncio.timeout(None if at is None else at - self._clock()):
                    await self._changed.wait()
            except TimeoutError:
                tell(self.lapse())

    def _remember(self, service: Key, before: Memory, after: Memory) -> set[Fact]:
        if before.ready and not after.ready and after.ceased:
            self._graces.inc()
        if after:
            self._memories[service] = after
        else:
            self._memories.pop(service, None)
        if after.ceased:
            self._fading.add(service)
            self._changed.set()
            return self._index.lately_ready.put(service, frozenset(after.ceased))
        self._fading.discard(service)
        return self._index.lately_ready.drop(service)
