"""What a run found, and what it says about a thousand pods."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEBIBYTE = 1024 * 1024
THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has taken so far."""

    at: float
    """When that was read: seconds of a clock that does not jump."""
    cpu_seconds: float
    resident: float
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the control plane, read three times; its own proxy is not in it."""

    alone: Usage
    """Before there were pods."""
    grown: Usage
    """When all were ready."""
    later: Usage
    """After a while in which nothing happened."""

    @property
    def starting(self) -> float:
        """Seconds of CPU spent while the pods came."""
        return self.grown.cpu_seconds - self.alone.cpu_seconds

    @property
    def more(self) -> float:
        """Bytes of memory that the pods made it take."""
        return self.grown.resident - self.alone.resident

    @property
    def idle(self) -> float:
        """CPU while nothing happens, as a share of one core."""
        return share(self.grown, self.later)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the page says."""

    wanted: int
    pods: int
    """As many of them as were ready when the time was over."""
    seconds: float
    """From the first pod asked for to the last one ready."""
    unmeshed_pods: int
    unmeshed_seconds: float
    """The same for as many pods without a proxy, before."""
    step: int
    """So many pods were asked for at once."""
    components: Mapping[str, Component]
    proxies: Sequence[Usage]
    """Every sleeper's, when all were ready."""
    idle_proxies: Sequence[float]
    """CPU of some of them while nothing happens, as a share of one core."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a further thousand pods cost one component, or all of them together."""

    starting: float
    """Seconds of CPU, once."""
    memory: float
    """Bytes."""
    idle: float
    """Cores, all the time."""


def share(before: Usage, after: Usage) -> float:
    """CPU between two readings, as a share of one core. Raises ValueError for readings in disorder."""
    if after.at <= before.at:
        raise ValueError(f"no time went by from {before.at} to {after.at}")
    return (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at)


def component_per_thousand(component: Component, pods: int) -> Cost:
    """In proportion: what it spent and grew, per pod. All idle CPU is counted as the pods'."""
    each = THOUSAND / pods
    return Cost(component.starting * each, component.more * each, component.idle * each)


def proxies_per_thousand(figures: Figures) -> Cost:
    """A thousand median proxies."""
    return Cost(
        THOUSAND * median(one.cpu_seconds for one in figures.proxies),
        THOUSAND * median(one.resident for one in figures.proxies),
        THOUSAND * median(figures.idle_proxies),
    )


def together(costs: Sequence[Cost]) -> Cost:
    return Cost(
        sum(one.starting for one in costs),
        sum(one.memory for one in costs),
        sum(one.idle for one in costs),
    )
