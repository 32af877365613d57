"""The errors of late: what was answered or closed for a fault, for people who ask why.

A destination that is down fails every request, so equal faults are one with a count: whoever asks
hears since when, and the others are not pushed out. Everything is bounded: the list by its length, the
log by so many lines a second for each cause.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.stack.limit import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.net.failure import Failure

KEPT = 100
LINES_PER_SECOND = 5
QUIET = 600.0
"""Seconds after which a fault that comes back is a new one."""

_log = logging.getLogger("proxy.errors")


@dataclass(frozen=True, slots=True)
class Fault:
    at: float
    """When it happened last. Seconds since the epoch."""
    side: str
    """`inbound`, `outbound`, or `identity` for the proxy's own certificate."""
    peer: str
    """Inbound: the client. Outbound: where the application wanted to go. Identity: the service asked."""
    route: str
    endpoint: str
    """Where the request was sent; empty if it was sent nowhere."""
    number: int
    name: str
    cause: str
    """As it was the last time."""
    first: float
    """When it happened first."""
    count: int = 1

    def as_json(self) -> dict[str, str | int]:
        return {
            "time": _shown(self.at),
            "side": self.side,
            "peer": self.peer,
            "route": self.route,
            "endpoint": self.endpoint,
            "number": self.number,
            "error": self.name,
            "cause": self.cause,
            "first": _shown(self.first),
            "count": self.count,
        }


_Key = tuple[str, str, str, str, int]


class Faults:
    """The last hundred that differ in side, peer, route, endpoint or number."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._kept: OrderedDict[_Key, Fault] = OrderedDict()
        self._lines = Rate(LINES_PER_SECOND)
        self._unsaid: dict[str, int] = {}

    def note(
        self, side: str, failure: Failure, *, peer: str, route: str = "", endpoint: str = ""
    ) -> None:
        kind = failure.kind
        cause = _in_one_line(f"{kind.text}: {failure.detail}" if failure.detail else kind.text)
        now = self._clock()
        fault = Fault(now, side, peer, route, endpoint, kind.number, kind.name, cause, first=now)
        self._keep((side, peer, route, endpoint, kind.number), fault)
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

    def _keep(self, key: _Key, fault: Fault) -> None:
        before = self._kept.pop(key, None)
        if before is not None and fault.at - before.at <= QUIET:
            fault = replace(fault, first=before.first, count=before.count + 1)
        self._kept[key] = fault
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def latest(self) -> list[Fault]:
        """The newest first."""
        return list(reversed(self._kept.values()))

    def __len__(self) -> int:
        return len(self._kept)


def _in_one_line(cause: str) -> str:
    """Causes quote what peers sent, who must not write lines of our log."""
    cause = cause[:512]
    if cause.isprintable():
        return cause
    return "".join(char if char.isprintable() else "?" for char in cause)


def _shown(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
