"""Whom to report and whom to restart: one rule at a time, then all of them in histories made up by chance."""

from collections import Counter
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_injector.owners import Parent
from proxy_injector.unmeshed.plan import (
    BACK_OFF,
    BARE,
    CAME_UNMESHED,
    CREATED_WITHOUT,
    GIVEN_UP,
    JOB,
    MINUTE,
    NOT_READY,
    PER_MINUTE,
    REMIND,
    REPLACED_WITHIN,
    REPLACING_KINDS,
    REPORTS,
    TRIES,
    TRY_AGAIN,
    Choice,
    Memory,
    Plan,
    Pod,
    not_evicted,
    plan,
)

WEB = Parent("ReplicaSet", "web-5f", "rs-web")


def unmeshed(name: str = "web-1", owner: Parent | None = WEB, against: str = "") -> Pod:
    return Pod("shop", name, f"uid-{name}", owner, True, True, against)


def meshed(name: str, *, ready: bool = True) -> Pod:
    return Pod("shop", name, f"uid-{name}", WEB, ready)


def planned(
    *pods: Pod,
    choice: Choice = "restart",
    memory: Memory | None = None,
    now: float = 0.0,
    answering: bool = True,
) -> Plan:
    return plan(pods, choice, memory or Memory(), now, answering=answering)


def told(made: Plan) -> dict[str, str]:
    return {report.pod.name: report.why for report in made.reports}


def evicted(made: Plan) -> list[str]:
    return [pod.name for pod in made.evictions]


# -- whom ----------------------------------------------------------------------------------------


def test_report_tells_and_touches_nothing() -> None:
    made = planned(unmeshed(), meshed("web-2"), choice="report")
    assert told(made) == {"web-1": CREATED_WITHOUT}
    assert evicted(made) == []


def test_restart_evicts_and_does_not_complain() -> None:
    made = planned(unmeshed(), meshed("web-2"))
    assert told(made) == {}
    assert evicted(made) == ["web-1"]


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (unmeshed(owner=None), BARE),
        (unmeshed(owner=Parent("Job", "nightly", "j")), JOB),
        (unmeshed(owner=Parent("CronJob", "nightly", "c")), BARE),
        (unmeshed(against="hostNetwork is enabled"), "hostNetwork is enabled"),
    ],
)
def test_what_cannot_be_restarted_is_reported_with_the_reason(pod: Pod, why: str) -> None:
    made = planned(pod)
    assert told(made) == {"web-1": why}
    assert evicted(made) == []


@pytest.mark.parametrize("kind", sorted(REPLACING_KINDS))
def test_controllers_that_make_a_new_one(kind: str) -> None:
    assert evicted(planned(unmeshed(owner=Parent(kind, "x", "x")))) == ["web-1"]


def test_nobody_is_evicted_while_the_webhook_does_not_answer() -> None:
    made = planned(unmeshed(), answering=False)
    assert (evicted(made), told(made)) == ([], {})


def test_a_report_is_given_once_and_again_when_kubernetes_has_forgotten_it() -> None:
    first = planned(unmeshed(), choice="report")
    again = planned(unmeshed(), choice="report", memory=first.memory, now=REMIND - 1)
    assert told(again) == {}
    later = planned(unmeshed(), choice="report", memory=again.memory, now=REMIND)
    assert told(later) == {"web-1": CREATED_WITHOUT}


def test_another_reason_is_another_report() -> None:
    first = planned(unmeshed(), choice="report")
    other = planned(unmeshed(against="why not"), choice="report", memory=first.memory, now=1)
    assert told(other) == {"web-1": "why not"}


def test_many_reports_come_in_portions() -> None:
    pods = [unmeshed(f"web-{number:03}") for number in range(REPORTS + 7)]
    first = planned(*pods, choice="report")
    second = planned(*pods, choice="report", memory=first.memory, now=1)
    assert (len(first.reports), len(second.reports)) == (REPORTS, 7)


def test_what_is_gone_is_forgotten() -> None:
    memory = planned(unmeshed(), choice="report").memory
    assert planned(choice="report", memory=memory, now=1).memory == Memory()


def test_pods_are_counted_by_namespace_and_whether_a_new_one_would_have_a_proxy() -> None:
    made = planned(unmeshed("a"), unmeshed("b"), unmeshed("c", against="no"), meshed("d"))
    assert made.unmeshed == {("shop", True): 2, ("shop", False): 1}


# -- how fast, and when no more -------------------------------------------------------------------


def test_the_next_of_a_workload_waits_for_a_new_pod_that_is_ready() -> None:
    one, two = unmeshed("web-1"), unmeshed("web-2")
    first = planned(one, two)
    assert evicted(first) == ["web-1"]
    for family in ([one, two], [two], [two, meshed("new", ready=False)]):
        waiting = planned(*family, memory=first.memory, now=1)
        assert evicted(waiting) == []
    after = planned(two, meshed("new"), memory=waiting.memory, now=2)
    assert evicted(after) == ["web-2"]


def test_a_ready_pod_that_was_there_before_is_no_new_one() -> None:
    first = planned(unmeshed("web-1"), unmeshed("web-2"), meshed("old"))
    assert evicted(planned(unmeshed("web-2"), meshed("old"), memory=first.memory, now=9)) == []


