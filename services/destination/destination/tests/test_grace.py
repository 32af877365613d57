"""Which endpoints count as ready until just now, against the sentence that says so."""

from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from destination.grace import Memory, member
from destination.model import SliceEndpoint
from kit.kube.objects import Key

GRACE = 10.0
ABSENT, READY, UNREADY, TERMINATING = "absent", "ready", "unready", "terminating"
STATES = (ABSENT, READY, UNREADY, TERMINATING)
Look = tuple[float, dict[str, str]]
"""When it was, and the state of each address."""


def remembered(looks: list[Look]) -> Memory:
    memory = Memory()
    for at, states in looks:
        memory = memory.lapsed(GRACE, at).seen(_endpoints(states), at)
    return memory.lapsed(GRACE, looks[-1][0])


def expected(looks: list[Look], ip: str) -> bool:
    """It is listed, neither ready nor terminating, and it was ready before it became so, less than
    the grace ago."""
    ceased = None
    for (_, before), (at, now) in pairwise([(0.0, {}), *looks]):
        was, is_ = before.get(ip, ABSENT), now.get(ip, ABSENT)
        if is_ != UNREADY:
            ceased = None
        elif was == READY:
            ceased = at
    return ceased is not None and looks[-1][0] - ceased < GRACE


def _endpoints(states: dict[str, str]) -> list[SliceEndpoint]:
    return [
        SliceEndpoint(ip, ready=state == READY, terminating=state == TERMINATING)
        for ip, state in states.items()
        if state != ABSENT
    ]


def test_every_way_of_one_endpoint() -> None:
    tried = 0
    for states in product(STATES, repeat=4):
        for waits in product((1.0, GRACE / 2, GRACE), repeat=4):
            at, looks = 0.0, list[Look]()
            for state, wait in zip(states, waits, strict=True):
                at += wait
                looks.append((at, {"a": state}))
            assert bool(remembered(looks).ceased) is expected(looks, "a"), looks
            tried += 1
    assert tried == 4**4 * 3**4


_LOOKS = st.lists(
    st.tuples(
        st.floats(0.0, 2 * GRACE, allow_nan=False),
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from(STATES)),
    ),
    min_size=1,
    max_size=12,
)


@given(_LOOKS)
def test_any_way_of_several(steps: list[tuple[float, dict[str, str]]]) -> None:
    at, looks = 0.0, list[Look]()
    for wait, states in steps:
        at += wait
        looks.append((at, states))
    memory = remembered(looks)
    assert {ip for ip, _ in memory.ceased} == {ip for ip in "abcd" if expected(looks, ip)}
    assert memory.ready == {(ip, None) for ip, state in looks[-1][1].items() if state == READY}
    assert memory.ready.isdisjoint(memory.ceased)


def test_the_next_pod_with_the_address_is_another() -> None:
    old, new = SliceEndpoint("a", pod=Key("ns", "old")), SliceEndpoint("a", pod=Key("ns", "new"))
    unready = SliceEndpoint("a", ready=False, pod=new.pod)
    assert Memory().seen([old], 0.0).seen([unready], 1.0) == Memory()


def test_ready_in_one_slice_is_ready() -> None:
    """An endpoint that moves to another slice is in both for a moment."""
    ready, unready = SliceEndpoint("a"), SliceEndpoint("a", ready=False)
    assert Memory().seen([ready], 0.0).seen([unready, ready], 1.0).ready == {member(ready)}


def test_when_the_first_lapses() -> None:
    memory = Memory().seen([SliceEndpoint("a"), SliceEndpoint("b")], 0.0)
    assert memory.next_lapse(GRACE) is None
    memory = memory.seen([SliceEndpoint("a", ready=False), SliceEndpoint("b")], 1.0)
    memory = memory.seen([SliceEndpoint(ip, ready=False) for ip in "ab"], 2.0)
    assert memory.next_lapse(GRACE) == 1.0 + GRACE
    assert set(memory.lapsed(GRACE, 1.0 + GRACE).ceased) == {("b", None)}
