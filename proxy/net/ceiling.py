"""A ceiling for memory: above it the proxy turns work away, and so stays alive for the work it has.

The kernel kills a container at its limit, and every connection with it. Shedding begins a little before
that and ends a little below, so that it does not flutter.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from proxy.telemetry.process import resident_memory
from weft.metrics import PROXY_MEMORY_CEILING_BYTES, PROXY_MEMORY_SHEDDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.net.front import Front
    from proxy.telemetry.registry import Registry

_log = logging.getLogger("proxy.net")

SHARE = 0.9
"""Of the container's limit, where none is set."""
RELIEF = 0.95
"""Of the ceiling: below it everybody is let in again."""
EVERY = 0.25
"""Seconds between looks: one read of a file in /proc."""

_CGROUPS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_UNLIMITED = 1 << 60


def of_container(files: Sequence[Path] = _CGROUPS) -> int | None:
    """Bytes: the share of this container's limit (cgroups of version 2 or 1), or None without one."""
    for file in files:
        try:
            limit = int(file.read_text())
        except (OSError, ValueError):
            continue
        return int(limit * SHARE) if limit < _UNLIMITED else None
    return None


class Ceiling:
    """Decides; `watch` does the rest."""

    __slots__ = ("limit", "shedding")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.shedding = False

    def crossed(self, resident: int) -> bool:
        """Whether shedding begins or ends with this much memory in use."""
        above = resident > (self.limit * RELIEF if self.shedding else self.limit)
        if above is self.shedding:
            return False
        self.shedding = above
        return True


async def watch(
    limit: int,
    fronts: Sequence[Front],
    registry: Registry,
    resident: Callable[[], int] = resident_memory,
) -> None:
    """Tell the fronts when to turn work away. Runs until cancelled."""
    registry.gauge(PROXY_MEMORY_CEILING_BYTES).child().value = limit
    shown = registry.gauge(PROXY_MEMORY_SHEDDING).child()
    ceiling = Ceiling(limit)
    while True:
        size = resident()
        if ceiling.crossed(size):
            shown.value = int(ceiling.shedding)
            word = "above" if ceiling.shedding else "below"
            _log.warning("%d bytes of memory in use, %s the ceiling of %d", size, word, limit)
            for front in fronts:
                front.shed(ceiling.shedding)
        await trio.sleep(EVERY)
