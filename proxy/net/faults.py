"""The errors of late: what was answered or closed for a fault, for people who ask why.

Everything is bounded: the list by its length, the log by so many lines a second for each cause, for a
destination that is down fails every request.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.stack.limit import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.failure import Failure

KEPT = 100
LINES_PER_SECOND = 5

_log = logging.getLogger("proxy.errors")


@dataclass(frozen=True, slots=True)
class Fault:
    at: float
    """Seconds since the epoch."""
    side: str
    """`inbound` or `outbound`."""
    peer: str
    """Inbound: the client. Outbound: where the application wanted to go."""
    route: str
    endpoint: str
    """Where the request was sent; empty if it was sent nowhere."""
    number: int
    name: str
    cause: str

    def as_json(self) -> dict[str, str | int]:
        shown = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        return {
            "time": shown.replace("+00:00", "Z"),
            "side": self.side,
            "peer": self.peer,
            "route": self.route,
            "endpoint": self.endpoint,
            "number": self.number,
            "error": self.name,
            "cause": self.cause,
        }


class Faults:
    """The last hundred."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._kept: deque[Fault] = deque(maxlen=KEPT)
        self._lines = Rate(LINES_PER_SECOND)
        self._unsaid: dict[str, int] = {}

    def note(
        self, side: str, failure: Failure, *, peer: str, route: str = "", endpoint: str = ""
    ) -> None:
        kind = failure.kind
        cause = f"{kind.text}: {failure.detail}" if failure.detail else kind.text
        fault = Fault(
            self._clock(), side, peer, route, endpoint, kind.number, kind.name, cause[:512]
        )
        self._kept.append(fault)
        key = f"{side} {kind.number}"
        elapsed = self._monotonic()
        if not self._lines.allows(elapsed, key):
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return
        self._lines.take(elapsed, key)
        unsaid = self._unsaid.pop(key, 0)
        _log.info(
            "[%d] %s: %s (peer %s%s%s)%s",
            kind.number,
            side,
            fault.cause,
            peer,
            f", route {route}" if route else "",
            f", endpoint {endpoint}" if endpoint else "",
            f"; {unsaid} more like this were not logged" if unsaid else "",
        )

    def latest(self) -> list[Fault]:
        """The newest first."""
        return list(reversed(self._kept))

    def __len__(self) -> int:
        return len(self._kept)
