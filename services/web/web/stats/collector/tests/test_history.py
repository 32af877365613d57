"""Counters and histograms over time, against the plain definition: the sum of what was added."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.stats.collector.history import Counter, Histogram, Timeline

INF = math.inf


class Counted:
    """A counter with the moments at which it grew."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.counter = Counter()

    def add(self, amount: float, at: float) -> None:
        self.counter.add(amount, self.timeline.add(at))

    def increase(self, since: float, until: float) -> float:
        return self.counter.increase(self.timeline.number(since), self.timeline.number(until))

    def forget(self, before: float) -> None:
        self.counter.forget(self.timeline.forget(before))


def test_increase_is_what_was_added_after_since_up_to_until() -> None:
    one = Counted()
    one.add(5, at=10)
    one.add(2, at=20)
    assert one.increase(0, 30) == 7
    assert one.increase(10, 30) == 2
    assert one.increase(9.9, 10) == 5
    assert one.increase(20, 30) == 0
    assert one.increase(0, 5) == 0


def test_amounts_of_one_moment_add_up_and_cost_one_entry() -> None:
    one = Counted()
    one.add(1, at=10)
    one.add(2, at=10)
    assert one.increase(9, 10) == 3
    assert len(one.counter) == 1


def test_an_empty_counter_has_grown_by_nothing() -> None:
    assert Counter().increase(0, 100) == 0


def test_a_counter_at_rest_costs_nothing_until_it_moves() -> None:
    one = Counted()
    one.add(1, at=0)
    for at in range(1, 10):
        one.timeline.add(at)
    assert len(one.counter) == 1
    one.add(3, at=10)
    assert (one.increase(0, 9), one.increase(9, 10)) == (0, 3)


@pytest.mark.parametrize("amount", [70_000, 5_000_000_000, 0.25, -3])
def test_any_amount_fits(amount: float) -> None:
    one = Counted()
    one.add(1, at=0)
    one.add(amount, at=1)
    one.add(2, at=2)
    assert one.increase(-1, 2) == 3 + amount
    assert one.increase(0, 1) == amount


steps = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100_000)), max_size=40)


@given(steps, st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_any_window_is_the_sum_of_its_parts(
    given_steps: list[tuple[int, int]], first: int, second: int, horizon: int
) -> None:
    """Also after forgetting, for windows that begin at the horizon or later."""
    one, at, added = Counted(), 0, []
    for wait, amount in given_steps:
        at += wait
        one.add(amount, at)
        added.append((at, amount))
    one.forget(horizon)
    since, until = sorted((max(first, horizon), max(second, horizon)))
    expected = sum(amount for moment, amount in added if since < moment <= until)
    assert one.increase(since, until) == expected


@given(steps, st.integers(1, 100))
def test_after_forgetting_everything_it_counts_on(
    given_steps: list[tuple[int, int]], more: int
) -> None:
    one, at = Counted(), 0
    for wait, amount in given_steps:
        at += wait
        one.add(amount, at)
    one.forget(at + 1)
    assert len(one.counter) <= 1
    one.add(more, at + 5)
    assert one.increase(at + 1, at + 5) == more


def histogram(*bounds: float) -> Histogram:
    found = Histogram()
    for bound in bounds:
        found.know(bound)
    return found


def test_cumulative_counts_come_out_as_they_went_in() -> None:
    one = histogram(INF, 5, 1)
    assert one.bounds == (1, 5, INF)
    for bound, amount in ((1, 2.0), (5, 3.0), (INF, 3.0)):
        one.grow(bound, amount)
    one.settle(1)
    one.grow(INF, 4.0)
    one.settle(2)
    assert one.increase(0, 1) == [2, 3, 3]
    assert one.increase(1, 2) == [0, 0, 4]
    assert one.increase(0, 2) == [2, 3, 7]


def test_two_series_of_one_distribution_add_up() -> None:
    one = histogram(1, INF)
    for amount in (2.0, 3.0):
        one.grow(1, amount)
        one.grow(INF, amount + 1)
    one.settle(1)
    assert one.increase(0, 1) == [5, 7]


def test_a_torn_scrape_never_falls() -> None:
    one = histogram(1, 5, INF)
    one.grow(1, 4.0)
    one.grow(5, 3.0)
    one.grow(INF, 5.0)
    one.settle(1)
    assert one.increase(0, 1) == [4, 4, 5]


def test_a_bound_that_comes_later() -> None:
    one = histogram(1, INF)
    one.grow(INF, 2.0)
    one.settle(1)
    one.know(5)
    one.grow(5, 1.0)
    one.grow(INF, 1.0)
    one.settle(2)
    assert one.bounds == (1, 5, INF)
    assert one.increase(0, 2) == [0, 1, 3]


def test_a_forgotten_histogram_is_empty() -> None:
    one = histogram(1, INF)
    one.grow(INF, 2.0)
    one.settle(1)
    one.settle(2)
    one.forget(1)
    assert one.increase(0, 9) == [0, 0]
