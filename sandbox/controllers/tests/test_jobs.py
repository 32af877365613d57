"""Jobs, CronJobs and their schedules."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.controllers import cron, cronjob, job
from sandbox.controllers.actions import Action, Again, Create, Delete, Event, UpdateStatus
from sandbox.controllers.objects import Object, annotations, condition, condition_true, name, spec
from sandbox.controllers.tests import builders as b
from sandbox.controllers.tests.builders import NOW, pod


def make(named: str = "sum", **wanted: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": named, "namespace": "default", "uid": f"uid-{named}"},
        "spec": {"template": b.template(), **wanted},
    }


def run(of: Object, phase: str, named: str = "p", **fields: Any) -> Object:
    return pod(named, owner=of, phase=phase, **fields)


def status_of(actions: list[Action]) -> Object:
    (found,) = [action.object for action in actions if isinstance(action, UpdateStatus)]
    return found


def count(actions: list[Action], kind: type) -> int:
    return sum(isinstance(action, kind) for action in actions)


@pytest.mark.parametrize(
    ("wanted", "phases", "created", "deleted", "done"),
    [
        pytest.param({}, [], 1, 0, False, id="one by default"),
        pytest.param({}, ["Running"], 0, 0, False, id="running"),
        pytest.param({}, ["Succeeded"], 0, 0, True, id="done"),
        pytest.param({"completions": 5, "parallelism": 2}, [], 2, 0, False, id="two at a time"),
        pytest.param({"completions": 5, "parallelism": 2}, ["Succeeded", "Running"], 1, 0, False, id="the next"),
        pytest.param({"completions": 5, "parallelism": 9}, ["Succeeded"] * 4, 1, 0, False, id="no more than needed"),
        pytest.param({"completions": 2, "parallelism": 1}, ["Running"] * 3, 0, 2, False, id="too many run"),
        pytest.param({"completions": 2}, ["Succeeded", "Succeeded", "Running"], 0, 1, True, id="done ends the rest"),
        pytest.param({"parallelism": 3}, [], 3, 0, False, id="a work queue"),
        pytest.param({"parallelism": 3}, ["Succeeded", "Running"], 0, 0, False, id="a queue that is empty makes no more"),
        pytest.param({"parallelism": 3}, ["Succeeded", "Succeeded"], 0, 0, True, id="a queue whose workers ended"),
        pytest.param({"suspend": True}, ["Running"], 0, 1, False, id="suspended"),
        pytest.param({"completions": 0}, [], 0, 0, True, id="nothing to do"),
    ],
)  # fmt: skip
def test_what_a_job_does(
    wanted: Object, phases: list[str], created: int, deleted: int, done: bool
) -> None:
    of = make(**wanted)
    pods = [run(of, phase, f"p{n}") for n, phase in enumerate(phases)]
    actions = job.decide(of, pods, NOW)
    assert (count(actions, Create), count(actions, Delete)) == (created, deleted)
    assert condition_true(status_of(actions), "Complete") is done


def failed(of: Object, ended: float, named: str) -> Object:
    made = run(of, "Failed", named)
    made["status"]["containerStatuses"][0]["state"] = {"terminated": {"finishedAt": b.ago(ended)}}
    return made


def test_a_failed_pod_is_replaced_after_a_pause_that_doubles() -> None:
    of = make()
    assert Again(6.0) in job.decide(of, [failed(of, 4, "a")], NOW)
    assert count(job.decide(of, [failed(of, 10, "a")], NOW), Create) == 1
    assert Again(10.0) in job.decide(of, [failed(of, 60, "a"), failed(of, 10, "b")], NOW)


def test_too_many_failures_are_the_end() -> None:
    of = make(backoffLimit=1, parallelism=2)
    pods = [failed(of, 60, "a"), failed(of, 9, "b"), run(of, "Running", "c")]
    actions = job.decide(of, pods, NOW)
    assert count(actions, Delete) == 1
    said = condition(status_of(actions), "Failed")
    assert said is not None
    assert said["reason"] == "BackoffLimitExceeded"


def test_restarts_in_place_count_as_failures() -> None:
    template = b.template()
    template["spec"]["restartPolicy"] = "OnFailure"
    of = make(backoffLimit=2, template=template)
    assert count(job.decide(of, [run(of, "Running", restarts=2)], NOW), Delete) == 0
    assert count(job.decide(of, [run(of, "Running", restarts=3)], NOW), Delete) == 1


def test_the_deadline() -> None:
    of = make(activeDeadlineSeconds=60)
    of["status"] = {"startTime": b.ago(50)}
    assert Again(10.0) in job.decide(of, [run(of, "Running")], NOW)
    of["status"] = {"startTime": b.ago(60)}
    said = condition(status_of(job.decide(of, [run(of, "Running")], NOW)), "Failed")
    assert said is not None
    assert said["reason"] == "DeadlineExceeded"


def test_a_finished_job_rests_until_its_time_to_live_is_over() -> None:
    of = make(ttlSecondsAfterFinished=60)
    ended = {"type": "Complete", "status": "True", "lastTransitionTime": b.ago(20)}
    of["status"] = {"conditions": [ended]}
    assert job.decide(of, [], NOW) == [Again(40.0)]
    ended["lastTransitionTime"] = b.ago(60)
    assert job.decide(of, [], NOW) == [Delete(of)]
    del of["spec"]["ttlSecondsAfterFinished"]
    assert job.decide(of, [], NOW) == []


def test_an_indexed_job_fills_the_gaps() -> None:
    of = make(completions=3, parallelism=3, completionMode="Indexed")
    pods = [
        run(of, "Succeeded", "a", annotations={job.INDEX: "0"}),
        run(of, "Running", "b", annotations={job.INDEX: "2"}),
    ]
    (made,) = [a.object for a in job.decide(of, pods, NOW) if isinstance(a, Create)]
    assert annotations(made)[job.INDEX] == "1"
    assert spec(made)["hostname"] == "sum-1"
    assert {"name": "JOB_COMPLETION_INDEX", "value": "1"} in spec(made)["containers"][0]["env"]


# --- schedules --------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-03-01T12:00:30", "2026-03-01T12:01"),
        ("*/15 * * * *", "2026-03-01T12:00", "2026-03-01T12:15"),
        ("5-20/7 * * * *", "2026-03-01T12:13", "2026-03-01T12:19"),
        ("0 3 * * *", "2026-03-01T12:00", "2026-03-02T03:00"),
        ("0 0 29 2 *", "2026-03-01T12:00", "2028-02-29T00:00"),
        ("0 9 * * mon-fri", "2026-02-28T12:00", "2026-03-02T09:00"),
        ("0 9 * * 7", "2026-02-28T12:00", "2026-03-01T09:00"),
        ("0 0 13 * FRI", "2026-03-01T12:00", "2026-03-06T00:00"),
        ("30 8 1 jan,JUL *", "2026-03-01T12:00", "2026-07-01T08:30"),
        ("3/20 * * * *", "2026-03-01T12:04", "2026-03-01T12:23"),
        ("@hourly", "2026-03-01T12:00", "2026-03-01T13:00"),
        ("@weekly", "2026-03-02T12:00", "2026-03-08T00:00"),
    ],
)
def test_the_next_time(schedule: str, after: str, expected: str) -> None:
    assert cron.parse(schedule).after(at(after)) == at(expected)


def test_a_day_that_never_comes() -> None:
    assert cron.parse("0 0 31 2 *").after(NOW) is None


@pytest.mark.parametrize(
    ("schedule", "complaint"),
    [
        ("", "five fields expected, 0 found"),
        ("* * * *", "five fields expected, 4 found"),
        ("60 * * * *", "minute '60': allowed are 0-59"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of month '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "day of week '8'"),
        ("*/0 * * * *", "minute"),
        ("5-1 * * * *", "minute"),
        ("a * * * *", "minute"),
        ("@often", "five fields"),
    ],
)
def test_a_schedule_that_is_none_is_named(schedule: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        cron.parse(schedule)


@given(st.text(max_size=30))
def test_no_text_does_more_than_raise_value_error(text: str) -> None:
    try:
        cron.parse(text)
    except ValueError:
        return


def crons(**wanted: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick", "namespace": "default", "uid": "c1", "creationTimestamp": b.ago(3599)},
        "spec": {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": b.template()}}, **wanted},
    }  # fmt: skip


def child(of: Object, named: str, ended: str | None = None) -> Object:
    made = make(named)
    made["metadata"]["ownerReferences"] = [{"uid": "c1", "controller": True}]
    made["metadata"]["creationTimestamp"] = b.ago(100 - int(named[-1]))
    if ended:
        made["status"] = {"conditions": [{"type": ended, "status": "True"}]}
    return made


def test_only_the_latest_of_the_times_missed_is_made_up_for() -> None:
    actions = cronjob.decide(crons(), [], NOW)
    (made,) = [action.object for action in actions if isinstance(action, Create)]
    assert name(made) == f"tick-{int(NOW.timestamp()) // 60}"
    assert annotations(made)[cronjob.SCHEDULED_AT] == b.ago(0)
    assert status_of(actions)["status"]["lastScheduleTime"] == b.ago(0)
    assert Again(600.0) in actions


def test_a_time_that_had_its_job_is_over() -> None:
    of = crons()
    of["status"] = {"lastScheduleTime": b.ago(0)}
    assert count(cronjob.decide(of, [], NOW), Create) == 0


@pytest.mark.parametrize(
    ("policy", "created", "deleted"), [("Allow", 1, 0), ("Forbid", 0, 0), ("Replace", 1, 1)]
)
def test_while_one_still_runs(policy: str, created: int, deleted: int) -> None:
    of = crons(concurrencyPolicy=policy)
    actions = cronjob.decide(of, [child(of, "tick-1")], NOW)
    assert (count(actions, Create), count(actions, Delete)) == (created, deleted)


def test_old_jobs_go() -> None:
    of = crons(suspend=True, successfulJobsHistoryLimit=1)
    jobs = [child(of, f"tick-{n}", "Complete") for n in (3, 1, 2)]
    jobs += [child(of, f"tick-{n}", "Failed") for n in (4, 5)]
    gone = [a.object for a in cronjob.decide(of, jobs, NOW) if isinstance(a, Delete)]
    assert b.names(gone) == ["tick-1", "tick-2", "tick-4"]


@pytest.mark.parametrize("wrong", [{"schedule": "often"}, {"timeZone": "Mars/Olympus"}])
def test_what_cannot_be_scheduled_is_told(wrong: Object) -> None:
    (event,) = [a for a in cronjob.decide(crons(**wrong), [], NOW) if isinstance(a, Event)]
    assert event.kind == "Warning"
    assert str(next(iter(wrong.values()))) in event.message
