"""Counting, showing, and forgetting."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.telemetry import labels, logs, process
from proxy.telemetry.control import ControlMetrics
from proxy.telemetry.exposition import number, render
from proxy.telemetry.identity import IdentityMetrics
from proxy.telemetry.registry import Histogram, Registry
from proxy.telemetry.request import MAX_ENDINGS, HttpMetrics, Scope
from proxy.telemetry.transport import TransportFamilies
from weft.addresses import SocketAddress
from weft.classification import is_success
from weft.log_filter import FilterError
from weft.metrics import (
    LATENCY_MS_BUCKETS,
    REQUEST_TOTAL,
    RESPONSE_LATENCY_MS,
    TCP_OPEN_CONNECTIONS,
)

LINE = re.compile(r'[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? [0-9.e+-]+')


def shown(registry: Registry) -> list[str]:
    """The lines of an exposition that are not comments."""
    return [line for line in render(registry).splitlines() if not line.startswith("#")]


def test_a_family_is_shown_with_help_type_and_values() -> None:
    registry = Registry()
    registry.counter(REQUEST_TOTAL).child(labels.INBOUND).value += 3
    assert render(registry) == (
        "# HELP request_total Total count of HTTP requests.\n"
        "# TYPE request_total counter\n"
        'request_total{direction="inbound"} 3\n'
    )


def test_a_family_without_series_is_not_shown() -> None:
    registry = Registry()
    registry.counter(REQUEST_TOTAL)
    assert render(registry) == ""


def test_families_and_children_are_made_once() -> None:
    registry = Registry()
    assert registry.counter(REQUEST_TOTAL) is registry.counter(REQUEST_TOTAL)
    family = registry.gauge(TCP_OPEN_CONNECTIONS)
    assert family.child(labels.SRC) is family.child(labels.SRC)
    with pytest.raises(AssertionError, match="request_total is a counter"):
        registry.gauge(REQUEST_TOTAL)


def test_label_values_are_escaped() -> None:
    registry = Registry()
    registry.counter(REQUEST_TOTAL).child((("authority", 'a"b\\c\nd'),)).value = 1
    assert shown(registry) == ['request_total{authority="a\\"b\\\\c\\nd"} 1']


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(), max_size=3))
def test_no_label_value_breaks_out_of_its_line(values: dict[str, str]) -> None:
    registry = Registry()
    registry.counter(REQUEST_TOTAL).child(tuple(values.items())).value = 1
    (line,) = (line for line in render(registry).split("\n") if line and not line.startswith("#"))
    assert LINE.fullmatch(line)


def test_buckets_are_cumulative_and_include_their_bound() -> None:
    registry = Registry()
    histogram = registry.histogram(RESPONSE_LATENCY_MS).child(labels.INBOUND)
    for milliseconds in (0.5, 1.0, 1.1, 50_000.0, 50_000.1):
        histogram.observe(milliseconds)
    lines = shown(registry)
    assert lines[0] == 'response_latency_ms_bucket{direction="inbound",le="1"} 2'
    assert lines[1] == 'response_latency_ms_bucket{direction="inbound",le="2"} 3'
    assert lines[-4] == 'response_latency_ms_bucket{direction="inbound",le="50000"} 4'
    assert lines[-3] == 'response_latency_ms_bucket{direction="inbound",le="+Inf"} 5'
    assert lines[-2] == 'response_latency_ms_sum{direction="inbound"} 100002.7'
    assert lines[-1] == 'response_latency_ms_count{direction="inbound"} 5'
    assert len(lines) == len(LATENCY_MS_BUCKETS) + 3


@given(st.lists(st.floats(0, 1e6)))
def test_every_observation_is_in_exactly_one_bucket(values: list[float]) -> None:
    histogram = Histogram(LATENCY_MS_BUCKETS)
    for value in values:
        histogram.observe(value)
    assert histogram.count == len(values)
    for bound, index in zip(LATENCY_MS_BUCKETS, range(len(LATENCY_MS_BUCKETS)), strict=True):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (3.0, "3"), (0.25, "0.25"), (float("inf"), "+Inf"), (1e15, "1000000000000000")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_labels_beyond_the_budget_share_one_series() -> None:
    registry = Registry(budget=2)
    family = registry.counter(REQUEST_TOTAL)
    for port in range(5):
        family.child((("target_port", str(port)),)).value += 1
    family.child((("target_port", "0"),)).value += 1
    assert shown(registry) == [
        'proxy_metrics_label_overflow_total{family="request_total"} 3',
        'request_total{target_port="0"} 2',
        'request_total{target_port="1"} 1',
        'request_total{overflow="true"} 3',
    ]


def test_series_nobody_holds_are_forgotten_when_idle() -> None:
    registry = Registry(retain_idle=10.0)
    family = registry.counter(REQUEST_TOTAL)
    held = family.child((("who", "held"),))
    family.child((("who", "idle"),))
    family.child((("who", "busy"),))

    def scrape(now: float) -> list[str]:
        family.child((("who", "busy"),)).value += 1
        return [line for line in render(registry, now).splitlines() if line[0] != "#"]

    assert len(scrape(0.0)) == 3
    assert len(scrape(9.9)) == 3
    assert scrape(10.0) == ['request_total{who="held"} 0', 'request_total{who="busy"} 3']
    held.value += 1
    del held
    assert len(scrape(15.0)) == 2
    assert len(scrape(25.0)) == 1


def test_a_gauge_is_forgotten_only_at_zero() -> None:
    registry = Registry(retain_idle=10.0)
    family = registry.gauge(TCP_OPEN_CONNECTIONS)
    family.child((("who", "open"),)).value = 1
    family.child((("who", "closed"),)).value = 0
    for now in (0.0, 10.0):
        text = render(registry, now)
    assert [line for line in text.splitlines() if line[0] != "#"] == [
        'tcp_open_connections{who="open"} 1'
    ]


def test_responses_are_resolved_once_per_outcome() -> None:
    registry = Registry()
    metrics = HttpMetrics(registry).requests(labels.INBOUND, classify=is_success)
    metrics.requests += 1
    tally = metrics.outcome((200, None, None))
    assert metrics.outcomes[200, None, None] is tally
    assert metrics.outcome((200, None, None)) is tally
    tally.observe(3.0)
    metrics.outcome((200, 14, None)).observe(1.0)
    metrics.outcome((502, None, "connect")).observe(1.0)
    metrics.outcome((0, None, None)).observe(1.0)
    assert [line for line in shown(registry) if "bucket" not in line and " 0" not in line] == [
        'request_total{direction="inbound"} 1',
        'response_total{direction="inbound",status_code="200",classification="success"} 1',
        'response_total{direction="inbound",status_code="200",classification="failure",grpc_status="14"} 1',
        'response_total{direction="inbound",status_code="502",classification="failure",error="connect"} 1',
        'response_total{direction="inbound",classification="failure"} 1',
        'response_latency_ms_sum{direction="inbound",status_code="200"} 4',
        'response_latency_ms_count{direction="inbound",status_code="200"} 2',
        'response_latency_ms_sum{direction="inbound",status_code="502"} 1',
        'response_latency_ms_count{direction="inbound",status_code="502"} 1',
        'response_latency_ms_sum{direction="inbound"} 1',
        'response_latency_ms_count{direction="inbound"} 1',
    ]


def test_endings_beyond_the_bound_share_one_series_and_keep_their_success() -> None:
    registry = Registry()
    metrics = HttpMetrics(registry).requests(labels.INBOUND, classify=is_success)
    known = metrics.outcome((200, None, None))
    for status in range(1_000, 3_000):
        metrics.outcome((status, None, None)).observe(1.0)
        metrics.outcome((200, None, str(status)), Scope.TRY).observe(1.0)
    assert len(metrics.outcomes) + len(metrics._scoped) == MAX_ENDINGS
    assert metrics.outcome((200, None, None)) is known
    good, bad = metrics.outcome((201, None, None)), metrics.outcome((500, None, None))
    assert (good.success, bad.success) == (True, False)
    assert metrics.outcome((202, 0, None)) is good
    good.observe(1.0)
    lines = shown(registry)
    assert f'response_total{{overflow="true"}} {4_000 - MAX_ENDINGS + 2}' in lines
    assert 'proxy_metrics_label_overflow_total{family="response_total"} 3' in lines
    assert sum(line.startswith("response_total{") for line in lines) == MAX_ENDINGS + 1


def test_connections_open_and_close() -> None:
    registry = Registry()
    transports = TransportFamilies(registry)
    metrics = transports.transport(labels.OUTBOUND + labels.SRC)
    metrics.opening()
    metrics.opening()
    metrics.read.value += 10
    metrics.closed()
    metrics.closed("ECONNRESET")
    where = 'direction="outbound",peer="src"'
    assert shown(registry) == [
        f"tcp_open_total{{{where}}} 2",
        f"tcp_open_connections{{{where}}} 0",
        f"tcp_read_bytes_total{{{where}}} 10",
        f"tcp_write_bytes_total{{{where}}} 0",
        f'tcp_close_total{{{where},errno=""}} 1',
        f'tcp_close_total{{{where},errno="ECONNRESET"}} 1',
    ]


def test_label_groups() -> None:
    assert labels.target(SocketAddress("fd00::1", 80)) == (
        ("target_addr", "[fd00::1]:80"),
        ("target_ip", "fd00::1"),
        ("target_port", "80"),
    )
    assert labels.server_tls("web", tls=True, reason="") == (("tls", "true"), ("client_id", "web"))
    assert labels.server_tls(None, tls=False, reason=labels.LOOPBACK)[1] == (
        "no_tls_reason",
        "loopback",
    )
    assert labels.client_tls("web", "") == (("tls", "true"), ("server_id", "web"))
    assert labels.client_tls(None, labels.NOT_PROVIDED)[0] == ("tls", "no_identity")
    assert labels.passthrough_tls("example.com") == (("tls", "opaque"), ("sni", "example.com"))
    assert labels.server("", "default", "deny", 80)[3] == ("srv_port", "80")


def test_the_process_and_its_build() -> None:
    registry = Registry()
    process.install(registry)
    values = {
        line.split("{")[0].split(" ")[0]: float(line.rpartition(" ")[2]) for line in shown(registry)
    }
    assert values["proxy_build_info"] == 1
    assert values["process_resident_memory_bytes"] > 1_000_000
    assert values["process_open_fds"] >= 3
    assert values["process_start_time_seconds"] > 1_500_000_000
    assert values["process_cpu_seconds_total"] > 0


def test_identity_and_control() -> None:
    registry = Registry()
    identity = IdentityMetrics(registry)
    identity.refreshed(100.0, 200.0)
    identity.failed()
    lines = shown(registry)
    assert 'control_identity_cert_refreshes_total{result="ok"} 1' in lines
    assert 'control_identity_cert_refreshes_total{result="err"} 1' in lines
    assert "control_identity_cert_expiration_timestamp_seconds 200" in lines

    class Status:
        code = 14

    control = ControlMetrics(registry, "dst:8086", "weft-destination")
    control.began()
    control.ended(Status(), 0.004)
    lines = shown(registry)
    where = 'addr="dst:8086",tls="true",server_id="weft-destination"'
    assert f"control_request_total{{{where}}} 1" in lines
    assert f'control_response_total{{{where},classification="failure",grpc_status="14"}} 1' in lines
    assert f"control_response_latency_ms_sum{{{where}}} 4" in lines


# --- logs -----------------------------------------------------------------------------------


def test_a_filter_can_be_changed() -> None:
    root = logging.getLogger()
    before = root.level
    try:
        current = logs.LogFilter("warn,proxy.test_me=debug")
        assert logging.getLogger("proxy.test_me").level == logging.DEBUG
        current.change("error")
        assert logging.getLogger("proxy.test_me").level == logging.NOTSET
        with pytest.raises(FilterError):
            current.change("proxy=loud")
        assert current.text == "error"
        assert root.level == logging.ERROR
    finally:
        root.setLevel(before)


@pytest.fixture
def own_log() -> Iterator[tuple[logs.LogFilter, list[str]]]:
    """A filter that lets warnings through, and what it let through."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    root.handlers[:] = [handler]
    try:
        yield logs.LogFilter("warn", handler), said
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def test_who_follows_the_log_hears_more_than_the_log(
    own_log: tuple[logs.LogFilter, list[str]],
) -> None:
    current, said = own_log
    log = logging.getLogger("proxy.test_me")
    tail = current.follow("proxy.test_me=debug")
    assert tail is not None
    log.debug("small")
    logging.getLogger("other").warning("elsewhere")
    assert [json.loads(line)["fields"]["message"] for line in tail.take().splitlines()] == ["small"]
    assert tail.take() == b""
    assert said == ["elsewhere"]
    current.change("error")
    log.warning("middling")
    assert b"middling" in tail.take()
    tail.leave()
    assert not log.isEnabledFor(logging.WARNING), "as if nobody had followed"
    assert said == ["elsewhere"]
    assert logging.getLogger().handlers[0].filters == []


