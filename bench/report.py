"""What was measured, for people and for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.peers import peers_of
from bench.works import P50, P99

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.rounds import Sample
    from bench.works import Work

RIVAL = "envoy"
"""Whose cost the goals are shares of."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all rounds."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return " / ".join(_shown(value) for value in (self.low, self.middle, self.high))


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one work: Weft beside a peer.

    `ratio` is the median of the rounds' ratios: what a machine does to both peers of a round is in
    neither. `goal` bounds the ratio, `limit` Weft's own median; None is no bound.
    """

    work: Work
    figure: str
    weft: Spread
    peer: Spread
    peer_name: str
    ratio: float
    goal: float | None = None
    limit: float | None = None

    @property
    def reached(self) -> bool:
        within = self.limit is None or self.weft.middle <= self.limit
        return within and (self.goal is None or self.ratio <= self.goal)

    @property
    def bound(self) -> str:
        """What is wanted, in words; empty when nothing is."""
        if self.goal is not None:
            return f"≤ {self.goal:.2f}"
        return f"≤ {self.limit} s" if self.limit is not None else ""


def rows(works: Sequence[Work], samples: Sequence[Sample]) -> list[Row]:
    """A row for every figure and peer that it was taken of."""
    return [
        Row(
            work,
            figure,
            weft=_spread(ours := _values(samples, work, "weft", figure)),
            peer=_spread(theirs := _values(samples, work, peer, figure)),
            peer_name=peer,
            ratio=_ratio(ours, theirs),
            goal=work.goals.get(figure) if peer == RIVAL else None,
            limit=work.limits.get(figure) if peer == RIVAL else None,
        )
        for work in works
        for figure in work.figures
        for peer in _beside(work, samples)
        if _says_something(peer, figure)
    ]


def table(found: Sequence[Row], rounds: int) -> str:
    """Minimum, median and maximum over the rounds, and the median of the rounds' ratios."""
    lines = [
        f"{rounds} rounds; min / median / max; median of the rounds' ratios",
        "",
        f"{'work':<46} {'figure':<30} {'weft':>26} {'peer':>26} {'':<8} {'ratio':>6}",
    ]
    for row in found:
        mark = "" if row.reached else "  missed"
        lines.append(
            f"{row.work.title:<46} {row.figure:<30} {row.weft!s:>26} {row.peer!s:>26} "
            f"{row.peer_name:<8} {row.ratio:>6.2f} {row.bound}{mark}"
        )
    return "\n".join(lines)


def write_json(found: Sequence[Row], path: Path) -> None:
    """A list of {work, figure, unit, weft, peer, peer_name, ratio, ...}: medians, and both ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([_as_json(row) for row in found], indent=1) + "\n")


def _as_json(row: Row) -> dict[str, Any]:
    name, unit = split(row.figure)
    return {
        "work": row.work.name,
        "figure": name,
        "unit": unit,
        "weft": round(row.weft.middle, 3),
        "peer": round(row.peer.middle, 3),
        "peer_name": row.peer_name,
        "ratio": round(row.ratio, 3),
        "weft_min": round(row.weft.low, 3),
        "weft_max": round(row.weft.high, 3),
        "peer_min": round(row.peer.low, 3),
        "peer_max": round(row.peer.high, 3),
    }


def split(figure: str) -> tuple[str, str]:
    """A figure's name and unit.

    >>> split("cpu us/request"), split("requests/s"), split("resident MB, idle")
    (('cpu', 'us/request'), ('requests', '1/s'), ('resident, idle', 'MB'))
    """
    if figure == "requests/s":
        return "requests", "1/s"
    what, _, condition = figure.partition(", ")
    name, _, unit = what.rpartition(" ")
    return (f"{name}, {condition}" if condition else name), unit


def _beside(work: Work, samples: Sequence[Sample]) -> list[str]:
    took_part = {one.peer for one in samples if one.work == work.name}
    others = [peer for peer in peers_of(work) if peer != "weft" and peer in took_part]
    return sorted(others, key=lambda peer: peer != RIVAL)


def _says_something(peer: str, figure: str) -> bool:
    """Where there is no proxy, only latencies can be held against others."""
    return peer != "nothing" or figure in {P50, P99}


def _values(samples: Sequence[Sample], work: Work, peer: str, figure: str) -> list[float]:
    """One for every round that the peer took part in."""
    return [
        one.figures.get(figure, 0.0)
        for one in samples
        if one.work == work.name and one.peer == peer
    ]


def _spread(values: Sequence[float]) -> Spread:
    return Spread(min(values), median(values), max(values)) if values else Spread(0.0, 0.0, 0.0)


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Zero where nothing can be compared."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False) if other]
    return median(ratios) if ratios else 0.0


def _shown(value: float) -> str:
    return (
        f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    )
