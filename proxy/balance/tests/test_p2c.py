"""Two choices, with chance in hand."""

from collections import Counter
from dataclasses import dataclass
from math import e
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from proxy.balance.ewma import DEFAULT_RTT
from proxy.balance.p2c import UNIT_WEIGHT, Changes, Member, P2c
from weft.addresses import SocketAddress


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    weight: int = UNIT_WEIGHT


def address(number: int) -> SocketAddress:
    return SocketAddress(f"10.0.0.{number}", 8080)


def service(pod: Pod) -> str:
    return f"connections to {pod.name}"


def balancer(pods: int, seed: int = 1) -> P2c[Pod, str]:
    p2c = P2c(service, chance=Random(seed).random)
    for number in range(pods):
        p2c.add(address(number), Pod(f"web-{number}"), now=0.0)
    return p2c


def picked(p2c: P2c[Pod, str], times: int, now: float = 0.0) -> Counter[str]:
    """Pick so many times without starting anything."""
    return Counter(member.endpoint.name for _ in range(times) if (member := p2c.pick(now)))


def member(p2c: P2c[Pod, str], number: int) -> Member[Pod, str]:
    found = p2c.get(address(number))
    assert found is not None
    return found


def test_nobody() -> None:
    assert balancer(0).pick(now=0.0) is None


def test_the_only_one() -> None:
    p2c = balancer(1)
    assert p2c.pick(now=0.0) is member(p2c, 0)
    assert member(p2c, 0).service == "connections to web-0"


@pytest.mark.parametrize("pods", [2, 3, 7])
def test_every_number_stands_for_a_pair_of_two(pods: int) -> None:
    """One number for each ordered pair; of equals the first drawn is taken."""
    pairs = pods * (pods - 1)
    numbers = iter([(pair + 0.5) / pairs for pair in range(pairs)])
    p2c = P2c(service, chance=lambda: next(numbers))
    for number in range(pods):
        p2c.add(address(number), Pod(f"web-{number}"), now=0.0)
    assert picked(p2c, pairs) == {f"web-{number}": pods - 1 for number in range(pods)}


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0 - 2.0**-53])
@pytest.mark.parametrize("pods", [2, 3, 10, 1000])
def test_the_ends_of_chance(pods: int, chance: float) -> None:
    p2c = P2c(service, chance=lambda: chance)
    for number in range(pods):
        p2c.add(SocketAddress("10.0.0.1", number + 1), Pod(str(number)), now=0.0)
    assert p2c.pick(now=0.0) is not None


def test_a_new_one_gets_its_share_at_once_and_no_more() -> None:
    """Its peers answer in a millisecond, one of them is stuck; the default latency is thirty."""
    p2c = balancer(4)
    new = member(p2c, 3)
    p2c.mark_unready(new)
    for number in range(3):
        for _ in range(100):
            member(p2c, number).start()
            member(p2c, number).finish(0.001 if number else 5.0, now=100.0)
    p2c.renew(new, now=101.0)
    p2c.mark_ready(new)
    assert new.believed(101.0) == pytest.approx(member(p2c, 1).believed(101.0))
    for _ in range(90):
        chosen = p2c.pick(now=101.0)
        assert chosen is not None
        chosen.start()
    assert [member(p2c, number).pending for number in range(4)] == pytest.approx(
        [0, 30, 30, 30], abs=4
    )


def test_the_first_one_is_believed_to_be_ordinary() -> None:
    p2c = balancer(1)
    one = member(p2c, 0)
    one.start()
    one.finish(9.0, now=1.0)
    p2c.renew(one, now=2.0)
    assert one.estimate == DEFAULT_RTT


def test_the_less_loaded_of_two() -> None:
    p2c = balancer(2)
    member(p2c, 0).start()
    assert picked(p2c, 20) == {"web-1": 20}


def test_the_most_loaded_of_many_is_never_taken() -> None:
    p2c = balancer(5)
    member(p2c, 3).start()
    assert "web-3" not in picked(p2c, 500)


def test_a_slow_endpoint_is_tried_again_when_its_slowness_has_faded() -> None:
    p2c = balancer(2)
    slow, fast = member(p2c, 0), member(p2c, 1)
    slow.start()
    slow.finish(rtt=1.0, now=1.0)
    for now in range(1, 60):
        fast.start()
        fast.finish(rtt=0.010, now=float(now))
        expected = "web-1" if slow.load(now) > fast.load(now) else "web-0"
        assert picked(p2c, 5, now) == {expected: 5}
        if now == 10:
            assert expected == "web-1"
    assert expected == "web-0"


