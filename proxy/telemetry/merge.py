"""The metrics of several processes of one proxy as those of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.telemetry.exposition import number
from weft.metrics import (
    CONTROL_IDENTITY_CERT_EXPIRATION,
    CONTROL_IDENTITY_CERT_REFRESH,
    OUTBOUND_HTTP_BALANCER_QUEUE_GATE_OPEN_TIME,
    OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TIME,
    OUTBOUND_HTTP_BALANCER_QUEUE_GATE_TIMEOUT,
    PROCESS_START_TIME_SECONDS,
    PROXY_BUILD_INFO,
    PROXY_MEMORY_SHEDDING,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SMALLEST = frozenset(
    metric.name
    for metric in (
        CONTROL_IDENTITY_CERT_EXPIRATION,
        CONTROL_IDENTITY_CERT_REFRESH,
        PROCESS_START_TIME_SECONDS,
        PROXY_BUILD_INFO,
    )
)
"""Facts, not amounts: of several the smallest tells when something becomes urgent."""

_LARGEST = frozenset(
    metric.name
    for metric in (
        OUTBOUND_HTTP_BALANCER_QUEUE_GATE_OPEN_TIME,
        OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TIME,
        OUTBOUND_HTTP_BALANCER_QUEUE_GATE_TIMEOUT,
        PROXY_MEMORY_SHEDDING,
    )
)
"""Yes or no, or since when; 0 is no: yes when it is so for any of them."""


def merge(pages: Sequence[str]) -> str:
    """Add up pages of `exposition.render`: series that several have in one, families in order."""
    headers: dict[str, list[str]] = {}
    series: dict[str, dict[str, float]] = {}
    for page in pages:
        family = ""
        # A label's value may hold what else ends a line for `splitlines`.
        for line in filter(None, page.split("\n")):
            if line.startswith("# "):
                family = line.split(" ", 3)[2]
                known = headers.setdefault(family, [])
                if line not in known:
                    known.append(line)
                continue
            name, _, value = line.rpartition(" ")
            found = series.setdefault(family, {})
            merged = _merging(family)
            found[name] = merged((found[name], float(value))) if name in found else float(value)
    lines = []
    for family, head in headers.items():
        lines += head
        lines += [f"{name} {number(value)}" for name, value in series.get(family, {}).items()]
    return "".join(f"{line}\n" for line in lines)


def _merging(family: str) -> Callable[[Iterable[float]], float]:
    if family in _SMALLEST:
        return min
    return max if family in _LARGEST else sum
