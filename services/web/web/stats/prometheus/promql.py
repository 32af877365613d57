"""Selections become queries.

Labels are those of the collector but for Kubernetes' jobs: Prometheus keeps `job` for itself, so a
proxy's pod says `k8s_job`. Counters are asked for their `increase`, which works in restarts and
extrapolates to the edges of the window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from web.stats.kinds import ALIASES

Match = Sequence[tuple[str, str]]

_SPELLED = {"job": "k8s_job"}


@dataclass(frozen=True, slots=True)
class Increase:
    """How much counters grew over a window, summed by labels."""

    family: str
    match: Match
    by: tuple[str, ...]
    window: float  # seconds

    def __str__(self) -> str:
        return f"sum by ({_labels(self.by)}) (increase({_series(self.family, self.match)}{_range(self.window)}))"


@dataclass(frozen=True, slots=True)
class Now:
    """What gauges are, summed by labels."""

    family: str
    match: Match
    by: tuple[str, ...]

    def __str__(self) -> str:
        return f"sum by ({_labels(self.by)}) ({_series(self.family, self.match)})"


@dataclass(frozen=True, slots=True)
class Either:
    """Series that match at least one of several, each once."""

    family: str
    matches: tuple[Match, ...]
    by: tuple[str, ...]
    window: float | None  # seconds; None for gauges

    def __str__(self) -> str:
        each = (_series(self.family, match) for match in self.matches)
        if self.window is not None:
            each = (f"increase({one}{_range(self.window)})" for one in each)
        return f"sum by ({_labels(self.by)}) ({' or '.join(each)})"


Expression = Increase | Now | Either


def count(family: str, match: Match) -> str:
    """How many series there are of a family."""
    return f"count({_series(family, match)})"


def label(spelled: str) -> str:
    """A label as the collector calls it."""
    return ALIASES.get(spelled, spelled)


def _labels(names: Iterable[str]) -> str:
    return ", ".join(_SPELLED.get(name, name) for name in names)


def _series(family: str, match: Match) -> str:
    inside = ",".join(f'{_SPELLED.get(name, name)}="{_escape(value)}"' for name, value in match)
    return f"{family}{{{inside}}}" if inside else family


def _range(seconds: float) -> str:
    return f"[{round(seconds * 1000)}ms]"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
