"""`Discovery`: what is known of a destination, and who serves a name.

The data path asks with `find` (a dictionary look-up, once per connection) and, on a miss, with
`request`, whose answer may come later. Look-ups are started through a `Source`, which `proxy.control`
implements over gRPC streams and tests implement by hand. A destination or endpoint set that nobody
has used for the idle timeout is dropped and its stream ended; while the control plane is away the
last answers stay in force.

Everything runs on one thread; waiters are called between the reactor's batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from proxy.discovery.endpoints import EndpointSet
from proxy.watchers import Cancel, Watchers, tell

if TYPE_CHECKING:
    from proxy.discovery.destination import Destination
    from proxy.discovery.policy import OutboundPolicy
    from proxy.discovery.profile import Profile

_log = logging.getLogger("proxy.discovery")


class DiscoveryError(Exception):
    """A destination could not be looked up; the message says which and why."""


class UnknownNameError(DiscoveryError):
    """A name that is none of the mesh's."""


class Target:
    """One destination and what is known of it: a cell that changes under its readers."""

    __slots__ = ("_watchers", "address", "policy", "profile", "version")

    def __init__(self, address: Destination, profile: Profile, policy: OutboundPolicy) -> None:
        self.address = address
        self.profile = profile
        self.policy = policy
        self.version = 0
        self._watchers = Watchers(f"policy of {address}")

    def watch(self, callback: Callable[[], None]) -> Cancel:
        return self._watchers.add(callback)

    def update(self, profile: Profile, policy: OutboundPolicy) -> None:
        if profile == self.profile and policy == self.policy:
            return
        self.profile, self.policy = profile, policy
        self.version += 1
        self._watchers.notify()

    def __repr__(self) -> str:
        return f"<Target {self.address}: {self.policy.protocol.name}, version {self.version}>"


Waiter = Callable[[Target | DiscoveryError], None]


class Source(Protocol):
    """Where look-ups go. Calls return at once; the answers come back through the arguments."""

    def watch_target(
        self,
        address: Destination,
        on_update: Callable[[Profile, OutboundPolicy], None],
        on_failure: Callable[[DiscoveryError], None],
    ) -> Cancel:
        """Keep profile and policy of an address or a name up to date.

        `on_failure` is called when there is no answer in time, or the control plane refuses the
        address, with UnknownNameError for a name it does not know; the watch is over then.
        """

    def watch_endpoints(self, endpoints: EndpointSet) -> Cancel:
        """Keep the cell up to date until cancelled."""


class Clock(Protocol):
    """As much of the reactor as eviction needs."""

    def call_later(self, seconds: float, fn: Callable[[], None], /) -> Timer: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class _Lookup:
    """A look-up that runs: before its first answer it holds waiters, afterwards the target."""

    __slots__ = ("cancel", "target", "users", "waiters")

    def __init__(self) -> None:
        self.cancel: Cancel = _nothing
        self.target: Target | None = None
        self.waiters: list[Waiter] = []
        self.users = 0


