"""The breaker: its story, its table, and every walk through it."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.balance.breaker import NEXT, BreakerError, ConsecutiveFailures, Event, State
from proxy.stack.backoff import Backoff

BACKOFF = Backoff(minimum=1.0, maximum=60.0, jitter=0.5)


def breaker(max_failures: int = 3, chance: float = 0.0) -> ConsecutiveFailures:
    return ConsecutiveFailures(max_failures, BACKOFF, chance=lambda: chance)


def shut(max_failures: int = 3) -> ConsecutiveFailures:
    gate = breaker(max_failures)
    for _ in range(max_failures):
        gate.start()
        gate.failure(now=0.0)
    assert gate.state is State.SHUT
    return gate


def probing() -> ConsecutiveFailures:
    gate = shut()
    gate.elapse()
    gate.start()
    assert gate.state is State.PROBING
    return gate


def test_story() -> None:
    gate = breaker(max_failures=2)
    assert gate.admits

    gate.start()
    gate.failure(now=10.0)
    assert gate.admits

    gate.start()
    gate.failure(now=11.0)
    assert (gate.state, gate.shut_until) == (State.SHUT, 12.0)
    assert not gate.admits

    gate.success()  # of a request from before
    assert not gate.admits

    gate.elapse()
    assert gate.admits
    gate.start()
    assert not gate.admits

    gate.failure(now=13.0)
    assert (gate.state, gate.shut_until) == (State.SHUT, 15.0)

    gate.elapse()
    gate.start()
    gate.success()
    assert (gate.state, gate.admits) == (State.OPEN, True)

    gate.failure(now=20.0)
    assert gate.admits
    gate.failure(now=21.0)
    assert (gate.state, gate.shut_until) == (State.SHUT, 22.0)


@pytest.mark.parametrize("max_failures", [1, 2, 7])
def test_shuts_on_exactly_so_many_failures(max_failures: int) -> None:
    gate = breaker(max_failures)
    for _ in range(max_failures - 1):
        gate.failure(now=0.0)
        assert gate.admits
    gate.failure(now=0.0)
    assert gate.state is State.SHUT


def test_a_success_starts_the_count_anew() -> None:
    gate = breaker(max_failures=2)
    for _ in range(10):
        gate.failure(now=0.0)
        gate.success()
    assert gate.admits


def test_an_abandoned_request_does_not_count() -> None:
    gate = breaker(max_failures=2)
    gate.failure(now=0.0)
    gate.abandon()
    gate.failure(now=0.0)
    assert gate.state is State.SHUT


def test_backoff_doubles_up_to_its_maximum() -> None:
    gate = shut()
    waits = [gate.shut_until]
    for _ in range(8):
        gate.elapse()
        gate.start()
        gate.failure(now=100.0)
        waits.append(gate.shut_until - 100.0)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_backoff_begins_anew_after_a_success() -> None:
    gate = probing()
    gate.failure(now=100.0)
    assert gate.shut_until == 102.0
    gate.elapse()
    gate.start()
    gate.success()
    for _ in range(3):
        gate.failure(now=200.0)
    assert gate.shut_until == 201.0


def test_jitter_lengthens_the_backoff() -> None:
    gate = breaker(max_failures=1, chance=0.5)
    gate.failure(now=0.0)
    assert gate.shut_until == pytest.approx(1.25)


def test_late_answers_do_not_lengthen_the_backoff() -> None:
    gate = shut()
    gate.failure(now=0.5)
    assert (gate.state, gate.shut_until) == (State.SHUT, 1.0)
    gate.elapse()
    gate.failure(now=1.5)
    gate.success()
    gate.abandon()
    assert (gate.state, gate.shut_until) == (State.PROBATION, 1.0)
    gate.start()
    gate.failure(now=2.0)
    assert (gate.state, gate.shut_until) == (State.SHUT, 4.0)


def test_an_abandoned_probe_makes_way_for_another() -> None:
    gate = probing()
    gate.abandon()
    assert (gate.state, gate.admits) == (State.PROBATION, True)
    gate.start()
    gate.success()
    assert gate.state is State.OPEN


def test_repr() -> None:
    gate = breaker()
    gate.failure(now=0.0)
    assert repr(gate) == "<ConsecutiveFailures OPEN, 1 failures in a row>"


@pytest.mark.parametrize("max_failures", [0, -1])
def test_needs_a_failure_to_shut_on(max_failures: int) -> None:
    with pytest.raises(ValueError, match=f"max_failures is {max_failures}"):
        breaker(max_failures)


def in_state(state: State) -> ConsecutiveFailures:
    gate = breaker(max_failures=3)
    if state is not State.OPEN:
        gate = shut()
    if state in (State.PROBATION, State.PROBING):
        gate.elapse()
    if state is State.PROBING:
        gate.start()
    assert gate.state is state
    return gate


def send(gate: ConsecutiveFailures, event: Event) -> None:
    match event:
        case Event.START:
            gate.start()
        case Event.SUCCESS:
            gate.success()
        case Event.FAILURE:
            gate.failure(now=50.0)
        case Event.ABANDON:
            gate.abandon()
        case Event.ELAPSE:
            gate.elapse()
        case Event.LIMIT:
            raise AssertionError("made by the breaker itself")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", [event for event in Event if event is not Event.LIMIT])
def test_every_event_in_every_state(state: State, event: Event) -> None:
    gate = in_state(state)
    if event in NEXT[state]:
        send(gate, event)
        assert gate.state is NEXT[state][event]
    else:
        with pytest.raises(
            BreakerError, match=f"{event.name} cannot happen to a breaker that is {state.name}"
        ):
            send(gate, event)
        assert gate.state is state


def test_admits_is_where_the_table_lets_a_request_start() -> None:
    for state in State:
        assert in_state(state).admits is (Event.START in NEXT[state])


def test_only_the_breaker_itself_reaches_the_limit() -> None:
    assert [state for state in State if Event.LIMIT in NEXT[state]] == [State.OPEN]


@given(
    st.lists(st.sampled_from([event for event in Event if event is not Event.LIMIT]), max_size=60),
    st.integers(1, 4),
    st.integers(0, 100),
)
def test_every_walk(events: list[Event], max_failures: int, seed: int) -> None:
    """Shut only after enough failures in a row; open again only after a probe that succeeded."""
    gate = ConsecutiveFailures(max_failures, BACKOFF, chance=Random(seed).random)
    in_a_row = 0
    for event in events:
        before = gate.state
        if event not in NEXT[before]:
            continue
        send(gate, event)
        if before is State.OPEN:
            in_a_row = {Event.SUCCESS: 0, Event.FAILURE: in_a_row + 1}.get(event, in_a_row)
            assert (gate.state is State.SHUT) is (in_a_row >= max_failures)
        elif gate.state is State.OPEN:
            assert (before, event) == (State.PROBING, Event.SUCCESS)
            in_a_row = 0
        if gate.state is State.SHUT and before is not State.SHUT:
            assert 51.0 <= gate.shut_until <= 50.0 + 60.0 * 1.5
