"""The list of errors: bounded, newest first, and quiet in the log."""

import logging

import pytest

from proxy.net.failure import Failure
from proxy.net.faults import KEPT, LINES_PER_SECOND, Faults
from weft import errors


class Clock:
    now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


def test_the_newest_come_first_and_the_oldest_go() -> None:
    faults = Faults(Clock())
    for number in range(KEPT + 5):
        faults.note("inbound", Failure(errors.FAILFAST, f"no. {number}"), peer="10.0.0.1")
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
    }


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
