"""When to stop sending to an endpoint that fails, and when to try it again.

    OPEN       requests pass; failures in a row are counted
    SHUT       none pass until the back-off is over; answers to earlier requests are ignored
    PROBATION  the back-off is over: one request may pass
    PROBING    that request is on its way; none pass beside it

The words are Linkerd's: the gate is open when requests pass. The back-off doubles with every probe
that fails and starts anew when one succeeds. A probe that ends without an answer, because its
client went away, leaves the endpoint in probation, or it would wait for ever for a verdict.

Whoever balances keeps an endpoint among the ready ones while `admits` is true, which every call
below may change, and sets a timer for `shut_until` that calls `elapse` when the gate is SHUT. Times
are seconds of one monotonic clock.
"""

from __future__ import annotations

from enum import Enum, auto
from random import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from proxy.stack.backoff import Backoff


class State(Enum):
    OPEN = auto()
    SHUT = auto()
    PROBATION = auto()
    PROBING = auto()


class Event(Enum):
    START = auto()
    """A request sets out."""
    SUCCESS = auto()
    FAILURE = auto()
    """A failure that does not reach the limit of failures in a row."""
    LIMIT = auto()
    """The failure that does."""
    ABANDON = auto()
    """A request ended without an answer and without anybody's fault."""
    ELAPSE = auto()
    """The back-off is over."""


class BreakerError(RuntimeError):
    """An event that cannot happen in this state: the caller did not ask `admits`."""


NEXT: Mapping[State, Mapping[Event, State]] = {
    State.OPEN: {
        Event.START: State.OPEN,
        Event.SUCCESS: State.OPEN,
        Event.FAILURE: State.OPEN,
        Event.LIMIT: State.SHUT,
        Event.ABANDON: State.OPEN,
    },
    State.SHUT: {
        Event.SUCCESS: State.SHUT,
        Event.FAILURE: State.SHUT,
        Event.ABANDON: State.SHUT,
        Event.ELAPSE: State.PROBATION,
    },
    State.PROBATION: {
        Event.START: State.PROBING,
        # Answers to requests from before the gate was shut say nothing about today.
        Event.SUCCESS: State.PROBATION,
        Event.FAILURE: State.PROBATION,
        Event.ABANDON: State.PROBATION,
    },
    State.PROBING: {
        # The first answer decides, even if it belongs to a request from before.
        Event.SUCCESS: State.OPEN,
        Event.FAILURE: State.SHUT,
        Event.ABANDON: State.PROBATION,
    },
}
"""What is not in the table cannot happen."""


class ConsecutiveFailures:
    """The gate before one endpoint, shut after `max_failures` failures in a row."""

    __slots__ = (
        "_backoff",
        "_chance",
        "_failures",
        "_max_failures",
        "_shut_times",
        "shut_until",
        "state",
    )

    def __init__(
        self, max_failures: int, backoff: Backoff, chance: Callable[[], float] = random
    ) -> None:
        """`chance` gives numbers in [0, 1). Raises ValueError for less than one failure."""
        if max_failures < 1:
            raise ValueError(f"max_failures is {max_failures}: at least 1 is needed to shut on")
        self.state = State.OPEN
        self.shut_until = 0.0
        """When the present back-off is over; meaningful in SHUT."""
        self._max_failures = max_failures
        self._backoff = backoff
        self._chance = chance
        self._failures = 0
        self._shut_times = 0

    @property
    def admits(self) -> bool:
        """Whether a request may set out."""
        return self.state is State.OPEN or self.state is State.PROBATION

    def start(self) -> None:
        """A request sets out. Raises BreakerError when none may."""
        if self.state is not State.OPEN:
            self._move(Event.START)

    def success(self, now: float = 0.0) -> None:
        self._failures = 0
        if self.state is not State.OPEN and self._move(Event.SUCCESS):
            self._shut_times = 0

    def failure(self, now: float) -> None:
        self._failures += 1
        at_limit = self.state is State.OPEN and self._is_enough(now)
        if self._move(Event.LIMIT if at_limit else Event.FAILURE):
            self.shut_until = now + self._backoff.wait(self._shut_times, self._chance())
            self._shut_times += 1

    def abandon(self) -> None:
        """A request ended without telling anything about the endpoint."""
        if self.state is not State.OPEN:
            self._move(Event.ABANDON)

    def elapse(self) -> None:
        """`shut_until` is here. Raises BreakerError unless the gate is shut."""
        self._move(Event.ELAPSE)

    def _is_enough(self, now: float) -> bool:
        """Whether the failure just counted shuts an open gate."""
        return self._failures >= self._max_failures

    def _move(self, event: Event) -> bool:
        """Whether the state is another one now."""
        before = self.state
        try:
            self.state = NEXT[before][event]
        except KeyError:
            raise BreakerError(
                f"{event.name} cannot happen to a breaker that is {before.name}"
            ) from None
        return self.state is not before

    def __repr__(self) -> str:
        return f"<ConsecutiveFailures {self.state.name}, {self._failures} failures in a row>"


class UnifiedFailures(ConsecutiveFailures):
    """Also shut when too small a share of the answers of late were successes.

    The window slides in ten steps, as Linkerd's does. A gate that opens again starts with an empty
    window: what shut it says nothing about today.
    """

    __slots__ = (
        "_answers",
        "_limit",
        "_minimum",
        "_slot",
        "_slot_seconds",
        "_successes",
        "_threshold",
    )

    def __init__(
        self,
        threshold: float,
        window: float,
        min_requests: int,
        max_failures: int,
        backoff: Backoff,
        chance: Callable[[], float] = random,
    ) -> None:
        """`threshold` is the least share of successes over `window` seconds, judged from
        `min_requests` answers on; 0 turns it off. `max_failures` in a row; 0 turns that off."""
        super().__init__(max(max_failures, 1), backoff, chance)
        self._limit = max_failures
        self._threshold = threshold
        self._minimum = min_requests
        self._slot_seconds = window / _SLOTS if window > 0 else 1.0
        self._slot = 0
        self._answers = [0] * _SLOTS
        self._successes = [0] * _SLOTS

    def success(self, now: float = 0.0) -> None:
        was_open = self.state is State.OPEN
        super().success(now)
        if not was_open and self.state is State.OPEN:
            self._answers, self._successes = [0] * _SLOTS, [0] * _SLOTS
        self._count(now, 1)

    def failure(self, now: float) -> None:
        self._count(now, 0)
        super().failure(now)

    def _is_enough(self, now: float) -> bool:
        if self._limit and super()._is_enough(now):
            return True
        answers = sum(self._answers)
        return (
            self._threshold > 0
            and answers >= max(self._minimum, 1)
            and sum(self._successes) < self._threshold * answers
        )

    def _count(self, now: float, successes: int) -> None:
        slot = int(now / self._slot_seconds)
        for passed in range(self._slot + 1, min(slot, self._slot + _SLOTS) + 1):
            self._answers[passed % _SLOTS] = self._successes[passed % _SLOTS] = 0
        self._slot = max(self._slot, slot)
        self._answers[self._slot % _SLOTS] += 1
        self._successes[self._slot % _SLOTS] += successes


_SLOTS = 10
