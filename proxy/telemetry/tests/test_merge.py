"""Pages of several processes as one."""

import pytest

from proxy.telemetry.exposition import render
from proxy.telemetry.merge import merge
from proxy.telemetry.registry import Registry
from weft.metrics import (
    OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TIME,
    PROCESS_MAX_FDS,
    PROCESS_OPEN_FDS,
    PROCESS_START_TIME_SECONDS,
    PROXY_BUILD_INFO,
    PROXY_MEMORY_SHEDDING,
    REQUEST_TOTAL,
    RESPONSE_LATENCY_MS,
)


def page(requests: dict[str, float], latencies: tuple[float, ...], started: float) -> str:
    registry = Registry()
    registry.gauge(PROXY_BUILD_INFO).child((("version", 'a "b" c'),)).value = 1
    registry.gauge(PROCESS_START_TIME_SECONDS).child().value = started
    registry.gauge(PROCESS_OPEN_FDS).child().value = 7
    registry.gauge(PROCESS_MAX_FDS).child().value = 1024
    for direction, count in requests.items():
        registry.counter(REQUEST_TOTAL).child((("direction", direction),)).value = count
    for latency in latencies:
        registry.histogram(RESPONSE_LATENCY_MS).child().observe(latency)
    return render(registry)


def test_counts_add_up_and_facts_stay() -> None:
    merged = merge(
        [page({"inbound": 2, "outbound": 1}, (1.0, 3.0), 20.5), page({"inbound": 5}, (3.0,), 10.25)]
    )
    assert 'request_total{direction="inbound"} 7\n' in merged
    assert 'request_total{direction="outbound"} 1\n' in merged
    assert 'response_latency_ms_bucket{le="1"} 1\n' in merged
    assert 'response_latency_ms_bucket{le="3"} 3\n' in merged
    assert "response_latency_ms_count 3\n" in merged
    assert "response_latency_ms_sum 7\n" in merged
    assert "process_open_fds 14\n" in merged
    assert "process_max_fds 2048\n" in merged
    assert "process_start_time_seconds 10.25\n" in merged
    assert 'proxy_build_info{version="a \\"b\\" c"} 1\n' in merged
    assert merged.count("# TYPE request_total counter\n") == 1


def test_one_page_is_itself() -> None:
    alone = page({"inbound": 2}, (1.0, 30.0), 20.5)
    assert merge([alone]) == alone


def test_families_that_only_one_has_are_there() -> None:
    assert "request_total" in merge([page({}, (), 1.0), page({"inbound": 1}, (), 1.0)])


@pytest.mark.parametrize(
    ("processes", "shown"), [((0, 0, 0), 0), ((1, 0, 1), 1), ((0, 1, 0), 1), ((1, 1, 1), 1)]
)
def test_a_proxy_turns_work_away_when_any_of_its_processes_does(
    processes: tuple[int, ...], shown: int
) -> None:
    pages = []
    for one in processes:
        registry = Registry()
        registry.gauge(PROXY_MEMORY_SHEDDING).child().value = one
        pages.append(render(registry))
    assert f"\nproxy_memory_shedding {shown}\n" in merge(pages)


def test_a_backend_is_given_up_since_the_last_process_gave_it_up() -> None:
    pages = []
    for since in (0, 1_700_000_000.5, 1_700_000_002.5):
        registry = Registry()
        registry.gauge(OUTBOUND_HTTP_BALANCER_QUEUE_GATE_SHUT_TIME).child().value = since
        pages.append(render(registry))
    assert "_gate_shut_time_seconds 1700000002.5\n" in merge(pages)


@pytest.mark.parametrize("value", ["a b", 'a"b', "a\nb", "a\rb", "a\x0bb", "a\x85b", "a\u2028b"])
def test_a_label_may_have_any_value(value: str) -> None:
    one = page({value: 1}, (), 1.0)
    (series,) = (line for line in one.split("\n") if line.startswith(REQUEST_TOTAL.name))
    assert f"\n{series.removesuffix(' 1')} 2\n" in merge([one, one])
