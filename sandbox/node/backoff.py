"""How long to wait before trying again, by the kubelet's rule. Pure.

The first repetition is free; then 10 s, doubling up to 5 min. Whoever then holds out for twice the
longest delay begins anew (client-go util/flowcontrol Backoff).
"""

FIRST = 10.0
LONGEST = 300.0


class Backoff:
    """Feed it every failure's time; it says from when the next try is allowed."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._delay = 0.0
        self._updated = 0.0

    def __repr__(self) -> str:
        return f"<Backoff {self._delay:g} s>"

    def delay(self, at: float) -> float:
        """Seconds to wait after a failure at `at` before the try that follows it."""
        if self._delay and at - self._updated > 2 * self._longest:
            self._delay = 0.0
        found = self._delay
        self._delay = min(self._delay * 2, self._longest) if self._delay else self._first
        self._updated = at + found
        return found
