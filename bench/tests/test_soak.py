"""What counts as flat; and, slowly, a soak of half a minute with real proxies."""

from __future__ import annotations

import pytest

from bench.soak.__main__ import soak
from bench.soak.series import GROWTH_MB, LEFT_OVER, Point, Series, bars


def series(*resident: float, descriptors: tuple[int, int] = (10, 10), rest: float = 30.0) -> Series:
    return Series(
        "a proxy",
        Point(0.0, 30.0, descriptors[0]),
        tuple(Point(float(at), one, 20) for at, one in enumerate(resident)),
        Point(1000.0, rest, descriptors[1]),
    )


def test_a_level_that_is_reached_and_kept_is_flat() -> None:
    assert series(30, 38, 40, 40, 41, 40, 40, 41).faults() == []


def test_what_still_grows_in_the_last_quarter_is_not() -> None:
    (fault,) = series(30, 32, 40, 42, 44, 46, 48, 50).faults()
    assert fault == "a proxy: resident memory grew from 41.0 to 49.0 MB"


def test_a_small_process_may_grow_by_a_little() -> None:
    assert series(20, 20, 20, 20, 20, 20, 20 + GROWTH_MB, 20 + GROWTH_MB).faults() == []


def test_descriptors_that_stay_open_are_told() -> None:
    assert series(30, descriptors=(10, 10 + LEFT_OVER)).faults() == []
    (fault,) = series(30, descriptors=(10, 11 + LEFT_OVER)).faults()
    assert fault == f"a proxy: {1 + LEFT_OVER} descriptors were left open"


def test_bars_begin_at_zero_and_keep_every_peak() -> None:
    assert bars([0, 4, 8]) == "▁▄█"
    assert bars([1.0] * 100 + [8.0] + [1.0] * 20, width=10).count("█") == 1


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.timeout(180)
def test_half_a_minute_leaves_nothing_behind() -> None:
    """Memory has not found its level after so short a time; descriptors and answers tell enough."""
    result = soak(30.0, 2.0)
    print("\n".join(line for one in result.series for line in one.lines()))
    assert result.failed == []
    assert all(result.done.values())
    for one in result.series:
        assert one.after.descriptors - one.before.descriptors <= LEFT_OVER
