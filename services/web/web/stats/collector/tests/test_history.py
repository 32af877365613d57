"""A counter over time, against the plain definition: the sum of what was added in the window."""

from hypothesis import given
from hypothesis import strategies as st

from web.stats.collector.history import Counter


def test_increase_is_what_was_added_after_since_up_to_until() -> None:
    counter = Counter()
    counter.add(5, at=10)
    counter.add(2, at=20)
    assert counter.increase(0, 30) == 7
    assert counter.increase(10, 30) == 2
    assert counter.increase(9.9, 10) == 5
    assert counter.increase(20, 30) == 0
    assert counter.increase(0, 5) == 0


def test_amounts_of_one_moment_add_up_and_cost_one_entry() -> None:
    counter = Counter()
    counter.add(1, at=10)
    counter.add(2, at=10)
    assert counter.increase(9, 10) == 3
    assert len(counter) == 1


def test_an_empty_counter_has_grown_by_nothing() -> None:
    assert Counter().increase(0, 100) == 0


steps = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100)), max_size=40)


@given(steps, st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_any_window_is_the_sum_of_its_parts(
    given_steps: list[tuple[int, int]], first: int, second: int, horizon: int
) -> None:
    """Also after forgetting, for windows that begin at the horizon or later."""
    counter, at, added = Counter(), 0, []
    for wait, amount in given_steps:
        at += wait
        counter.add(amount, at)
        added.append((at, amount))
    counter.forget(horizon)
    since, until = sorted((max(first, horizon), max(second, horizon)))
    expected = sum(amount for moment, amount in added if since < moment <= until)
    assert counter.increase(since, until) == expected


@given(steps)
def test_forgetting_everything_leaves_one_entry(given_steps: list[tuple[int, int]]) -> None:
    counter, at = Counter(), 0
    for wait, amount in given_steps:
        at += wait
        counter.add(amount, at)
    counter.forget(at + 1)
    assert len(counter) <= 1