def test_load_spreads_evenly_over_equals() -> None:
    p2c = balancer(4)
    for _ in range(400):
        chosen = p2c.pick(now=0.0)
        assert chosen is not None
        chosen.start()
    assert all(95 <= one.pending <= 105 for one in p2c.members())


def test_twice_the_weight_bears_twice_the_load() -> None:
    p2c = P2c(service, chance=Random(1).random)
    p2c.add(address(1), Pod("near", weight=2 * UNIT_WEIGHT), now=0.0)
    p2c.add(address(2), Pod("far"), now=0.0)
    for _ in range(300):
        chosen = p2c.pick(now=0.0)
        assert chosen is not None
        chosen.start()
    assert member(p2c, 1).pending == pytest.approx(200, abs=3)
    assert member(p2c, 2).pending == pytest.approx(100, abs=3)


def test_weight_zero_is_the_least_weight() -> None:
    p2c = P2c(service, chance=Random(1).random)
    p2c.add(address(1), Pod("none", weight=0), now=0.0)
    assert picked(p2c, 3) == {"none": 3}
    p2c.add(address(2), Pod("some"), now=0.0)
    assert picked(p2c, 20) == {"some": 20}


def test_an_equal_endpoint_keeps_what_was_learned() -> None:
    p2c = balancer(1)
    before = member(p2c, 0)
    before.start()
    before.finish(rtt=1.0, now=1.0)
    assert p2c.add(address(0), Pod("web-0"), now=2.0) == Changes()
    assert member(p2c, 0) is before


def test_a_changed_endpoint_begins_anew() -> None:
    p2c = balancer(1)
    before = member(p2c, 0)
    before.start()
    before.finish(rtt=1.0, now=1.0)
    changes = p2c.add(address(0), Pod("web-0-reborn"), now=2.0)
    after = member(p2c, 0)
    assert changes == Changes(added=(after,), removed=(before,))
    assert after.load(now=2.0) == 0.030
    assert after.service == "connections to web-0-reborn"
    assert (before.ready, after.ready) == (False, True)
    assert (len(p2c), p2c.ready_count) == (1, 1)


def test_a_removed_member_may_finish_but_not_return() -> None:
    p2c = balancer(2)
    gone = member(p2c, 0)
    gone.start()
    assert p2c.remove(address(0)) == Changes(removed=(gone,))
    gone.finish(rtt=0.1, now=1.0)
    p2c.mark_unready(gone)
    p2c.mark_ready(gone)
    assert picked(p2c, 20) == {"web-1": 20}
    assert p2c.remove(address(0)) == Changes()


def test_a_replaced_member_does_not_return_in_place_of_the_other() -> None:
    p2c = balancer(1)
    before = member(p2c, 0)
    p2c.add(address(0), Pod("web-0-reborn"), now=0.0)
    p2c.mark_ready(before)
    assert picked(p2c, 20) == {"web-0-reborn": 20}


def test_unready_endpoints_are_not_picked() -> None:
    p2c = balancer(3)
    p2c.mark_unready(member(p2c, 1))
    assert set(picked(p2c, 50)) == {"web-0", "web-2"}
    p2c.mark_unready(member(p2c, 0))
    p2c.mark_unready(member(p2c, 0))
    assert set(picked(p2c, 50)) == {"web-2"}
    p2c.mark_unready(member(p2c, 2))
    assert p2c.pick(now=0.0) is None
    assert (len(p2c), p2c.ready_count) == (3, 0)
    p2c.mark_ready(member(p2c, 1))
    p2c.mark_ready(member(p2c, 1))
    assert set(picked(p2c, 50)) == {"web-1"}
    assert p2c.ready_count == 1


def test_update_makes_the_members_exactly_these() -> None:
    p2c = balancer(3)
    kept, changed, gone = (member(p2c, number) for number in range(3))
    changes = p2c.update(
        {
            address(0): Pod("web-0"),
            address(1): Pod("web-1", weight=1),
            address(9): Pod("web-9"),
        },
        now=1.0,
    )
    assert set(changes.added) == {member(p2c, 1), member(p2c, 9)}
    assert set(changes.removed) == {changed, gone}
    assert member(p2c, 0) is kept
    assert p2c.get(address(2)) is None
    assert p2c.ready_count == 3
    assert set(p2c.update({}, now=2.0).removed) == {kept, *changes.added}
    assert p2c.pick(now=2.0) is None


def test_repr() -> None:
    p2c = balancer(2)
    p2c.mark_unready(member(p2c, 1))
    assert repr(p2c) == "<P2c 1 of 2 ready>"
    assert repr(member(p2c, 0)) == "<Member 10.0.0.0:8080 ready, 30.0 ms, 0 pending>"
    assert repr(member(p2c, 1)) == "<Member 10.0.0.1:8080 not ready, 30.0 ms, 0 pending>"


