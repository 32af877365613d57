"""Quantiles against results of Prometheus.

Counts by bound, quantile and result of POSITIVE, NEGATIVE, ALL_JOBS, JOB_1 and JOB_2 are Prometheus'
own cases for `histogram_quantile` (its promql/testdata/histograms.test; the last three are sums over
several series). NONMONOTONIC follows its rule that a falling count is raised to the one before.
"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.stats.quantile import quantile, upper_bound
from weft.metrics import LATENCY_MS_BUCKETS

INF = math.inf
POSITIVE = {0.1: 5, 0.2: 7, 1e0: 11, INF: 12}
NEGATIVE = {-0.2: 1, -0.1: 2, 0.3: 2, INF: 3}
ALL_JOBS = {0.1: 10, 0.2: 19, INF: 25}
JOB_1 = {0.1: 3, 0.2: 8, INF: 10}
JOB_2 = {0.1: 7, 0.2: 11, INF: 15}
NONMONOTONIC = {0.0: 2, 1.0: 1, 2.0: 5, 3.0: 4, INF: 8}


@pytest.mark.parametrize(
    ("buckets", "q", "expected"),
    [
        (POSITIVE, 0.0, 0.0),
        (POSITIVE, 0.2, 0.048),
        (POSITIVE, 0.5, 0.15),
        (POSITIVE, 0.8, 0.72),
        (POSITIVE, 1.0, 1.0),
        (NEGATIVE, 0.0, -0.2),
        (NEGATIVE, 0.2, -0.2),
        (NEGATIVE, 0.5, -0.15),
        (NEGATIVE, 0.8, 0.3),
        (NEGATIVE, 1.0, 0.3),
        (ALL_JOBS, 0.3, 0.075),
        (ALL_JOBS, 0.5, 0.1277777777777778),
        (JOB_1, 0.3, 0.1),
        (JOB_1, 0.5, 0.14),
        (JOB_2, 0.3, 0.0642857142857143),
        (JOB_2, 0.5, 0.1125),
        (NONMONOTONIC, 0.01, 0.0),
        (NONMONOTONIC, 0.5, 1.6666666666666665),
        (NONMONOTONIC, 0.99, 3.0),
    ],
)
def test_as_prometheus(buckets: dict[float, float], q: float, expected: float) -> None:
    assert quantile(q, buckets) == pytest.approx(expected)


@pytest.mark.parametrize(
    "buckets",
    [{}, {INF: 5}, {1.0: 5, 2.0: 6}, {1.0: 0, INF: 0}],
)
def test_unknown(buckets: dict[float, float]) -> None:
    assert quantile(0.5, buckets) is None


def test_everything_slower_than_the_last_bound_is_the_last_bound() -> None:
    assert quantile(0.5, {1.0: 0, 50_000.0: 0, INF: 3}) == 50_000


def test_an_empty_bucket_at_the_rank_ends_at_the_bound_below() -> None:
    assert quantile(0.5, {1.0: 5, 2.0: 5, INF: 10}) == 1.0


@given(st.lists(st.floats(0.001, 49_999), min_size=1, max_size=50), st.floats(0, 1))
def test_the_quantile_lies_in_the_bucket_of_the_exact_one(values: list[float], q: float) -> None:
    buckets = {bound: float(sum(v <= bound for v in values)) for bound in LATENCY_MS_BUCKETS}
    buckets[INF] = float(len(values))
    ordered = sorted(values)
    exact = ordered[max(0, math.ceil(q * len(values)) - 1)]
    upper = min(bound for bound in LATENCY_MS_BUCKETS if bound >= exact)
    lower = max([0.0, *(bound for bound in LATENCY_MS_BUCKETS if bound < upper)])
    found = quantile(q, buckets)
    assert found is not None
    assert found <= upper + 1e-6
    assert found >= lower - 1e-6 or q == 0.0


@pytest.mark.parametrize(
    ("le", "bound"),
    [("0", 0.0), ("0.05", 0.05), ("1e3", 1000.0), ("+Inf", math.inf)]
    + [(other, None) for other in ("", "x", "nan", "NaN", "-Inf", "-1")],
)
def test_bounds_as_labels_say_them(le: str, bound: float | None) -> None:
    assert upper_bound(le) == bound
