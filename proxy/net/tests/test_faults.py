"""The list of errors: bounded, newest first, and quiet in the log."""

import logging

import pytest

from proxy.net.failure import Failure
from proxy.net.faults import KEPT, LINES_PER_SECOND, QUIET, Faults
from weft import errors


class Clock:
    now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


def test_the_newest_come_first_and_the_oldest_go() -> None:
    faults = Faults(Clock())
    for number in range(KEPT + 5):
        faults.note("inbound", Failure(errors.FAILFAST, f"no. {number}"), peer=f"10.0.0.{number}")
    assert len(faults) == KEPT
    assert faults.latest()[0].cause == f"service in fail-fast: no. {KEPT + 4}"
    assert faults.latest()[-1].cause == "service in fail-fast: no. 5"


def test_what_people_are_shown() -> None:
    faults = Faults(Clock())
    failure = Failure(errors.CONNECT_REFUSED, "x" * 1000)
    faults.note("outbound", failure, peer="10.96.0.5:80", route="votes", endpoint="10.0.0.1:80")
    (shown,) = (fault.as_json() for fault in faults.latest())
    assert len(str(shown.pop("cause"))) == 512
    assert shown == {
        "time": "2023-11-14T22:13:20.250Z",
        "side": "outbound",
        "peer": "10.96.0.5:80",
        "route": "votes",
        "endpoint": "10.0.0.1:80",
        "number": 2001,
        "error": "connect-refused",
        "first": "2023-11-14T22:13:20.250Z",
        "count": 1,
    }


def test_equal_faults_are_counted_and_do_not_push_others_out() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.note("inbound", Failure(errors.UNAUTHORIZED, "first"), peer="10.0.0.9")
    for number in range(3 * KEPT):
        clock.now += 1.0
        faults.note("outbound", Failure(errors.FAILFAST, f"no. {number}"), peer="10.96.0.5:80")
    latest, oldest = faults.latest()
    assert (latest.count, latest.at - latest.first) == (3 * KEPT, 3 * KEPT - 1)
    assert latest.cause == f"service in fail-fast: no. {3 * KEPT - 1}"
    assert oldest.number == errors.UNAUTHORIZED.number


def test_a_fault_that_comes_back_after_long_is_a_new_one() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.note("outbound", Failure(errors.FAILFAST), peer="10.96.0.5:80")
    clock.now += QUIET + 1
    faults.note("outbound", Failure(errors.FAILFAST), peer="10.96.0.5:80")
    (only,) = faults.latest()
    assert (only.count, only.first) == (1, clock.now)


def test_the_log_says_each_cause_only_so_often(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    clock.now = 50.0
    faults = Faults(monotonic=clock)
    with caplog.at_level(logging.INFO, "proxy.errors"):
        for _ in range(100):
            faults.note("outbound", Failure(errors.FAILFAST), peer="a")
        faults.note("inbound", Failure(errors.FAILFAST), peer="a")
        assert len(caplog.records) == LINES_PER_SECOND + 1
        assert caplog.messages[0] == "[3001] outbound: service in fail-fast (peer a)"
        clock.now += 1.0
        faults.note("outbound", Failure(errors.FAILFAST), peer="a")
        assert caplog.messages[-1].endswith(
            f"; {100 - LINES_PER_SECOND} more like this were not logged"
        )


def test_what_a_peer_sent_writes_no_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults(Clock())
    with caplog.at_level(logging.INFO):
        failure = Failure(errors.GATEWAY_DOMAIN_INVALID, "web\n[0.0s] INFO all is\u2028well")
        faults.note("inbound", failure, peer="10.0.0.1")
    (fault,) = faults.latest()
    assert fault.cause.endswith("web?[0.0s] INFO all is?well")
    assert "\n" not in caplog.messages[0]
