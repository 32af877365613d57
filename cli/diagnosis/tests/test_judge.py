"""What is concluded from what is known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cli.diagnosis.evidence import Proxy
from cli.diagnosis.judge import judge
from cli.diagnosis.phases import phase_of
from cli.diagnosis.tests.cases import (
    DB,
    IDENTITY,
    NO_CERTIFICATE,
    NO_ENDPOINTS,
    NOW,
    SINCE,
    UNMESHED,
    WELL,
    evidence,
    fault,
    pod,
    proxy,
    service,
)
from weft import errors


def test_nothing_is_wrong() -> None:
    assert judge(WELL, SINCE) == []


def test_equal_failures_are_one_finding_and_the_most_frequent_comes_first() -> None:
    first, second = judge(NO_ENDPOINTS, SINCE)
    assert (first.number, first.count) == (3001, 63)
    assert (first.first, first.last) == (NOW - timedelta(seconds=64), NOW - timedelta(seconds=2))
    assert (first.source, first.destination) == ("deploy/web.shop", "svc/db-svc.shop:80")
    assert first.what == "service in fail-fast. None of the 2 pods of svc/db-svc.shop is ready"
    assert second.source == f"10.244.0.9 ({IDENTITY})"


def test_what_happened_long_ago_is_left_out() -> None:
    (only,) = judge(NO_ENDPOINTS, timedelta(minutes=1))
    assert only.number == 3001


def test_what_several_pods_saw_is_added_up() -> None:
    def saw(count: int, ago: float) -> Proxy:
        return proxy(fault(errors.FAILFAST, "outbound", "10.96.0.7:80", count=count, ago=ago))

    first = pod("web", "10.244.0.5", saw(3, 2))
    second = replace(pod("web", "10.244.0.6", saw(5, 60)), name="web-2")
    (one,) = judge(evidence(first, second), SINCE)
    assert one.pods == ("shop/web-1", "shop/web-2")
    assert (one.count, one.last) == (8, NOW - timedelta(seconds=2))
    assert one.first == NOW - timedelta(seconds=64)


def test_a_fault_of_another_proxy_counts_when_the_workload_is_its_other_end() -> None:
    refused = fault(
        errors.CONNECT_REFUSED, "inbound", f"10.244.0.5 ({IDENTITY})", endpoint="10.244.0.6:9999"
    )
    strangers = fault(errors.UNAUTHORIZED, "inbound", "10.244.0.77", endpoint="10.244.0.6:8080")
    known = evidence(
        pod("web", "10.244.0.5"), others=(pod("api", "10.244.0.6", proxy(refused, strangers)),)
    )
    (one,) = judge(known, SINCE)
    assert (one.source, one.destination) == ("deploy/web.shop", "deploy/api.shop:9999")
    assert one.what.endswith("The pod's containers declare port 8080, not 9999")
    assert one.pods == ("shop/api-1",)


def test_a_caller_that_cannot_reach_the_workloads_service_counts() -> None:
    caller = pod("web", "10.244.0.5", proxy(fault(errors.FAILFAST, "outbound", "10.96.0.7:80")))
    known = evidence(pod("db", "10.244.0.8"), others=(caller,), services=(DB,))
    (one,) = judge(known, SINCE)
    assert one.source == "deploy/web.shop"
    elsewhere = service("other-svc", "10.96.0.7")
    assert judge(evidence(pod("db", "10.244.0.8"), others=(caller,), services=(elsewhere,)), SINCE) == []  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (service("db-svc", "10.96.0.7", pods=0, ready=0), "svc/db-svc.shop selects no pods"),
        (service("db-svc", "10.96.0.7", selector={}), "has no selector"),
        (service("db-svc", "10.96.0.7"), "fail-fast"),
    ],
)
def test_what_is_known_of_the_service_explains(said: object, expected: str) -> None:
    known = evidence(
        pod("web", "10.244.0.5", proxy(fault(errors.FAILFAST, "outbound", "10.96.0.7:80"))),
        services=(said,),
    )
    assert expected in judge(known, SINCE)[0].what


def test_a_port_the_service_does_not_have() -> None:
    known = evidence(
        pod("web", "10.244.0.5", proxy(fault(errors.FORBIDDEN_ROUTE, "outbound", "10.96.0.7:81"))),
        services=(service("db-svc", "10.96.0.7"),),
    )
    assert "svc/db-svc.shop has no port 81, only 80" in judge(known, SINCE)[0].what


def test_an_unmeshed_client_is_named_as_the_reason_of_a_denial() -> None:
    denied = fault(errors.UNAUTHORIZED, "inbound", "10.244.0.6", endpoint="10.244.0.5:8080")
    known = evidence(
        pod("web", "10.244.0.5", proxy(denied)), others=(pod("plain", "10.244.0.6", None),)
    )
    assert "shop/plain-1 is not meshed" in judge(known, SINCE)[0].what


def test_an_unmeshed_pod_says_why_and_what_to_do() -> None:
    start, mesh = judge(UNMESHED, SINCE)
    assert (start.side, mesh.side) == ("pod", "mesh")
    assert "CrashLoopBackOff" in start.what
    assert "linkerd.io/inject:disabled" in mesh.what
    assert mesh.advice.startswith("To mesh it")


def test_a_proxy_without_certificate() -> None:
    (one,) = judge(NO_CERTIFICATE, SINCE)
    assert (one.side, one.number, one.phase) == ("identity", 6001, "certificate")
    assert one.what == (
        "its proxy has no certificate and lets nothing through: the identity service gave no answer "
        "in 10s. The identity service in namespace weft has no pods"
    )


def test_a_certificate_that_is_not_renewed() -> None:
    failed = fault(errors.CERTIFICATE_UNAVAILABLE, "identity", "identity:8080", detail="refused")
    (one,) = judge(evidence(pod("web", "10.244.0.5", proxy(failed))), SINCE)
    assert "ends at 2026-11-29 11:00:00 UTC and is not renewed: refused" in one.what
    ended = proxy(failed, certificate_expires=NOW - timedelta(seconds=1))
    (one,) = judge(evidence(pod("web", "10.244.0.5", ended)), SINCE)
    assert "ended at 2026-11-28 11:59:59 UTC" in one.what


def test_a_failure_that_was_followed_by_a_certificate_is_over() -> None:
    old = fault(errors.CERTIFICATE_UNAVAILABLE, "identity", "identity:8080", ago=4000)
    assert judge(evidence(pod("web", "10.244.0.5", proxy(old))), SINCE) == []


def test_a_proxy_that_cannot_be_asked() -> None:
    (one,) = judge(evidence(pod("web", "10.244.0.5", proxy(problem="port 4191: refused"))), SINCE)
    assert "cannot be asked: port 4191: refused" in one.what
    assert "kubectl logs web-1 -n shop -c linkerd-proxy" in one.advice


def test_an_error_of_a_newer_proxy_is_still_told() -> None:
    newer = errors.ErrorKind(2999, "new-one", "something new", 502, 14, True, "", "", "")
    known = evidence(pod("web", "10.244.0.5", proxy(fault(newer, "outbound", "[fd00::1]:80"))))
    (one,) = judge(known, SINCE)
    assert (one.error, one.destination, one.phase) == ("new-one", "[fd00::1]:80", "connecting")


def test_every_number_has_a_phase() -> None:
    assert all(phase_of(kind.number) != "unknown" for kind in errors.CATALOGUE)
