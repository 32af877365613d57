"""What the process costs: read from /proc when somebody asks."""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

from weft.metrics import (
    PROCESS_CPU_SECONDS_TOTAL,
    PROCESS_MAX_FDS,
    PROCESS_OPEN_FDS,
    PROCESS_RESIDENT_MEMORY_BYTES,
    PROCESS_START_TIME_SECONDS,
    PROCESS_VIRTUAL_MEMORY_BYTES,
    PROXY_BUILD_INFO,
)
from weft.version import VERSION

if TYPE_CHECKING:
    from proxy.telemetry.registry import Registry

_PAGE = resource.getpagesize()


def install(registry: Registry) -> None:
    """Register the process's metrics and the build's."""
    registry.gauge(PROXY_BUILD_INFO).child(
        (("version", VERSION), ("vendor", "weft"), ("profile", "release"))
    ).value = 1
    registry.gauge(PROCESS_START_TIME_SECONDS).child().value = _started_at()
    cpu = registry.counter(PROCESS_CPU_SECONDS_TOTAL).child()
    resident = registry.gauge(PROCESS_RESIDENT_MEMORY_BYTES).child()
    virtual = registry.gauge(PROCESS_VIRTUAL_MEMORY_BYTES).child()
    open_fds = registry.gauge(PROCESS_OPEN_FDS).child()
    max_fds = registry.gauge(PROCESS_MAX_FDS).child()

    def collect() -> None:
        times = os.times()
        cpu.value = times.user + times.system
        virtual.value, resident.value = _memory()
        open_fds.value = len(os.listdir("/proc/self/fd")) - 1
        max_fds.value = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    registry.before_scrape(collect)


def resident_memory() -> int:
    """Bytes of memory the process has in use now."""
    return _memory()[1]


def _memory() -> tuple[int, int]:
    """Virtual and resident size in bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        virtual, resident = file.read().split()[:2]
    return int(virtual) * _PAGE, int(resident) * _PAGE


def _started_at() -> float:
    """Seconds since the epoch, from the kernel's record of this process."""
    with open("/proc/self/stat", encoding="ascii") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    with open("/proc/uptime", encoding="ascii") as file:
        uptime = float(file.read().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
