"""What was measured, for people and for machines."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.rounds import Sample
    from bench.works import Work


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.1f} / {self.middle:.1f} / {self.high:.1f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one work: Weft beside a peer. `ratio` is of medians, `goal` its bound if any."""

    work: Work
    figure: str
    weft: Spread
    peer: Spread
    peer_name: str
    direct: Spread
    goal: float | None

    @property
    def ratio(self) -> float:
        return self.weft.middle / self.peer.middle if self.peer.middle else 0.0

    @property
    def reached(self) -> bool:
        return self.goal is None or self.ratio <= self.goal


def rows(works: Sequence[Work], samples: Sequence[Sample], *, peer: str = "envoy") -> list[Row]:
    """A row for every figure that has a goal, and for the rate."""
    return [
        Row(
            work,
            figure,
            weft=_spread(samples, work, "weft", figure),
            peer=_spread(samples, work, peer, figure),
            peer_name=peer,
            direct=_spread(samples, work, "nothing", figure),
            goal=work.goals.get(figure),
        )
        for work in works
        for figure in (*work.goals, "requests/s")
    ]


def table(found: Sequence[Row], rounds: int) -> str:
    """Minimum, median and maximum over the rounds; the ratio is of medians."""
    lines = [
        f"{rounds} rounds; min / median / max; {platform.machine()}, Python "
        f"{platform.python_version()}, Linux {platform.release().split('-')[0]}",
        "",
        f"{'work':<46} {'figure':<15} {'weft':>24} {'envoy':>24} {'ratio':>6} {'goal':>5}",
    ]
    for row in found:
        goal = "" if row.goal is None else f"{row.goal:.2f}"
        mark = "" if row.reached else "  missed"
        lines.append(
            f"{row.work.title:<46} {row.figure:<15} {row.weft!s:>24} {row.peer!s:>24} "
            f"{row.ratio:>6.2f} {goal:>5}{mark}"
        )
    return "\n".join(lines)


def write_json(found: Sequence[Row], path: Path) -> None:
    """A list of {work, figure, unit, weft, peer, peer_name, ratio}, medians."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([_as_json(row) for row in found], indent=1) + "\n")


def _as_json(row: Row) -> dict[str, Any]:
    name, _, unit = row.figure.partition(" ")
    return {
        "work": row.work.name,
        "figure": name,
        "unit": unit or "1/s",
        "weft": round(row.weft.middle, 2),
        "peer": round(row.peer.middle, 2),
        "peer_name": row.peer_name,
        "ratio": round(row.ratio, 3),
    }


def _spread(samples: Sequence[Sample], work: Work, peer: str, figure: str) -> Spread:
    values = [
        one.figures.get(figure, 0.0)
        for one in samples
        if one.work == work.name and one.peer == peer
    ]
    return Spread(min(values), median(values), max(values)) if values else Spread(0.0, 0.0, 0.0)
