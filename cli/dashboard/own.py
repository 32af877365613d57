"""What the local server answers itself: what needs the reader's own rights, and no page of the service has."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cli.dashboard.watching import TapApi

CHECK = "/api/v1/check"
"""Path of the results of `mesh check --proxy -o json`."""


@dataclass(frozen=True)
class Own:
    tap: TapApi | None = None
    """None: there is no API server to ask."""
    check: Callable[[], str] | None = None
    """Runs the checks; returns their results as JSON."""
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def checked(self) -> str | None:
        """The results; None when nothing can be checked. Whoever comes meanwhile waits for a turn."""
        if self.check is None:
            return None
        with self._one_at_a_time:
            return self.check()
