"""The power of two choices: of two endpoints drawn at random, the one with the smaller load.

Always taking the least loaded of all would need a look at all of them and would send every caller
to the same endpoint at once; drawing one at random would ignore load. Two draws have nearly the
quality of the first at the price of the second: a pick takes the same few steps for three endpoints
as for three thousand.

An endpoint that was just connected is believed to be as fast as most of the others are. Believed to be
slower, it would get nothing for as long as its peers are quick; faster, everybody would rush to it.

Endpoints that are ready sit side by side in one list; one that stops being ready is swapped with
the last and cut off. Drawing is uniform. Weights divide the load instead: an endpoint of twice the
weight is preferred until it is twice as loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import random
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from proxy.balance.ewma import DEFAULT_DECAY, DEFAULT_RTT, PeakEwma

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weft.addresses import SocketAddress

UNIT_WEIGHT = 10_000
"""The weight of an ordinary endpoint."""

_NOT_READY = -1
_SAMPLE = 16
"""Endpoints that are looked at to tell what the others are like."""


class Weighted(Protocol):
    """All the balancer wants to know of an endpoint; equal endpoints are interchangeable."""

    @property
    def weight(self) -> int: ...


class Gate(Protocol):
    """What a breaker wants to know of the requests sent to a member."""

    def start(self) -> None: ...
    def answered(self, now: float, status: int, grpc: int | None, *, success: bool) -> None: ...
    def failure(self, now: float) -> None: ...
    def abandon(self) -> None: ...


E = TypeVar("E", bound=Weighted)
S = TypeVar("S")


class Member(PeakEwma, Generic[E, S]):
    """One endpoint among the others: its load, and the service that reaches it.

    A member stays usable after it was removed, so that requests on their way may finish.
    """

    __slots__ = (
        "_position",
        "_share",
        "address",
        "endpoint",
        "gate",
        "patience",
        "penalty",
        "service",
    )

    def __init__(
        self,
        address: SocketAddress,
        endpoint: E,
        service: S,
        now: float,
        default_rtt: float,
        decay: float,
    ) -> None:
        super().__init__(now, default_rtt, decay)
        self.address = address
        self.endpoint = endpoint
        self.service = service
        self.gate: Gate | None = None
        """Hears how requests end, when there is a breaker."""
        self.penalty = 0.0
        """Seconds a failure is believed to have taken at least; 0 takes it as it was."""
        self.patience = 0.0
        """Seconds for which it is left alone at most when it asks for that; 0 hears no such wishes."""
        # No weight at all would mean "never": who means that does not list the endpoint.
        self._share = UNIT_WEIGHT / max(endpoint.weight, 1)
        self._position = _NOT_READY

    @property
    def ready(self) -> bool:
        """Whether it can be picked."""
        return self._position != _NOT_READY

    def load(self, now: float) -> float:
        return super().load(now) * self._share

    def heed(self, wait: float, now: float) -> None:
        """It asks to be left alone for `wait` seconds: it is believed to take as long as that, within our
        patience, unless it is believed to take longer. That fades as any latency does."""
        wait = min(wait, self.patience)
        if wait > self.believed(now):
            self.believe(wait, now)

    def __repr__(self) -> str:
        state = "ready" if self.ready else "not ready"
        return f"<Member {self.address} {state}, {self.estimate * 1000:.1f} ms, {self.pending} pending>"


@dataclass(frozen=True, slots=True)
class Changes(Generic[E, S]):
    """What an update of the whole set came to. A replaced endpoint is in both."""

    added: tuple[Member[E, S], ...] = ()
    removed: tuple[Member[E, S], ...] = ()
    """Close their services when the last request has finished."""


class P2c(Generic[E, S]):
    """The endpoints of one destination. `make_service` is called once for each that is added."""

    __slots__ = ("_chance", "_decay", "_default_rtt", "_make_service", "_members", "_ready")

    def __init__(
        self,
        make_service: Callable[[E], S],
        default_rtt: float = DEFAULT_RTT,
        decay: float = DEFAULT_DECAY,
        chance: Callable[[], float] = random,
    ) -> None:
        """`chance` gives numbers in [0, 1)."""
        self._make_service = make_service
        self._default_rtt = default_rtt
        self._decay = decay
        self._chance = chance
        self._members: dict[SocketAddress, Member[E, S]] = {}
        self._ready: list[Member[E, S]] = []

    def __len__(self) -> int:
        return len(self._members)

    @property
    def ready_count(self) -> int:
        return len(self._ready)

    def members(self) -> tuple[Member[E, S], ...]:
        """In the order in which they were added."""
        return tuple(self._members.values())

    def get(self, address: SocketAddress) -> Member[E, S] | None:
        return self._members.get(address)

    def pick(self, now: float) -> Member[E, S] | None:
        """The member for the next request, or None when none is ready. The caller starts it."""
        ready = self._ready
        count = len(ready)
        if count < 2:
            return ready[0] if count else None
        others = count - 1
        # One number stands for an ordered pair of two different positions.
        pair = int(self._chance() * (count * others))
        first = pair // others
        second = pair - first * others
        if second >= first:
            second += 1
        one, other = ready[first], ready[second]
        return one if one.load(now) <= other.load(now) else other

    def add(self, address: SocketAddress, endpoint: E, now: float) -> Changes[E, S]:
        """Add an endpoint, ready and with the default latency, or replace what is at its address.

        An endpoint equal to the one that is there changes nothing: control planes repeat
        themselves when a stream is resumed, and what was learned would be lost.
        """
        old = self._members.get(address)
        if old is not None and old.endpoint == endpoint:
            return Changes()
        member = Member(
            address, endpoint, self._make_service(endpoint), now, self._default_rtt, self._decay
        )
        if old is not None:
            self.mark_unready(old)
        self._members[address] = member
        self.mark_ready(member)
        return Changes((member,), () if old is None else (old,))

    def remove(self, address: SocketAddress) -> Changes[E, S]:
        """Take an endpoint out. An address that is not there changes nothing."""
        member = self._members.pop(address, None)
        if member is None:
            return Changes()
        self.mark_unready(member)
        return Changes(removed=(member,))

    def update(self, endpoints: Mapping[SocketAddress, E], now: float) -> Changes[E, S]:
        """Make the members exactly these."""
        changes = [self.remove(address) for address in self._members.keys() - endpoints.keys()]
        changes += [self.add(address, endpoint, now) for address, endpoint in endpoints.items()]
        return Changes(
            tuple(member for change in changes for member in change.added),
            tuple(member for change in changes for member in change.removed),
        )

    def mark_ready(self, member: Member[E, S]) -> None:
        """Let it be picked. Without effect on a member that is ready or was removed."""
        if member._position != _NOT_READY or self._members.get(member.address) is not member:
            return
        member._position = len(self._ready)
        self._ready.append(member)

    def renew(self, member: Member[E, S], now: float) -> None:
        """Its connection is new: believe it to be as fast as most of the others are."""
        others = sorted(
            other.believed(now) for other in self._ready[:_SAMPLE] if other is not member
        )
        member.believe(others[(len(others) - 1) // 2] if others else self._default_rtt, now)

    def mark_unready(self, member: Member[E, S]) -> None:
        """Keep it from being picked, for example while its breaker is shut."""
        position = member._position
        if position == _NOT_READY:
            return
        last = self._ready.pop()
        if last is not member:
            self._ready[position] = last
            last._position = position
        member._position = _NOT_READY

    def __repr__(self) -> str:
        return f"<P2c {len(self._ready)} of {len(self._members)} ready>"
