"""When to stop queueing for a destination that has nothing ready.

Waiting is worth it for a moment: an endpoint may be reconnecting. After `timeout` seconds without
anything ready, all that wait fail at once and newcomers fail immediately, until something is ready
again.
"""

from __future__ import annotations


class Failfast:
    """The state of one queue. Times are monotonic seconds."""

    __slots__ = ("_idle_since", "is_open", "timeout")

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.is_open = True
        """False while requests fail at once."""
        self._idle_since: float | None = None

    def waiting(self, now: float) -> float:
        """Something waits and nothing is ready; when to call `expire`."""
        if self._idle_since is None:
            self._idle_since = now
        return self._idle_since + self.timeout

    def ready(self) -> bool:
        """Something is ready; whether the queue had been failing."""
        self._idle_since = None
        was_shut, self.is_open = not self.is_open, True
        return was_shut

    def expire(self, now: float) -> bool:
        """Whether time is up: all that wait must fail now, and newcomers will."""
        if self._idle_since is None or now < self._idle_since + self.timeout:
            return False
        self.is_open = False
        return True