def test_no_more_than_so_many_in_a_minute() -> None:
    pods = [
        unmeshed(f"web-{number:02}", Parent("StatefulSet", "x", f"s{number}"))
        for number in range(PER_MINUTE + 3)
    ]
    first = planned(*pods)
    assert len(first.evictions) == PER_MINUTE
    left = pods[PER_MINUTE:]
    assert evicted(planned(*left, memory=first.memory, now=MINUTE - 1)) == []
    assert len(planned(*left, memory=first.memory, now=MINUTE).evictions) == 3


def test_a_new_pod_without_a_proxy_backs_off_and_is_reported_then_given_up() -> None:
    memory, now = Memory(), 0.0
    for number in range(TRIES):
        made = planned(unmeshed(f"web-{number}"), memory=memory, now=now)
        assert evicted(made) == [f"web-{number}"]
        came = planned(unmeshed(f"web-{number + 1}"), memory=made.memory, now=now + 1)
        assert evicted(came) == []
        last = number == TRIES - 1
        assert told(came) == {f"web-{number + 1}": GIVEN_UP if last else CAME_UNMESHED}
        pause = BACK_OFF * 2**number
        early = planned(unmeshed(f"web-{number + 1}"), memory=came.memory, now=now + pause)
        assert evicted(early) == []
        memory, now = early.memory, now + 1 + pause
    assert evicted(planned(unmeshed("web-9"), memory=memory, now=now + 1e9)) == []


def test_a_new_pod_that_is_not_ready_in_time_counts_as_one_that_did_not_help() -> None:
    first = planned(unmeshed("web-1"), unmeshed("web-2"))
    family = unmeshed("web-2"), meshed("new", ready=False)
    late = planned(*family, memory=first.memory, now=REPLACED_WITHIN)
    assert told(late) == {"web-2": NOT_READY}
    assert evicted(late) == []


def test_success_wipes_failures_out() -> None:
    first = planned(unmeshed("web-1"))
    failed = planned(unmeshed("web-2"), memory=first.memory, now=1)
    again = planned(unmeshed("web-2"), memory=failed.memory, now=1 + BACK_OFF)
    assert evicted(again) == ["web-2"]
    assert planned(meshed("new"), memory=again.memory, now=99).memory.workloads == {}


def test_a_refused_eviction_is_reported_and_asked_for_again() -> None:
    first = planned(unmeshed())
    memory = not_evicted(first.memory, unmeshed(), "a budget", 0.0)
    refused = planned(unmeshed(), memory=memory, now=1)
    assert (evicted(refused), told(refused)) == ([], {"web-1": "a budget"})
    assert evicted(planned(unmeshed(), memory=refused.memory, now=TRY_AGAIN)) == ["web-1"]


# -- all of it, by chance --------------------------------------------------------------------------

KINDS = [*sorted(REPLACING_KINDS), "Job", "CronJob"]
owners = st.none() | st.builds(
    lambda number: Parent(KINDS[number % len(KINDS)], f"o{number}", f"o{number}"),
    st.integers(0, 11),
)
pods = st.builds(
    Pod,
    st.sampled_from(["a", "b"]),
    st.text("xyz", min_size=1, max_size=3),
    st.uuids().map(str),
    owners,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "", "why not"]),
).map(lambda pod: pod if pod.unmeshed else replace(pod, against=""))
families = st.lists(pods, max_size=30, unique_by=lambda pod: pod.uid)
histories = st.lists(
    st.tuples(families, st.floats(0, 200, allow_nan=False), st.booleans()), max_size=8
)


@given(histories, st.sampled_from(get_args(Choice)))
def test_whatever_happens_no_harm_is_done(
    history: list[tuple[list[Pod], float, bool]], choice: Choice
) -> None:
    memory, now = Memory(), 0.0
    moments: list[float] = []
    for family, pause, answering in history:
        now += pause
        made = plan(family, choice, memory, now, answering=answering)
        for pod in made.evictions:
            assert choice == "restart"
            assert answering
            assert pod.unmeshed
            assert not pod.against
            assert pod.owner is not None
            assert pod.owner.kind in REPLACING_KINDS
        by_owner = Counter(pod.owner for pod in made.evictions)
        assert max(by_owner.values(), default=0) <= 1
        moments += [now] * len(made.evictions)
        assert sum(now - one < MINUTE for one in moments) <= PER_MINUTE
        wanting = [pod for pod in family if pod.unmeshed]
        assert sum(made.unmeshed.values()) == len(wanting)
        assert not {report.pod.uid for report in made.reports} & {pod.uid for pod in made.evictions}
        if choice != "restart":
            assert set(made.memory.told) == {pod.uid for pod in wanting}
        assert set(made.memory.told) <= {pod.uid for pod in wanting}
        again = plan(family, choice, made.memory, now, answering=answering)
        assert again.evictions == ()
        assert again.reports == ()
        memory = made.memory


@given(st.lists(st.floats(0.5, 400), max_size=50))
def test_a_workload_whose_pods_never_come_meshed_is_left_in_peace(pauses: list[float]) -> None:
    memory, now, restarts, current = Memory(), 0.0, 0, unmeshed("web-0")
    reported: set[str] = set()
    enough = [BACK_OFF * 2**TRIES] * (2 * TRIES + 1)
    for pause in [*pauses, *enough]:
        made = planned(current, memory=memory, now=now)
        if made.evictions:
            restarts += 1
            current = unmeshed(f"web-{restarts}")
        reported |= set(told(made).values())
        memory, now = made.memory, now + pause
    assert restarts == TRIES
    assert GIVEN_UP in reported
