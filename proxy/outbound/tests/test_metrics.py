"""What is shown of a balancer: what is so, and nothing of one that is gone."""

from __future__ import annotations

from proxy.outbound.metrics import BalancerFamilies, BalancerMetrics
from proxy.telemetry.registry import Gauge, Registry


def gate(families: BalancerFamilies) -> list[float]:
    """Since when it is open, since when it is shut, and how long requests wait."""
    gauges: list[Gauge] = []
    for family in (families.open_time, families.shut_time, families.timeout):
        ((_, gauge),) = family.series()
        gauges.append(gauge)
    return [gauge.value for gauge in gauges]


def test_since_when_a_gate_is_open_or_shut() -> None:
    families = BalancerFamilies(Registry())
    now = [100.0]
    shown = BalancerMetrics(families, (("backend_name", "voting"),), 3.0, lambda: now[0])

    def after(seconds: float) -> list[float]:
        now[0] += seconds
        shown.show(ready=1, pending=0, waiting=0, given=0)
        return gate(families)

    assert after(5) == [100.0, 0.0, 3.0]
    shown.given_up()
    assert after(5) == [0.0, 105.0, 3.0]
    shown.found()
    assert after(5) == [110.0, 0.0, 3.0]
    shown.close(given=2)
    assert gate(families) == [0.0, 0.0, 0.0]
    ((_, requests),) = families.requests.series()
    assert requests.value == 2
