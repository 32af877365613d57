"""How many requests may be in flight at once, and how many a second.

Rates are counted by the generic cell rate algorithm, one number per key: the moment at which the
allowance would be whole again. A second's worth may come in one burst.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class InFlight:
    """Requests in progress. Excess is refused rather than queued."""

    __slots__ = ("count", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0

    def enter(self) -> bool:
        """Whether one more may begin; if so it must `leave`."""
        if self.count >= self.limit:
            return False
        self.count += 1
        return True

    def leave(self) -> None:
        self.count -= 1


class Moments(Protocol):
    """For each key, when its allowance is whole again."""

    def get(self, key: str | None, default: float) -> float: ...

    def __setitem__(self, key: str | None, moment: float) -> None: ...

    def __len__(self) -> int:
        """Keys held, if their number can grow."""

    def forget(self, now: float) -> None:
        """Drop keys whose allowance is whole."""


class OwnMoments(dict[str | None, float]):
    """Those of one process."""

    def forget(self, now: float) -> None:
        for key in [key for key, moment in self.items() if moment <= now]:
            del self[key]


class Rate:
    """So many a second, for any number of keys. `now` is monotonic seconds."""

    __slots__ = ("_interval", "_whole_at", "per_second")

    FORGET_ABOVE = 1_024
    """Keys held before those whose allowance is whole again are dropped."""

    def __init__(self, per_second: int, whole_at: Moments | None = None) -> None:
        """`whole_at`: where it is counted; others may count there as well."""
        self.per_second = per_second
        self._interval = 1.0 / per_second
        self._whole_at: Moments = OwnMoments() if whole_at is None else whole_at

    def allows(self, now: float, key: str | None = None) -> bool:
        """Whether the key may have one more now, without taking it."""
        return self._whole_at.get(key, now) <= now + 1.0 - self._interval + 1e-9

    def take(self, now: float, key: str | None = None) -> None:
        """Count one."""
        if len(self._whole_at) > self.FORGET_ABOVE:
            self._whole_at.forget(now)
        self._whole_at[key] = max(now, self._whole_at.get(key, now)) + self._interval


MakeRate = Callable[[Hashable, int], Rate]
"""From the name of a limit and its requests per second."""


def own_rate(name: Hashable, per_second: int) -> Rate:
    """Counted in this process alone."""
    return Rate(per_second)


class RateLimiter:
    """A port's limits: overrides for some clients, one per identity, and one for all together."""

    __slots__ = ("_identity", "_overrides", "_total")

    def __init__(
        self,
        total: int | None,
        identity: int | None,
        overrides: Iterable[tuple[int, Iterable[str]]] = (),
        make: MakeRate = own_rate,
    ) -> None:
        """Requests per second, None for no limit of that kind; the clients of an override share it."""
        self._total = make("total", total) if total else None
        self._identity = make("identity", identity) if identity else None
        self._overrides = {
            client: rate
            for rate, clients in (
                (make(frozenset(clients), limit), clients) for limit, clients in overrides
            )
            for client in clients
        }

    def check(self, now: float, client: str | None) -> str | None:
        """Count a request, or name the limit it exceeds: `override`, `identity` or `total`.

        A client with an override has that instead of the limit of identities; clients without an
        identity share one allowance. A refused request counts against nothing.
        """
        override = self._overrides.get(client) if client is not None else None
        own, key = (override, None) if override is not None else (self._identity, client)
        if own is not None and not own.allows(now, key):
            return "override" if override is not None else "identity"
        if self._total is not None and not self._total.allows(now):
            return "total"
        if own is not None:
            own.take(now, key)
        if self._total is not None:
            self._total.take(now)
        return None
