"""Scrapes of one pod, in order, and what they grew by: resets, births, disappearances."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.stats.collector.exposition import ExpositionError
from web.stats.collector.target import Target, TooManySeries

OK = 'response_total{direction="inbound",classification="success",status_code="200"}'
OK_201 = 'response_total{direction="inbound",classification="success",status_code="201"}'
BAD = 'response_total{direction="inbound",classification="failure",status_code="500"}'
OPEN = 'tcp_open_connections{direction="inbound",peer="src"}'
START = "process_start_time_seconds"
EPOCH = 1_700_000_000.0


def target() -> Target:
    return Target({"namespace": "emojivoto", "pod": "web"}, since=EPOCH)


def grown(one: Target, since: float, until: float, classification: str = "success") -> float:
    return sum(
        cell.counter.increase(*one.window(since, until))
        for cell in one.cells.values()
        if cell.labels.get("classification") == classification
    )


def test_what_was_counted_before_we_looked_is_not_ours() -> None:
    one = target()
    one.apply([(START, EPOCH - 100), (OK, 1000)], at=0)
    one.apply([(START, EPOCH - 100), (OK, 1003)], at=5)
    assert grown(one, -10, 10) == 3


def test_a_process_started_while_we_watched_counts_from_its_start() -> None:
    one = target()
    one.apply([(START, EPOCH + 20), (OK, 7)], at=25)
    assert grown(one, 20, 25) == 7


def test_without_a_start_time_the_first_scrape_is_only_a_baseline() -> None:
    one = target()
    one.apply([(OK, 7)], at=0)
    one.apply([(OK, 9)], at=5)
    assert grown(one, -1, 5) == 2


def test_a_series_born_between_scrapes_counts_whole() -> None:
    one = target()
    one.apply([(OK, 10)], at=0)
    one.apply([(OK, 10), (BAD, 4)], at=5)
    assert grown(one, 0, 5, "failure") == 4


def test_a_lower_value_was_counted_anew() -> None:
    one = target()
    one.apply([(OK, 100)], at=0)
    one.apply([(OK, 110)], at=5)
    one.apply([(OK, 3)], at=10)
    assert grown(one, 0, 10) == 13


def test_a_restart_is_seen_even_when_the_value_is_higher() -> None:
    one = target()
    one.apply([(START, EPOCH - 9), (OK, 10)], at=0)
    one.apply([(START, EPOCH + 3), (OK, 12)], at=5)
    assert grown(one, 0, 5) == 12


def test_start_times_that_differ_by_ticks_are_the_same_process() -> None:
    one = target()
    one.apply([(START, EPOCH - 9), (OK, 10)], at=0)
    one.apply([(START, EPOCH - 9.01), (OK, 12)], at=5)
    assert grown(one, 0, 5) == 2


def test_a_series_that_went_and_came_back_began_at_zero() -> None:
    one = target()
    one.apply([(OK, 50), (BAD, 1)], at=0)
    one.apply([(BAD, 1)], at=5)
    one.apply([(OK, 60), (BAD, 1)], at=10)
    assert grown(one, 0, 10) == 60


def test_series_that_rows_do_not_tell_apart_are_one() -> None:
    one = target()
    one.apply([(OK, 1), (OK_201, 2)], at=0)
    one.apply([(OK, 2), (OK_201, 4)], at=5)
    one.apply([(OK, 1), (OK_201, 5)], at=10)
    assert len(one.cells) == 1
    assert grown(one, 0, 5) == 3
    assert grown(one, 5, 10) == 2


def test_a_gauge_is_its_last_value_added_up() -> None:
    one = target()
    other = 'tcp_open_connections{direction="inbound",peer="src",target_port="80"}'
    one.apply([(OPEN, 3), (other, 2)], at=0)
    (cell,) = one.cells.values()
    assert cell.gauge == 5
    one.apply([(OPEN, 1)], at=5)
    assert cell.gauge == 1
    one.apply([], at=10)
    assert cell.gauge == 0


def test_values_that_are_no_numbers_say_nothing() -> None:
    one = target()
    one.apply([(OK, 1)], at=0)
    one.apply([(OK, math.nan)], at=5)
    one.apply([(OK, 4)], at=10)
    assert grown(one, 0, 10) == 4


@pytest.mark.parametrize(
    "spelling",
    ['response_total{oops}', 'response_latency_ms_bucket{direction="inbound"}', 'response_latency_ms_bucket{le="x"}'],
)  # fmt: skip
def test_a_bad_scrape_changes_nothing(spelling: str) -> None:
    one = target()
    one.apply([(OK, 1)], at=0)
    with pytest.raises(ExpositionError):
        one.apply([(OK, 5), (spelling, 1)], at=5)
    assert grown(one, 0, 5) == 0
    one.apply([(OK, 5)], at=10)
    assert grown(one, 0, 10) == 4


def test_a_pod_with_too_many_series_is_refused() -> None:
    one = Target({}, EPOCH, max_series=10)
    with pytest.raises(TooManySeries, match="more than 10 series"):
        one.apply([(f'response_total{{n="{n}"}}', 1) for n in range(11)], at=0)
    assert not one.cells


def test_what_is_past_the_horizon_is_dropped() -> None:
    one = target()
    one.apply([(OK, 1)], at=0)
    one.apply([(OK, 2), (BAD, 1)], at=5)
    one.apply([(BAD, 1)], at=10)
    one.forget(before=7)
    assert grown(one, 0, 10) == 0
    assert [cell.labels["classification"] for cell in one.cells.values()] == ["failure"]
    one.forget(before=11)
    assert not one.cells


def test_a_pod_that_was_silent_past_the_horizon_begins_anew() -> None:
    one = Target({}, since=EPOCH)
    one.apply([(START, EPOCH + 1), (OK, 5)], at=0)
    one.forget(before=1)
    assert not one.cells
    one.apply([(START, EPOCH + 1), (OK, 50)], at=700)
    assert grown(one, 0, 700) == 0
    one.apply([(START, EPOCH + 1), (OK, 53)], at=705)
    assert grown(one, 0, 705) == 3


def test_a_series_spelled_twice_counts_once() -> None:
    one = target()
    one.apply([(OK, 1), (OK, 2)], at=0)
    one.apply([(OK, 4), (OK, 4)], at=5)
    assert grown(one, 0, 5) == 2


def test_the_order_of_series_does_not_matter() -> None:
    one = target()
    one.apply([(OK, 1), (BAD, 10)], at=0)
    one.apply([(BAD, 12), (OK, 5)], at=5)
    assert (grown(one, 0, 5), grown(one, 0, 5, "failure")) == (4, 2)


@given(st.lists(st.one_of(st.integers(0, 50), st.none()), min_size=1, max_size=30))
def test_any_life_of_a_counter_adds_up(growth: list[int | None]) -> None:
    """Numbers are requests between scrapes, None is a restart that loses the counter. Whatever was
    counted after the first scrape and was still there at the next one is found again."""
    one, value, start, counted, at = target(), 0, EPOCH - 1, 0, 0.0
    one.apply([(START, start), (OK, value)], at=at)
    for amount in growth:
        at += 5
        if amount is None:
            value, start = 0, start + 10
        else:
            value, counted = value + amount, counted + amount
        one.apply([(START, start), (OK, value)], at=at)
    assert grown(one, 0, at) == counted
