"""How often a peer may do what is cheap for it and costs us more.

A fixed number at once, and as many again once some time has passed since they were last granted: a
peer that does it now and then never notices, one that does nothing else runs out. The clock is
read when a grant is used up, not each time.
"""

from __future__ import annotations


class Allowance:
    """Spent one by one; `renew` is asked when nothing is left."""

    __slots__ = ("_granted_at", "_seconds", "left", "size")

    def __init__(self, size: int, seconds: float) -> None:
        self.left = size
        self.size = size
        self._seconds = seconds
        self._granted_at: float | None = None

    def renew(self, now: float, *, deserved: bool) -> bool:
        """Grant as many again. False if the last ones were spent too fast; `deserved` forgives that.

        `now` in monotonic seconds. The first grant ends without a look at the time.
        """
        granted = self._granted_at
        if granted is not None and now - granted < self._seconds and not deserved:
            return False
        self._granted_at = now
        self.left = self.size
        return True

    def __repr__(self) -> str:
        return f"<Allowance {self.left} of {self.size}>"