def left_alone(p2c: P2c[Pod, str], number: int, until: float) -> float:
    """Second by second, with the others answering in 30 ms: how long this one gets nothing."""
    now = 0.0
    while now < until:
        now += 1.0
        chosen = p2c.pick(now)
        assert chosen is not None
        if chosen is member(p2c, number):
            break
        chosen.start()
        chosen.finish(0.030, now)
    return now


@pytest.mark.parametrize(("wait", "alone"), [(0.0, 1), (5.0, 53), (60.0, 78), (300.0, 94)])
def test_who_asks_to_be_left_alone_is(wait: float, alone: int) -> None:
    p2c = balancer(2)
    member(p2c, 1).patience = 300.0
    member(p2c, 0).believe(0.040, 0.0)
    member(p2c, 1).heed(wait, 0.0)
    assert left_alone(p2c, 1, until=1000.0) == alone


def test_no_one_is_left_alone_for_longer_than_our_patience() -> None:
    one, other = balancer(2).members()
    one.patience = 10.0
    one.heed(float("inf"), now=0.0)
    assert one.believed(now=0.0) == 10.0
    other.heed(5.0, now=0.0)
    assert other.believed(now=0.0) == DEFAULT_RTT


def test_a_short_wish_does_not_end_a_long_one() -> None:
    (one,) = balancer(1).members()
    one.patience = 300.0
    one.heed(60.0, now=0.0)
    one.heed(1.0, now=10.0)
    assert one.believed(now=10.0) == pytest.approx(60.0 / e)
    one.heed(60.0, now=10.0)
    assert one.believed(now=10.0) == 60.0


def test_the_answer_that_asks_may_be_slow_to_end() -> None:
    (one,) = balancer(1).members()
    one.patience = 300.0
    one.start()
    one.heed(60.0, now=0.0)
    one.finish(5.0, now=0.0)
    assert (one.believed(now=0.0), one.pending) == (60.0, 0)


class Balancing(RuleBasedStateMachine):
    """Whatever comes and goes: picks are ready members, and the books agree with a plain model."""

    pods = Bundle("pods")

    def __init__(self) -> None:
        super().__init__()
        self.random = Random(7)
        self.p2c = P2c(service, chance=self.random.random)
        self.ready: dict[SocketAddress, bool] = {}
        self.former: list[Member[Pod, str]] = []
        self.now = 0.0

    @rule(number=st.integers(0, 5), weight=st.sampled_from([0, 1, UNIT_WEIGHT, 10 * UNIT_WEIGHT]))
    def add(self, number: int, weight: int) -> None:
        changes = self.p2c.add(address(number), Pod(f"web-{number}", weight), self.now)
        self.former += changes.removed
        if changes.added:
            self.ready[address(number)] = True

    @rule(number=st.integers(0, 5))
    def remove(self, number: int) -> None:
        self.former += self.p2c.remove(address(number)).removed
        self.ready.pop(address(number), None)

    @rule(numbers=st.sets(st.integers(0, 5)))
    def update(self, numbers: set[int]) -> None:
        changes = self.p2c.update({address(n): Pod(f"web-{n}") for n in numbers}, self.now)
        self.former += changes.removed
        self.ready = {
            address(n): self.ready.get(address(n), True) or member(self.p2c, n) in changes.added
            for n in numbers
        }

    @rule(number=st.integers(0, 5), ready=st.booleans())
    def mark(self, number: int, ready: bool) -> None:
        found = self.p2c.get(address(number))
        if found is not None:
            (self.p2c.mark_ready if ready else self.p2c.mark_unready)(found)
            self.ready[address(number)] = ready

    @rule()
    def mark_former(self) -> None:
        for gone in self.former:
            self.p2c.mark_ready(gone)

    @rule(elapsed=st.floats(0.0, 60.0), rtt=st.floats(0.0, 5.0))
    def request(self, elapsed: float, rtt: float) -> None:
        self.now += elapsed
        chosen = self.p2c.pick(self.now)
        if chosen is None:
            assert not any(self.ready.values())
            return
        assert self.ready[chosen.address]
        chosen.start()
        chosen.finish(rtt, self.now)

    @invariant()
    def books_agree(self) -> None:
        assert len(self.p2c) == len(self.ready)
        assert self.p2c.ready_count == sum(self.ready.values())
        assert {one.address: one.ready for one in self.p2c.members()} == self.ready
        assert not any(gone.ready for gone in self.former)


TestBalancing = Balancing.TestCase
TestBalancing.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
