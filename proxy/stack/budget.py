"""How many retries a whole service can afford: a share of its requests, plus a few a second.

Tokens live in windows of `ttl` cut into ten slots, as Linkerd's (and Finagle's) budget does: each
request deposits `ratio` retries, which expire after `ttl`; each retry withdraws one.
"""

from __future__ import annotations

from dataclasses import dataclass

_SLOTS = 10


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """What a profile allows."""

    ratio: float = 0.2
    """Retries per request: 0.2 lets a service's load grow by a fifth."""
    minimum_per_second: int = 10
    """Retries a second allowed whatever the load, so that quiet services can retry at all."""
    ttl: float = 10.0
    """Seconds a request's deposit stays good."""


class Budget:
    """The running balance of one destination's `RetryBudget`; `now` is monotonic seconds."""

    __slots__ = ("_deposits", "_slot", "_slot_seconds", "_withdrawn", "terms")

    def __init__(self, terms: RetryBudget, now: float) -> None:
        self.terms = terms
        self._slot_seconds = terms.ttl / _SLOTS
        self._slot = int(now / self._slot_seconds)
        self._deposits = [0] * _SLOTS
        self._withdrawn = [0] * _SLOTS

    def deposit(self, now: float) -> None:
        """A first attempt was sent."""
        self._advance(now)
        self._deposits[self._slot % _SLOTS] += 1

    def withdraw(self, now: float) -> bool:
        """Take one retry out; False when the budget is spent."""
        self._advance(now)
        if self.balance < 1.0:
            return False
        self._withdrawn[self._slot % _SLOTS] += 1
        return True

    @property
    def balance(self) -> float:
        """Retries that may be sent now."""
        reserve = self.terms.minimum_per_second * self.terms.ttl
        return reserve + sum(self._deposits) * self.terms.ratio - sum(self._withdrawn)

    def _advance(self, now: float) -> None:
        current = int(now / self._slot_seconds)
        for slot in range(self._slot + 1, min(current, self._slot + _SLOTS) + 1):
            self._deposits[slot % _SLOTS] = 0
            self._withdrawn[slot % _SLOTS] = 0
        self._slot = max(self._slot, current)
