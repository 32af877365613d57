"""Endpoints that were ready until just now. Pure.

A pod that is not ready may be unable to serve, or nobody may have asked it: a kubelet that starts
calls every pod of its node unready until it has probed each again, and they go on serving all the
while. A Service that loses its last ready endpoint so would have none, and its clients nobody to
ask. So what ceased to be ready a short while ago, is still listed and not on its way out is
remembered; `resolve` answers with it where nothing else is ready.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from destination.model import SliceEndpoint
from kit.kube.objects import Key

Member = tuple[str, Key | None]
"""An address and whose it is: the next pod with the address is another member."""


def member(endpoint: SliceEndpoint) -> Member:
    return endpoint.ip, endpoint.pod or endpoint.external_workload


@dataclass(frozen=True)
class Memory:
    """What is remembered of one Service. Times are seconds of any one clock."""

    ready: frozenset[Member] = frozenset()
    ceased: Mapping[Member, float] = field(default_factory=dict)
    """Those that were ready and are not: since when. They are listed and not terminating."""

    def __bool__(self) -> bool:
        return bool(self.ready or self.ceased)

    def seen(self, endpoints: Iterable[SliceEndpoint], at: float) -> "Memory":
        """After a look at all endpoints of the Service's slices."""
        listed = tuple(endpoints)
        ready = frozenset(member(one) for one in listed if one.ready)
        staying = {member(one) for one in listed if not one.terminating} - ready
        return Memory(
            ready,
            {
                one: self.ceased.get(one, at)
                for one in staying
                if one in self.ready or one in self.ceased
            },
        )

    def lapsed(self, seconds: float, at: float) -> "Memory":
        """Without those that ceased to be ready `seconds` ago or before."""
        kept = {one: since for one, since in self.ceased.items() if since + seconds > at}
        return Memory(self.ready, kept)

    def next_lapse(self, seconds: float) -> float | None:
        """When the first of them will be too old."""
        return min(self.ceased.values()) + seconds if self.ceased else None
