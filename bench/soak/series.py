"""Memory and descriptors over time, and what "flat" means."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GROWTH_MB = 2.0
GROWTH_SHARE = 0.05
"""A process may be so much larger in the last quarter than in the second: allocators settle slowly."""
LEFT_OVER = 5
"""Descriptors that may be open more than before the load, once it has ended."""

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Point:
    """One process at one moment."""

    seconds: float
    """Since the load began."""
    resident_mb: float
    descriptors: int


@dataclass(frozen=True, slots=True)
class Series:
    """One process over the whole run."""

    name: str
    before: Point
    """Before the load began."""
    during: tuple[Point, ...]
    after: Point
    """When the load had ended and connections had had time to close."""

    def faults(self) -> list[str]:
        """What has grown; empty when all is flat."""
        found = []
        early, late = self.quarters()
        if late - early > max(GROWTH_MB, GROWTH_SHARE * early):
            found.append(f"{self.name}: resident memory grew from {early:.1f} to {late:.1f} MB")
        left = self.after.descriptors - self.before.descriptors
        if left > LEFT_OVER:
            found.append(f"{self.name}: {left} descriptors were left open")
        return found

    def quarters(self) -> tuple[float, float]:
        """Median resident MB in the second and in the last quarter of the load."""
        quarter = max(1, len(self.during) // 4)
        early = self.during[quarter : 2 * quarter] or self.during
        return (
            median(point.resident_mb for point in early),
            median(point.resident_mb for point in self.during[-quarter:]),
        )

    def lines(self) -> list[str]:
        """The series for people."""
        early, late = self.quarters()
        resident = [point.resident_mb for point in self.during]
        descriptors = [float(point.descriptors) for point in self.during]
        return [
            f"{self.name}",
            f"  resident MB  {bars(resident)}  {min(resident):.1f} to {max(resident):.1f}; "
            f"second quarter {early:.1f}, last {late:.1f}; "
            f"before {self.before.resident_mb:.1f}, after {self.after.resident_mb:.1f}",
            f"  descriptors  {bars(descriptors)}  {min(descriptors):.0f} to {max(descriptors):.0f}; "
            f"before {self.before.descriptors}, after {self.after.descriptors}",
        ]


def bars(values: Sequence[float], width: int = 60) -> str:
    """A line of bars, from zero to the largest value; long series are thinned out."""
    step = max(1, -(-len(values) // width))
    shown = [max(values[at : at + step]) for at in range(0, len(values), step)]
    top = max(shown) or 1.0
    return "".join(_BARS[min(7, int(value / top * 7.999))] for value in shown)
