"""One viewer: events of many proxies in, lines out; sampled by request, bounded, losses counted.

A proxy's stream must never wait for a viewer, so `tell` does not wait: what finds the queue full is
lost, and the viewer hears how many at that place.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

CAPACITY = 1000
"""Lines that may wait; a few seconds of a busy viewer."""
NOTHING = b"{}\n"
"""Says that nothing happened. Whoever stands between us and the viewer writes it on, and so learns that the
viewer has left, however quiet the target is."""


class Sampler:
    """Lets whole requests through, so many per second; what has begun is told to its end."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._burst = max(1.0, rate)
        self._tokens = self._burst
        self._at = clock()
        self._open: set[str] = set()

    def admits(self, request: str, *, begins: bool, ends: bool) -> bool:
        """Whether an event of the request is to be told."""
        if begins:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            self._open.add(request)
            return True
        if request not in self._open:
            return False
        if ends:
            self._open.discard(request)
        return True

    def forget(self, prefix: str) -> None:
        """The source of these requests is gone: they will not end."""
        self._open = {request for request in self._open if not request.startswith(prefix)}


class Viewer:
    """The queue between the proxies' streams and one HTTP answer."""

    def __init__(
        self,
        sampler: Sampler,
        capacity: int = CAPACITY,
        on_dropped: Callable[[int], None] = lambda count: None,
        encode: Callable[[Json], bytes] | None = None,
    ) -> None:
        """`encode` makes the bytes of a message, or none for what is not to be told: lines of JSON."""
        self.sampler = sampler
        self.told = 0
        """Messages handed out so far."""
        self._encode = line if encode is None else encode
        self._capacity = capacity
        self._on_dropped = on_dropped
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._wake = asyncio.Event()

    def tell(self, message: Json) -> None:
        """Never waits. A full queue loses the message."""
        self.tell_shared(Shared(message))

    def tell_shared(self, message: "Shared") -> None:
        """The same, of a message that others are told as well."""
        if len(self._lines) >= self._capacity:
            self.lost(1)
        elif data := message.encoded(self._encode):
            self._tell_lost()
            self._lines.append(data)
            self._wake.set()

    def lost(self, count: int) -> None:
        """Events that will never be told, here or at a proxy."""
        self._dropped += count
        self._on_dropped(count)
        self._wake.set()

    async def wait_lines(self, silence: float | None = None) -> bytes:
        """What is there to send, at least one line: NOTHING when there was none for `silence` seconds."""
        while not self._lines and not self._dropped:
            self._wake.clear()
            try:
                async with asyncio.timeout(silence):
                    await self._wake.wait()
            except TimeoutError:
                return NOTHING
        if not self._lines:
            self._tell_lost()
        whole = b"".join(self._lines)
        self.told += len(self._lines)
        self._lines.clear()
        return whole

    def _tell_lost(self) -> None:
        """At the place where it happened, if there are words for it."""
        if self._dropped:
            if data := self._encode({"dropped": str(self._dropped)}):
                self._lines.append(data)
            self._dropped = 0

    def __repr__(self) -> str:
        return f"<Viewer {len(self._lines)} lines wait, {self._dropped} dropped>"


class Shared:
    """A message for many viewers: its bytes are made once for each form."""

    __slots__ = ("_made", "_message")

    def __init__(self, message: Json) -> None:
        self._message = message
        self._made: dict[Callable[[Json], bytes], bytes] = {}

    def encoded(self, encode: Callable[[Json], bytes]) -> bytes:
        data = self._made.get(encode)
        if data is None:
            data = self._made[encode] = encode(self._message)
        return data


def line(message: Json) -> bytes:
    """One line of JSON: control characters are escaped, so that nothing can end it early."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
