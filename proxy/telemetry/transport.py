"""Counts of connections and their bytes. One `TransportMetrics` per (direction, peer, TLS) label set.

metrics = transports.transport(labels)
metrics.opened.value += 1; metrics.open.value += 1
metrics.read.value += n; metrics.written.value += n
metrics.closed()                        # or closed("ECONNRESET")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.metrics import (
    TCP_CLOSE_TOTAL,
    TCP_OPEN_CONNECTIONS,
    TCP_OPEN_TOTAL,
    TCP_READ_BYTES_TOTAL,
    TCP_WRITE_BYTES_TOTAL,
)

if TYPE_CHECKING:
    from proxy.telemetry.registry import Counter, Family, Labels, Registry


class TransportMetrics:
    """The series of one label set; held by every connection that has it."""

    __slots__ = ("_closes", "_closings", "_labels", "open", "opened", "read", "written")

    def __init__(self, families: TransportFamilies, labels: Labels) -> None:
        self.opened = families.opened.child(labels)
        self.open = families.open.child(labels)
        self.read = families.read.child(labels)
        self.written = families.written.child(labels)
        self._closes = families.closes
        self._labels = labels
        self._closings: dict[str, Counter] = {}

    def opening(self) -> None:
        """A connection was accepted or made."""
        self.opened.value += 1
        self.open.value += 1

    def closed(self, errno: str = "") -> None:
        """A connection ended; `errno` is the symbol (`ECONNRESET`), empty for an orderly end."""
        self.open.value -= 1
        counter = self._closings.get(errno)
        if counter is None:
            labels: Labels = (*self._labels, ("errno", errno))
            counter = self._closings[errno] = self._closes.child(labels)
        counter.value += 1


class TransportFamilies:
    """The five families of connections."""

    def __init__(self, registry: Registry) -> None:
        self.opened: Family[Counter] = registry.counter(TCP_OPEN_TOTAL)
        self.open = registry.gauge(TCP_OPEN_CONNECTIONS)
        self.read = registry.counter(TCP_READ_BYTES_TOTAL)
        self.written = registry.counter(TCP_WRITE_BYTES_TOTAL)
        self.closes = registry.counter(TCP_CLOSE_TOTAL)

    def transport(self, labels: Labels) -> TransportMetrics:
        """Resolve a label set: `direction`, `peer`, `target_*`, TLS, server or `dst_*`.

        Hold on to the answer while its connections last: it keeps its series alive.
        """
        return TransportMetrics(self, labels)
