"""CronJob: a Job at each time of its schedule, and only so many kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.controllers import cron
from sandbox.controllers.actions import Action, Again, Create, Delete, Event, UpdateStatus
from sandbox.controllers.job import finished
from sandbox.controllers.objects import (
    Object,
    condition_true,
    controlled_by,
    controller_reference,
    created,
    deleting,
    metadata,
    name,
    namespace,
    parse_time,
    spec,
    status,
    timestamp,
    uid,
    with_status,
)

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def decide(cronjob: Object, jobs: Sequence[Object], now: datetime) -> list[Action]:
    """``jobs`` are those of the CronJob's namespace."""
    if deleting(cronjob):
        return []
    ours = [job for job in jobs if controlled_by(job, cronjob)]
    active = [job for job in ours if not finished(job)]
    actions = _forget(cronjob, ours)
    after = {**status(cronjob), "active": [_reference(job) for job in active]}
    try:
        schedule, zone = cron.parse(spec(cronjob)["schedule"]), _zone(cronjob)
    except ValueError as error:
        return [*actions, Event(cronjob, "Warning", "InvalidSchedule", str(error))]
    due = _latest_due(cronjob, schedule, zone, now)
    if due is not None and not spec(cronjob).get("suspend"):
        started = _start(cronjob, active, due, now)
        if any(isinstance(action, Create) for action in started):
            after["lastScheduleTime"] = timestamp(due)
        actions += started
    if not after["active"]:
        del after["active"]
    if after != status(cronjob):
        actions.append(UpdateStatus(with_status(cronjob, after)))
    upcoming = schedule.after(now.astimezone(zone))
    if upcoming is not None and not spec(cronjob).get("suspend"):
        actions.append(Again((upcoming - now).total_seconds()))
    return actions


def _zone(cronjob: Object) -> ZoneInfo:
    wanted = spec(cronjob).get("timeZone") or "UTC"
    try:
        return ZoneInfo(wanted)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"time zone {wanted!r} is not known on this host") from error


def _latest_due(
    cronjob: Object, schedule: cron.Schedule, zone: ZoneInfo, now: datetime
) -> datetime | None:
    """The latest time of the schedule that has passed and has had no Job."""
    since = parse_time(status(cronjob).get("lastScheduleTime") or created(cronjob))
    limit = spec(cronjob).get("startingDeadlineSeconds")
    if limit is not None:
        since = max(since, now - timedelta(seconds=float(limit)))
    latest: datetime | None = None
    at = schedule.after(since.astimezone(zone))
    while at is not None and at <= now:
        latest, at = at, schedule.after(at)
    return latest


def _start(cronjob: Object, active: Sequence[Object], due: datetime, now: datetime) -> list[Action]:
    policy = spec(cronjob).get("concurrencyPolicy", "Allow")
    if policy == "Forbid" and active:
        text = (
            "Not starting job because prior execution is running and concurrency policy is Forbid"
        )
        return [Event(cronjob, "Normal", "JobAlreadyActive", text)]
    replaced: list[Action] = []
    if policy == "Replace":
        replaced = [Delete(job) for job in active]
    job = new_job(cronjob, due)
    text = f"Created job {name(job)}"
    return [*replaced, Create(job), Event(cronjob, "Normal", "SuccessfulCreate", text)]


def new_job(cronjob: Object, due: datetime) -> Object:
    """One Job per time: its name says which, so it is never made twice."""
    template: Object = spec(cronjob).get("jobTemplate") or {}
    found = metadata(template)
    noted = {**(found.get("annotations") or {}), SCHEDULED_AT: timestamp(due)}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{name(cronjob)}-{int(due.timestamp()) // 60}",
            "namespace": namespace(cronjob),
            "labels": dict(found.get("labels") or {}),
            "annotations": noted,
            "ownerReferences": [controller_reference(cronjob)],
        },
        "spec": spec(template),
    }


def _reference(job: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "namespace": namespace(job),
        "name": name(job),
        "uid": uid(job),
    }


def _forget(cronjob: Object, jobs: Sequence[Object]) -> list[Action]:
    actions: list[Action] = []
    for kind, field, default in (
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ):
        done = sorted((j for j in jobs if condition_true(j, kind)), key=created)
        keep = int(spec(cronjob).get(field, default))
        actions += [Delete(job) for job in done[: max(0, len(done) - keep)]]
    return actions
