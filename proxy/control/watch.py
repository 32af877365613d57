"""Keeps one server stream alive.

A stream may end because the server restarts, because a limit of ours is reached, or because a
message cannot be used; each time it is opened again after a jittered back-off, which starts over
with every message that can be used. Some statuses mean that asking again is pointless: those end the
watch, and are returned.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trio

from proxy.codec.grpc_status import Code, Status
from proxy.stack.backoff import Backoff
from proxy.watchers import tell

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("proxy.control")

BACKOFF = Backoff(0.1, 3.0, 0.5)

NEVER = frozenset[Code]()
MALFORMED = frozenset({Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION})


class UnusableMessageError(ValueError):
    """A message this proxy cannot act on without guessing; says which part and why."""


class Limits(Protocol):
    """Seconds; None means no limit."""

    @property
    def initial(self) -> float | None: ...
    @property
    def idle(self) -> float | None: ...
    @property
    def lifetime(self) -> float | None: ...


class StreamingChannel(Protocol):
    """As much of `Channel` as a watch needs."""

    async def stream(
        self,
        path: str,
        request: bytes,
        on_message: Callable[[bytes], None],
        on_open: Callable[[], None] = ...,
    ) -> Status: ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to ask for, and what to do with the answers."""

    name: str
    """For the log: `Get web.emojivoto.svc.cluster.local:80`."""
    path: str
    request: bytes
    on_message: Callable[[bytes], None]
    """May raise UnusableMessageError."""
    on_open: Callable[[], None] = lambda: None
    """Called each time the stream is opened, before its first message."""
    on_unanswered: Callable[[Status], None] = lambda status: None
    """Called each time the stream ends without any message."""
    terminal: frozenset[Code] = NEVER
    """Statuses that end the watch for good."""
    terminal_unheard: frozenset[Code] = NEVER
    """Statuses that end it as long as no message has come: what is not there is not waited for, what was
    there may come back."""


async def keep(
    channel: StreamingChannel,
    subscription: Subscription,
    limits: Limits,
    *,
    backoff: Backoff = BACKOFF,
    chance: Callable[[], float] = random.random,
) -> Status:
    """Keep the stream open until the server answers with a terminal status, which is returned."""
    attempt, final = 0, subscription.terminal | subscription.terminal_unheard
    while True:
        once = _Attempt(subscription, limits)
        status = await once.run(channel)
        if not once.answered:
            tell(subscription.name, subscription.on_unanswered, status)
        if once.messages:
            final = subscription.terminal
        if status.code in final:
            return status
        attempt = 0 if once.messages else attempt + 1
        wait = backoff.wait(max(0, attempt - 1), chance())
        level = logging.DEBUG if status.code is Code.OK or once.messages else logging.WARNING
        _log.log(level, "%s: %s; again in %.1fs", subscription.name, status, wait)
        await trio.sleep(wait)


class _Attempt:
    """One opening of the stream."""

    def __init__(self, subscription: Subscription, limits: Limits) -> None:
        self._subscription = subscription
        self._limits = limits
        self._scope = trio.CancelScope()
        self._end_of_life = float("inf")
        self.answered = False
        self.messages = 0
        """That could be used."""

    async def run(self, channel: StreamingChannel) -> Status:
        subscription = self._subscription
        try:
            with self._scope:
                return await channel.stream(
                    subscription.path, subscription.request, self._on_message, self._on_open
                )
        except UnusableMessageError as error:
            return Status(Code.INTERNAL, f"unusable message: {error}")
        if self.messages and trio.current_time() >= self._end_of_life:
            return Status(Code.OK, "lifetime reached")
        return Status(Code.DEADLINE_EXCEEDED, "no message in time")

    def _on_open(self) -> None:
        if self._limits.lifetime is not None:
            self._end_of_life = trio.current_time() + self._limits.lifetime
        self._expect_within(self._limits.initial)
        tell(self._subscription.name, self._subscription.on_open)

    def _on_message(self, payload: bytes) -> None:
        self.answered = True
        self._use(payload)
        self.messages += 1
        self._expect_within(self._limits.idle)

    def _use(self, payload: bytes) -> None:
        """Raises UnusableMessageError, also for what nobody expected: the next stream begins with the whole
        picture, while a message that was passed over would be missing from this one."""
        try:
            self._subscription.on_message(payload)
        except UnusableMessageError:
            raise
        except Exception as error:
            _log.exception("%s: a message could not be used", self._subscription.name)
            raise UnusableMessageError(f"{type(error).__name__}: {error}") from error

    def _expect_within(self, seconds: float | None) -> None:
        silence = float("inf") if seconds is None else trio.current_time() + seconds
        self._scope.deadline = min(silence, self._end_of_life)
