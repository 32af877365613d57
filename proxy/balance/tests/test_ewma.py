"""Peak-EWMA at times of our choosing."""

from math import e, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.balance.ewma import DEFAULT_DECAY, DEFAULT_RTT, PeakEwma


def test_begins_with_the_default_latency() -> None:
    assert (DEFAULT_RTT, DEFAULT_DECAY) == (0.030, 10.0)
    assert PeakEwma(now=5.0).load(now=5.0) == 0.030


def test_fades_by_the_decay() -> None:
    ewma = PeakEwma(now=0.0)
    assert ewma.load(now=10.0) == pytest.approx(0.030 / e)
    assert ewma.load(now=20.0) == pytest.approx(0.030 / e / e)
    assert ewma.load(now=10_000.0) == pytest.approx(0.0)


def test_asking_does_not_change_the_answer() -> None:
    asked, unasked = PeakEwma(now=0.0), PeakEwma(now=0.0)
    for tenth in range(100):
        asked.load(now=tenth / 10)
    assert asked.load(now=10.0) == unasked.load(now=10.0)


def test_pending_requests_multiply() -> None:
    ewma = PeakEwma(now=0.0)
    ewma.start()
    assert ewma.load(now=0.0) == pytest.approx(0.060)
    ewma.start()
    assert ewma.load(now=0.0) == pytest.approx(0.090)
    ewma.release()
    ewma.release()
    assert ewma.load(now=0.0) == 0.030
    assert ewma.pending == 0


def test_a_peak_is_believed_at_once() -> None:
    ewma = PeakEwma(now=0.0)
    ewma.start()
    ewma.finish(rtt=2.0, now=2.0)
    assert ewma.load(now=2.0) == 2.0


def test_a_peak_is_forgotten_slowly() -> None:
    ewma = PeakEwma(now=0.0)
    ewma.start()
    ewma.finish(rtt=1.0, now=0.0)
    for second in range(1, 11):
        ewma.start()
        ewma.finish(rtt=0.1, now=float(second))
    assert ewma.load(now=10.0) == pytest.approx(0.1 + 0.9 / e)


def test_release_teaches_nothing() -> None:
    ewma = PeakEwma(now=0.0)
    ewma.start()
    ewma.release()
    assert ewma.estimate == DEFAULT_RTT
    assert ewma.load(now=10.0) == pytest.approx(0.030 / e)


@pytest.mark.parametrize(
    ("default_rtt", "decay"),
    [(0.0, 10.0), (-1.0, 10.0), (0.03, 0.0), (0.03, -1.0), (float("nan"), 10.0)],
)
def test_settings_must_be_positive(default_rtt: float, decay: float) -> None:
    with pytest.raises(ValueError, match="must be greater than 0"):
        PeakEwma(now=0.0, default_rtt=default_rtt, decay=decay)


def test_repr() -> None:
    ewma = PeakEwma(now=0.0)
    ewma.start()
    assert repr(ewma) == "<PeakEwma 30.0 ms, 1 pending>"


MEASUREMENTS = st.lists(
    st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 100.0)), min_size=1, max_size=30
)


@given(MEASUREMENTS)
def test_estimate_stays_between_what_was_seen(measurements: list[tuple[float, float]]) -> None:
    """No lower than the smallest latency, no higher than the largest, never below the last."""
    ewma = PeakEwma(now=0.0)
    now = 0.0
    seen = [DEFAULT_RTT]
    for elapsed, rtt in measurements:
        now += elapsed
        seen.append(rtt)
        ewma.start()
        ewma.finish(rtt, now)
        slack = 1e-9
        assert min(seen) - slack <= ewma.estimate <= max(seen) + slack
        assert ewma.estimate >= rtt - slack
        assert ewma.load(now) == ewma.estimate
        assert ewma.load(now + 5.0) == pytest.approx(ewma.estimate * exp(-0.5))
    assert ewma.pending == 0
