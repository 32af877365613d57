"""How long to wait before trying again: doubling, bounded, with jitter added on top."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    minimum: float
    """Seconds before the first new attempt."""
    maximum: float
    """Seconds the doubling stops at."""
    jitter: float
    """Share of the wait that chance may add: 0.1 adds up to a tenth, 1.0 up to the same again."""

    def wait(self, attempt: int, chance: float) -> float:
        """Seconds to wait after failure number `attempt` (0 is the first); `chance` in [0, 1)."""
        base = min(self.maximum, self.minimum * 2.0 ** min(attempt, 63))
        return base * (1.0 + self.jitter * chance)
