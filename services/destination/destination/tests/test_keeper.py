"""What is answered while nothing is ready, from objects to answers, under a clock of our own."""

from itertools import product

import pytest
from prometheus_client import CollectorRegistry, Counter

from destination.index import Fact, Reader
from destination.keeper import Keeper
from destination.model import Client
from destination.profiles import profile
from destination.resolve import EndpointSet, Rules, endpoints
from destination.tests.cluster import Cluster, endpoint, endpoint_slice, pod, service
from kit.kube.objects import Object
from kit.rpc.status import NotFound
from weft.authority import ServiceAuthority
from weft.names import CLUSTER_DOMAIN

GRACE = 30.0
WEB = ServiceAuthority("web", "ns", 80)
READY, UNREADY, TERMINATING, ABSENT = "ready", "unready", "terminating", "absent"
CONDITIONS = {
    READY: {"ready": True, "serving": True, "terminating": False},
    UNREADY: {"ready": False, "serving": False, "terminating": False},
    TERMINATING: {"ready": False, "serving": True, "terminating": True},
}

BOTH = tuple(product((READY, UNREADY, TERMINATING, ABSENT), repeat=2))
WAYS = tuple(product(product((READY, UNREADY), repeat=2), BOTH, BOTH))
"""All ways of two addresses that are listed, in three steps."""


class World:
    """Two pods of one Service, and what destination answers about it."""

    def __init__(self, grace: float = GRACE) -> None:
        self.now = 100.0
        self.cluster = Cluster(service(), pod("web-1", "10.244.0.1"), pod("web-2", "10.244.0.2"))
        self._graces = Counter("graces", "", registry=CollectorRegistry())
        index = self.cluster.index
        self.keeper = Keeper(index, grace, self._graces, lambda: self.now)
        self.touched: set[Fact] = set()

    def see(self, *states: str, **fields: str) -> list[str]:
        """The pods' addresses become so; the addresses answered then."""
        self.put(
            endpoint_slice(
                *(
                    endpoint(
                        f"10.244.0.{number}",
                        f"web-{number}",
                        conditions=CONDITIONS[state],
                        hostname=f"web-{number}",
                    )
                    for number, state in enumerate(states, 1)
                    if state != ABSENT
                )
            )
        )
        return self.answer

    def put(self, obj: Object) -> None:
        facts = self.cluster.put(obj)
        self.touched = facts | self.keeper.touched(facts)

    def wait(self, seconds: float) -> list[str]:
        self.now += seconds
        self.touched = self.keeper.lapse()
        return self.answer

    @property
    def answer(self) -> list[str]:
        return [at.ip.removeprefix("10.244.0.") for at in self.look().endpoints]

    def look(self, authority: ServiceAuthority = WEB) -> EndpointSet:
        return endpoints(Reader(self.cluster.index), authority, Rules())

    @property
    def graces(self) -> float:
        return sum(
            sample.value
            for metric in self._graces.collect()
            for sample in metric.samples
            if sample.name == "graces_total"
        )


def test_a_kubelet_restarts() -> None:
    world = World()
    assert world.see(READY, READY) == ["1", "2"]
    assert world.see(UNREADY, READY) == ["2"], "one is ready: nothing is kept"
    world.wait(0.1)
    assert world.see(UNREADY, UNREADY) == ["1", "2"]
    assert world.graces == 1
    assert world.wait(10) == ["1", "2"]
    assert world.see(UNREADY, READY) == ["2"], "one is ready again"
    assert world.see(READY, READY) == ["1", "2"]
    assert world.wait(2 * GRACE) == ["1", "2"]
    assert world.graces == 1
    assert world.keeper.next_lapse() is None


def test_it_does_not_last() -> None:
    world = World()
    world.see(READY, READY)
    world.see(UNREADY, READY)
    world.wait(1)
    assert world.see(UNREADY, UNREADY) == ["1", "2"]
    assert world.keeper.next_lapse() == world.now + GRACE - 1
    assert world.wait(GRACE - 1.5) == ["1", "2"]
    assert world.touched == set()
    assert world.wait(0.5) == ["2"], "each goes when its own time is over"
    assert world.wait(1) == []
    assert world.touched, "whoever was answered is told"
    assert world.see(UNREADY, UNREADY) == []
    assert len(world.cluster.index.lately_ready) == 0


def test_what_is_removed_or_ends_goes_at_once() -> None:
    world = World()
    world.see(READY, READY)
    assert world.see(UNREADY, TERMINATING) == ["1"]
    assert world.see(ABSENT, TERMINATING) == []
    assert world.graces == 1


def test_what_was_never_ready_is_not_kept() -> None:
    world = World()
    assert world.see(UNREADY, UNREADY) == []
    assert world.see(UNREADY, READY) == ["2"]
    assert world.see(UNREADY, UNREADY) == ["2"]


def test_without_a_grace_only_ready_ones_are_answered() -> None:
    """As Linkerd does."""
    for steps in WAYS:
        world = World(grace=0.0)
        for states in steps:
            assert world.see(*states) == _numbers(states, READY)
        assert world.keeper.next_lapse() is None
        assert world.graces == 0


def test_every_way_of_two_addresses() -> None:
    """What is ready is all that is answered; where nothing is, what is neither gone nor ending."""
    for steps in WAYS:
        world = World()
        before: tuple[str, ...] = (ABSENT, ABSENT)
        kept: set[str] = set()
        for states in steps:
            stay = set(_numbers(states, UNREADY))
            kept = (kept | set(_numbers(before, READY))) & stay
            ready = _numbers(states, READY)
            assert world.see(*states) == (ready or sorted(kept)), steps
            before = states


def _numbers(states: tuple[str, ...], wanted: str) -> list[str]:
    return [str(number) for number, state in enumerate(states, 1) if state == wanted]


def test_a_change_touches_what_the_answer_was_made_of() -> None:
    """Otherwise those who were answered would not hear of the end."""
    world = World()
    world.see(READY, READY)
    world.see(UNREADY, UNREADY)
    reader = Reader(world.cluster.index)
    endpoints(reader, WEB, Rules())
    world.wait(GRACE)
    assert reader.facts & world.touched


def test_a_pod_by_name() -> None:
    """One name is one endpoint, whatever the others are. Profiles share the answer."""
    world = World()
    name = ServiceAuthority("web", "ns", 80, hostname="web-1")
    world.see(READY, READY)
    world.see(UNREADY, READY)
    assert [at.ip for at in world.look(name).endpoints] == ["10.244.0.1"]
    reader = Reader(world.cluster.index)
    found = profile(reader, name, Client(), Rules(), CLUSTER_DOMAIN)
    assert found.endpoint is not None
    assert found.endpoint.address.ip == "10.244.0.1"
    world.wait(GRACE)
    with pytest.raises(NotFound):
        profile(reader, name, Client(), Rules(), CLUSTER_DOMAIN)


def test_a_service_that_goes_is_forgotten() -> None:
    world = World()
    world.see(READY, READY)
    world.see(UNREADY, UNREADY)
    facts = world.cluster.gone(endpoint_slice())
    world.keeper.touched(facts)
    assert len(world.cluster.index.lately_ready) == 0
    assert world.keeper.next_lapse() is None