class Discovery:
    """The look-ups of one proxy."""

    def __init__(
        self,
        source: Source,
        clock: Clock,
        *,
        idle_timeout: float = 5.0,
        capacity: int = 10_000,
        is_away: Callable[[], bool] = lambda: False,
    ) -> None:
        """`capacity` bounds the destinations held at once; more are
        refused until idle ones are dropped. `is_away`: whether the control plane cannot be asked; what
        is known is then kept however idle, for it could not be learned again."""
        self._source = source
        self._clock = clock
        self._idle_timeout = idle_timeout
        self._capacity = capacity
        self._is_away = is_away
        self._targets: dict[Destination, Target] = {}
        self._lookups: dict[Destination, _Lookup] = {}
        self._idle: dict[Destination, Timer] = {}
        self._sets: dict[str, tuple[EndpointSet, Cancel]] = {}
        self._set_users: dict[str, int] = {}
        self._idle_sets: dict[str, Timer] = {}

    # --- destinations ---------------------------------------------------------------------

    def find(self, dst: Destination) -> Target | None:
        """The target if it is known already; counts as one use, to be ended by `release`."""
        target = self._targets.get(dst)
        if target is not None:
            self._use(dst)
        return target

    def request(self, dst: Destination, waiter: Waiter) -> None:
        """Find or look up: `waiter` is called exactly once, with a target or an error.

        Handing out a target counts as one use, to be ended by `release`.
        """
        found = self.find(dst)
        if found is not None:
            waiter(found)
            return
        lookup = self._lookups.get(dst)
        if lookup is not None:
            lookup.waiters.append(waiter)
            return
        if len(self._lookups) >= self._capacity:
            waiter(DiscoveryError(f"{dst}: {self._capacity} destinations are in use already"))
            return
        lookup = self._lookups[dst] = _Lookup()
        lookup.waiters.append(waiter)
        cancel = self._source.watch_target(
            dst,
            lambda profile, policy: self._answered(dst, lookup, profile, policy),
            lambda error: self._failed(dst, lookup, error),
        )
        if self._lookups.get(dst) is lookup:
            lookup.cancel = cancel
        else:
            cancel()

    def release(self, target: Target) -> None:
        """One use is over; after the last one the target stays for the idle timeout."""
        dst = target.address
        lookup = self._lookups.get(dst)
        if lookup is None or lookup.target is not target:
            return
        lookup.users -= 1
        if lookup.users <= 0 and dst not in self._idle:
            self._idle[dst] = self._clock.call_later(self._idle_timeout, lambda: self._evict(dst))

    def _use(self, dst: Destination) -> None:
        self._lookups[dst].users += 1
        timer = self._idle.pop(dst, None)
        if timer is not None:
            timer.cancel()

    def _answered(
        self, dst: Destination, lookup: _Lookup, profile: Profile, policy: OutboundPolicy
    ) -> None:
        if self._lookups.get(dst) is not lookup:
            return
        if lookup.target is not None:
            lookup.target.update(profile, policy)
            return
        target = lookup.target = self._targets[dst] = Target(dst, profile, policy)
        waiters, lookup.waiters = lookup.waiters, []
        lookup.users = len(waiters)
        for waiter in waiters:
            tell(f"look-up of {dst}", waiter, target)

    def _failed(self, dst: Destination, lookup: _Lookup, error: DiscoveryError) -> None:
        if self._lookups.get(dst) is not lookup:
            return
        del self._lookups[dst]
        self._targets.pop(dst, None)
        timer = self._idle.pop(dst, None)
        if timer is not None:
            timer.cancel()
        for waiter in lookup.waiters:
            tell(f"look-up of {dst}", waiter, error)

    def _evict(self, dst: Destination) -> None:
        if self._is_away():
            self._idle[dst] = self._clock.call_later(self._idle_timeout, lambda: self._evict(dst))
            return
        self._idle.pop(dst, None)
        self._targets.pop(dst, None)
        lookup = self._lookups.pop(dst, None)
        if lookup is not None:
            lookup.cancel()
            _log.debug("%s is idle: look-up ended", dst)

    # --- endpoints ------------------------------------------------------------------------

    def endpoints(self, authority: str) -> EndpointSet:
        """The cell of an authority, its stream started on first use.

        Counts as one use, to be ended by `release_endpoints`.
        """
        timer = self._idle_sets.pop(authority, None)
        if timer is not None:
            timer.cancel()
        self._set_users[authority] = self._set_users.get(authority, 0) + 1
        held = self._sets.get(authority)
        if held is None:
            endpoints = EndpointSet(authority)
            held = self._sets[authority] = (endpoints, self._source.watch_endpoints(endpoints))
        return held[0]

    def release_endpoints(self, endpoints: EndpointSet) -> None:
        """One use is over; after the last one the stream stays open for the idle timeout."""
        authority = endpoints.authority
        held = self._sets.get(authority)
        if held is None or held[0] is not endpoints:
            return
        self._set_users[authority] -= 1
        if self._set_users[authority] <= 0 and authority not in self._idle_sets:
            self._idle_sets[authority] = self._clock.call_later(
                self._idle_timeout, lambda: self._evict_endpoints(authority)
            )

    def _evict_endpoints(self, authority: str) -> None:
        if self._is_away():
            self._idle_sets[authority] = self._clock.call_later(
                self._idle_timeout, lambda: self._evict_endpoints(authority)
            )
            return
        self._idle_sets.pop(authority, None)
        self._set_users.pop(authority, None)
        held = self._sets.pop(authority, None)
        if held is not None:
            held[1]()

    def __repr__(self) -> str:
        return f"<Discovery: {len(self._targets)} targets, {len(self._sets)} endpoint sets>"


def _nothing() -> None:
    return None
