"""What a check is and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cli.checks.context import Context

DOCUMENT = "docs/reference/checks.md"


class Outcome(Enum):
    """How a check ended, in the words of the JSON output."""

    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One question."""

    description: str
    """Linkerd's words where it asks the same."""
    anchor: str
    """Of the page that explains it."""
    advice: str
    """What to do when it fails, in one sentence."""
    verify: Callable[[Context], None]
    """Raises Problem, Skipped or ClusterError."""
    fatal: bool = False
    """Nothing after it makes sense when it fails."""
    warning: bool = False
    """Its failure does not fail the run."""
    retry: bool = False
    """Asked again until the run's deadline, because time may heal it."""

    @property
    def link(self) -> str:
        """Where to read more."""
        return f"{DOCUMENT}#{self.anchor}"


@dataclass(frozen=True, slots=True)
class Category:
    """Checks that are printed together."""

    name: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One check's end."""

    category: str
    description: str
    outcome: Outcome
    error: str = ""
    advice: str = ""
    link: str = ""