def test_a_slow_reader_of_the_log_loses_lines_and_is_told(
    own_log: tuple[logs.LogFilter, list[str]],
) -> None:
    tail = own_log[0].follow("")
    assert tail is not None
    for _ in range(10):
        logging.getLogger("proxy.test_me").warning("x" * (logs.LogTail.MAX_BYTES // 5))
    found = tail.take()
    assert len(found) < logs.LogTail.MAX_BYTES + 200
    *lines, told = found.splitlines()
    assert len(lines) == 4
    assert "6 lines were left out" in json.loads(told)["fields"]["message"]
    tail.leave()


def test_few_may_follow_the_log(own_log: tuple[logs.LogFilter, list[str]]) -> None:
    tails = [own_log[0].follow("") for _ in range(logs.LogFilter.MAX_TAILS)]
    assert own_log[0].follow("") is None
    for one in tails:
        assert one is not None
        one.leave()
    again = own_log[0].follow("")
    assert again is not None
    again.leave()
    with pytest.raises(FilterError):
        own_log[0].follow("proxy=laud")


def test_lines_of_the_log() -> None:
    record = logging.LogRecord("proxy.x", logging.INFO, "f", 1, "hello %s", ("you",), None)
    assert re.fullmatch(
        r"\[ *-?[0-9.]+s\]  INFO proxy\.x: hello you", logs.PlainFormatter().format(record)
    )
    assert '"message": "hello you"' in logs.JsonFormatter().format(record)
