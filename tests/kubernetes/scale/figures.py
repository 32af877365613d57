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
    started: float
    """When the process began, seconds since the epoch: another time is another process."""
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
    restarts: int
    """Of its pod's containers, until then. What a process before a restart spent is not counted."""

    @property
    def starting(self) -> float:
        """Seconds of CPU spent while the pods came."""
        return spent(self.alone, self.grown)

    @property
    def more(self) -> float:
        """Bytes of memory that the pods made it take."""
        return self.grown.resident - self.alone.resident

    @property
    def idle(self) -> float:
        """CPU while nothing happens, as a share of one core."""
        return share(self.grown, self.later)


@dataclass(frozen=True, slots=True)
class Step:
    """Pods that were asked for at once, when they were ready."""

    pods: int
    """All that were ready by then."""
    seconds: float
    """Since the first of all was asked for."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything the page says."""

    wanted: int
    steps: Sequence[Step]
    """In order; the last is when all were ready."""
    unmeshed: Step
    """The same pods without a proxy, before."""
    components: Mapping[str, Component]
    proxies: Sequence[Usage]
    """Every sleeper's, when all were ready."""
    idle_proxies: Sequence[float]
    """CPU of some of them while nothing happens, as a share of one core."""

    @property
    def pods(self) -> int:
        """As many of those wanted as were ready when the time was over."""
        return self.steps[-1].pods


@dataclass(frozen=True, slots=True)
class Cost:
    """What a further thousand pods cost one component, or all of them together."""

    starting: float
    """Seconds of CPU, once."""
    memory: float
    """Bytes."""
    idle: float
    """Cores, all the time."""


def spent(before: Usage, after: Usage) -> float:
    """Seconds of CPU between two readings; of a process that is another by now, all it spent."""
    known = before.cpu_seconds if before.started == after.started else 0.0
    return after.cpu_seconds - known


def share(before: Usage, after: Usage) -> float:
    """CPU between two readings, as a share of one core. Raises ValueError for readings in disorder."""
    if after.at <= before.at:
        raise ValueError(f"no time went by from {before.at} to {after.at}")
    return spent(before, after) / (after.at - before.at)


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
