"""Calls that wait for a stream of one connection, in the order in which they came."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.net.exchange import Call

FEW = 32
"""So many are not worth looking through."""


class Waiting:
    """A call that ends, or goes elsewhere, does not say so here: most wait nowhere, and would have to
    ask. Such calls are passed over, and cleared out as others come, so that there are no more of them
    than `FEW`, or than there were calls that waited at one time."""

    __slots__ = ("_calls", "_enough")

    def __init__(self) -> None:
        self._calls: deque[tuple[Call, bool, int]] = deque()
        self._enough = FEW
        """How many there are when it is time to clear out."""

    def add(self, call: Call, ends: bool) -> None:
        """`ends`: the request has no body."""
        if len(self._calls) >= self._enough:
            self._clear_out()
        self._calls.append((call, ends, call.attempt))

    def _clear_out(self) -> None:
        """As many came since the last time as were left then, so that this costs each call a constant."""
        self._calls = deque(one for one in self._calls if one[0].awaits(one[2]))
        self._enough = max(FEW, 2 * len(self._calls))

    def take(self) -> tuple[Call, bool] | None:
        """The call that has waited longest, and whether its request has no body; None when nobody waits."""
        while self._calls:
            call, ends, attempt = self._calls.popleft()
            if call.awaits(attempt):
                return call, ends
        return None

    def put_back(self, call: Call, ends: bool) -> None:
        """It was taken too soon, and is still the first."""
        self._calls.appendleft((call, ends, call.attempt))

    def take_all(self) -> Iterator[Call]:
        """Those that wait at the beginning; what is done with one may be that it waits again, or that
        another does not any more."""
        calls, self._calls = self._calls, deque()
        for call, _, attempt in calls:
            if call.awaits(attempt):
                yield call

    def __len__(self) -> int:
        """With some that do not wait any more."""
        return len(self._calls)

    def __repr__(self) -> str:
        return f"<Waiting {len(self._calls)}>"
