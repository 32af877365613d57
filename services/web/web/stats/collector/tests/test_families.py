"""What is remembered of a series."""

import math

import pytest

from web.stats.collector.exposition import ExpositionError, Series, parse_series
from web.stats.collector.families import LATENCY, RESPONSES, WANTED, Kept, keep


def test_only_labels_that_rows_ask_for() -> None:
    series = parse_series(
        'response_total{direction="outbound",target_addr="1.2.3.4:5",tls="true",dst_deployment="web",'
        'dst_namespace="a",dst_zone="z",classification="success",status_code="200"}'
    )
    labels = (
        ("classification", "success"),
        ("direction", "outbound"),
        ("dst_deployment", "web"),
        ("dst_namespace", "a"),
        ("tls", "true"),
    )
    assert keep(series) == Kept(RESPONSES, labels)


def test_buckets_are_not_multiplied_by_how_a_connection_is_secured() -> None:
    labels = (("direction", "outbound"), ("tls", "true"), ("server_id", "a"), ("le", "5"))
    assert keep(Series(LATENCY, labels)).labels == (("direction", "outbound"),)


def test_the_two_spellings_of_a_job_are_one() -> None:
    one = keep(Series(RESPONSES, (("dst_k8s_job", "seed"),)))
    assert one == keep(Series(RESPONSES, (("dst_job", "seed"),)))
    assert one.labels == (("dst_job", "seed"),)


@pytest.mark.parametrize("bound", ["", "x", "nan", "-Inf", "-1", "-1e308"])
def test_bounds_that_no_time_has(bound: str) -> None:
    """One pod's `le="nan"` would be a latency that no answer can tell."""
    with pytest.raises(ExpositionError, match=r"no bound `le` from 0 to \+Inf"):
        keep(Series(LATENCY, (("le", bound),)))


def test_buckets_by_bound() -> None:
    assert keep(Series(LATENCY, (("le", "+Inf"),))) == Kept(LATENCY, (), math.inf)
    assert keep(Series(LATENCY, (("le", "5"),))) == keep(Series(LATENCY, (("le", "5.0"),)))
    with pytest.raises(ExpositionError, match="no bound `le`"):
        keep(Series(LATENCY, ()))


def test_wanted_lines_are_whole_names() -> None:
    assert b"response_total{direction".startswith(WANTED)
    assert b"process_start_time_seconds 1".startswith(WANTED)
    assert not b"response_total_more{".startswith(WANTED)
    assert not b"the_route_response_total{".startswith(WANTED)


def test_success_is_worked_out_as_it_comes_in() -> None:
    statuses = "outbound_http_route_request_statuses_total"
    good = parse_series(f'{statuses}{{route_name="a",http_status="404",error=""}}')
    bad = parse_series(f'{statuses}{{route_name="a",http_status="200",error="failfast"}}')
    assert keep(good).labels == (("classification", "success"), ("route_name", "a"))
    assert keep(bad).labels == (("classification", "failure"), ("route_name", "a"))
    denied = parse_series('inbound_http_authz_deny_total{srv_name="a",tls="true"}')
    assert keep(denied).labels == (("classification", "failure"), ("srv_name", "a"))


def test_buckets_in_seconds_are_kept_in_milliseconds() -> None:
    buckets = "outbound_http_route_request_duration_seconds_bucket"
    assert keep(parse_series(f'{buckets}{{le="0.05"}}')).bound == 50.0
