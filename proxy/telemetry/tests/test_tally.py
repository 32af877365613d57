"""Counted once, shown by many: tallies fill their series when somebody reads."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from proxy.telemetry.registry import Counter, Histogram, Registry
from proxy.telemetry.request import HttpMetrics, Scope, Statuses
from proxy.telemetry.tally import BOUNDS, Tally
from weft import metrics
from weft.classification import is_success

MILLISECONDS = metrics.LATENCY_MS_BUCKETS
SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0)
COARSE = (0.05, 0.5, 1.0, 10.0)


@given(st.lists(st.one_of(st.floats(0, 100_000), st.sampled_from(BOUNDS)), max_size=30))
def test_every_histogram_shows_what_it_would_have_seen(values: list[float]) -> None:
    shown = [Histogram(MILLISECONDS), Histogram(SECONDS), Histogram(COARSE)]
    own = [Histogram(MILLISECONDS), Histogram(SECONDS), Histogram(COARSE)]
    counter = Counter()
    tally = Tally(True, (counter,), tuple(shown))
    for index, value in enumerate(values):
        tally.observe(value)
        own[0].observe(value)
        own[1].observe(value / 1000)
        own[2].observe(value / 1000)
        if index % 7 == 0:
            tally.pour()
    tally.pour()
    assert counter.value == len(values)
    for one, other in zip(shown, own, strict=True):
        assert one.counts == other.counts
        assert abs(one.sum - other.sum) <= 1e-6 * max(1.0, other.sum)


def test_tries_and_whole_requests_are_counted_apart() -> None:
    registry = Registry()
    http = HttpMetrics(registry)
    route = Statuses(
        (("route", "r"),),
        None,
        registry.counter(metrics.OUTBOUND_HTTP_ROUTE_REQUEST_STATUSES_TOTAL),
        registry.histogram(metrics.OUTBOUND_HTTP_ROUTE_REQUEST_DURATION_SECONDS),
        grpc=False,
        per_try=False,
    )
    both = http.requests((("end", "e"),), route, classify=is_success)
    both.outcome((200, None, None)).observe(1.0)
    both.outcome((500, None, None), Scope.TRY).observe(1.0)
    both.outcome((503, None, None), Scope.WHOLE).observe(1.0)
    registry.families()
    tries = registry.counter(metrics.RESPONSE_TOTAL).series()
    wholes = registry.counter(metrics.OUTBOUND_HTTP_ROUTE_REQUEST_STATUSES_TOTAL).series()
    assert {(dict(labels)["status_code"], one.value) for labels, one in tries} == {
        ("200", 1),
        ("500", 1),
    }
    assert {(dict(labels)["http_status"], one.value) for labels, one in wholes} == {
        ("200", 1),
        ("503", 1),
    }


def test_whoever_is_gone_has_said_everything() -> None:
    registry = Registry()
    http = HttpMetrics(registry)
    own = http.requests((("who", "a"),), classify=is_success)
    own.requests += 3
    own.outcome((200, None, None)).observe(5.0)
    del own
    gc.collect()
    registry.families()
    assert [one.value for _, one in registry.counter(metrics.REQUEST_TOTAL).series()] == [3]
    assert [one.value for _, one in registry.counter(metrics.RESPONSE_TOTAL).series()] == [1]
    assert not http._ledger._keepers


def test_nobody_reads_and_endpoints_come_and_go() -> None:
    http = HttpMetrics(Registry())
    for number in range(2_000):
        http.requests((("who", str(number)),), classify=is_success).requests += 1
    assert len(http._ledger._keepers) <= 512


def test_grpc_codes_stand_where_statuses_would() -> None:
    registry = Registry()
    view = Statuses(
        (),
        registry.counter(metrics.INBOUND_GRPC_REQUESTS_TOTAL),
        registry.counter(metrics.INBOUND_GRPC_STATUSES_TOTAL),
        registry.histogram(metrics.INBOUND_GRPC_REQUEST_DURATION_SECONDS),
        grpc=True,
    )
    HttpMetrics(registry).viewed(view, classify=is_success).outcome((200, 14, None)).observe(1.0)
    registry.families()
    ((labels, one),) = registry.counter(metrics.INBOUND_GRPC_STATUSES_TOTAL).series()
    assert (labels, one.value) == ((("grpc_status", "14"), ("error", "")), 1)
