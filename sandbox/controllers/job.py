"""Job: run pods until enough have succeeded or too many have failed.

A pod's own phase says whether it is done, so native sidecars (init containers that restart) never
hold a Job up: the node ends them with the last ordinary container. Finished pods stay, for their
logs, and are what the counts are made from.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.controllers.actions import Action, Again, Create, Delete, Event, UpdateStatus
from sandbox.controllers.objects import (
    Object,
    annotations,
    condition_true,
    controlled_by,
    created,
    deleting,
    labels,
    metadata,
    name,
    parse_time,
    pod_active,
    pod_from_template,
    pod_ready,
    set_condition,
    spec,
    status,
    timestamp,
    uid,
    with_metadata,
    with_spec,
    with_status,
)

INDEX = "batch.kubernetes.io/job-completion-index"
FIRST_BACKOFF = 10.0
LONGEST_BACKOFF = 600.0


def decide(job: Object, pods: Sequence[Object], now: datetime) -> list[Action]:
    """``pods`` are those of the Job's namespace."""
    if deleting(job):
        return []
    if finished(job):
        return _expire(job, now)
    ours = [pod for pod in pods if controlled_by(pod, job)]
    active = [pod for pod in ours if pod_active(pod)]
    after = calculate_status(job, ours, now)
    rest: list[Action] = []
    if failure := why_failed(job, ours, after, now):
        reason, message = failure
        rest += [Delete(pod) for pod in active]
        rest.append(Event(job, "Warning", reason, message))
        after = _ended(after, "Failed", reason, message, now)
    elif _succeeded_enough(job, after, active):
        rest += [Delete(pod) for pod in active]
        message = "Reached expected number of succeeded pods"
        rest.append(Event(job, "Normal", "Completed", "Job completed"))
        after = _ended(after, "Complete", "CompletionsReached", message, now)
    elif spec(job).get("suspend"):
        rest += [Delete(pod) for pod in active]
    else:
        rest += _fit(job, ours, active, after, now)
    counted: list[Action] = [UpdateStatus(with_status(job, after))] if after != status(job) else []
    return [*counted, *rest, *_deadline(job, after, now)]


def finished(job: Object) -> bool:
    return condition_true(job, "Complete") or condition_true(job, "Failed")


def _phase_count(pods: Sequence[Object], phase: str) -> int:
    return sum(status(pod).get("phase") == phase for pod in pods)


def calculate_status(job: Object, pods: Sequence[Object], now: datetime) -> Object:
    active = [pod for pod in pods if pod_active(pod)]
    before = status(job)
    kept: Object = {key: before[key] for key in ("conditions", "completionTime") if key in before}
    after: Object = {**kept, "ready": sum(pod_ready(pod) for pod in active)}
    after["terminating"] = sum(deleting(pod) for pod in pods)
    after["uncountedTerminatedPods"] = {}
    if spec(job).get("suspend"):
        note = {"type": "Suspended", "status": "True", "reason": "JobSuspended"}
        note["message"] = "Job suspended"
        after["conditions"] = set_condition(before.get("conditions") or [], note, now)
    else:
        after["startTime"] = before.get("startTime") or timestamp(now)
        if condition_true(job, "Suspended"):
            note = {"type": "Suspended", "status": "False", "reason": "JobResumed"}
            note["message"] = "Job resumed"
            after["conditions"] = set_condition(before.get("conditions") or [], note, now)
    counts = {
        "active": len(active),
        "succeeded": len(_indexes(pods, "Succeeded"))
        if indexed(job)
        else _phase_count(pods, "Succeeded"),
        "failed": _phase_count(pods, "Failed"),
    }
    return after | {field: count for field, count in counts.items() if count}


def indexed(job: Object) -> bool:
    return bool(spec(job).get("completionMode") == "Indexed")


def _index(pod: Object) -> int:
    return int(annotations(pod).get(INDEX, "-1"))


def _indexes(pods: Sequence[Object], phase: str) -> set[int]:
    return {_index(pod) for pod in pods if status(pod).get("phase") == phase}


def _completions(job: Object) -> int | None:
    """None: a work queue, done when any pod has succeeded and all have ended."""
    found = spec(job).get("completions")
    if found is None and "parallelism" not in spec(job):
        return 1
    return None if found is None else int(found)


def _succeeded_enough(job: Object, after: Object, active: Sequence[Object]) -> bool:
    wanted, got = _completions(job), int(after.get("succeeded", 0))
    return got > 0 and not active if wanted is None else got >= wanted


def why_failed(
    job: Object, pods: Sequence[Object], after: Object, now: datetime
) -> tuple[str, str] | None:
    limit = int(spec(job).get("backoffLimit", 6))
    if int(after.get("failed", 0)) + _restarts(job, pods) > limit:
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline = spec(job).get("activeDeadlineSeconds")
    if deadline is not None and "startTime" in after and not spec(job).get("suspend"):
        elapsed = (now - parse_time(after["startTime"])).total_seconds()
        if elapsed >= float(deadline):
            return "DeadlineExceeded", "Job was active longer than specified deadline"
    return None


def _restarts(job: Object, pods: Sequence[Object]) -> int:
    """Containers restarted in place count as failures under restartPolicy OnFailure."""
    template = spec(job).get("template") or {}
    if spec(template).get("restartPolicy") != "OnFailure":
        return 0
    running = [pod for pod in pods if status(pod).get("phase") in ("Pending", "Running")]
    return sum(
        int(c.get("restartCount") or 0)
        for pod in running
        for c in status(pod).get("containerStatuses") or []
    )


def _ended(after: Object, kind: str, reason: str, message: str, now: datetime) -> Object:
    first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    conditions = after.get("conditions") or []
    for each in (first, kind):
        entry = {"type": each, "status": "True", "reason": reason, "message": message}
        conditions = set_condition(conditions, {**entry, "lastProbeTime": timestamp(now)}, now)
    ended = {key: value for key, value in after.items() if key != "active"}
    ended |= {"conditions": conditions, "ready": 0}
    if kind == "Complete":
        ended["completionTime"] = timestamp(now)
    return ended


def _fit(
    job: Object, pods: Sequence[Object], active: Sequence[Object], after: Object, now: datetime
) -> list[Action]:
    parallelism = int(spec(job).get("parallelism", 1))
    completions, succeeded = _completions(job), int(after.get("succeeded", 0))
    if completions is None:
        wanted = len(active) if succeeded else parallelism
    else:
        wanted = min(parallelism, completions - succeeded)
    if len(active) > wanted:
        youngest = sorted(active, key=lambda p: (pod_ready(p), created(p)), reverse=False)
        return [Delete(pod) for pod in youngest[: len(active) - wanted]]
    missing = wanted - len(active)
    if missing <= 0:
        return []
    if (wait := _backoff(pods, now)) > 0:
        return [Again(wait)]
    if not indexed(job):
        return [Create(new_pod(job), job) for _ in range(missing)]
    taken = {_index(pod) for pod in active} | _indexes(pods, "Succeeded")
    free = [index for index in range(completions or 0) if index not in taken]
    return [Create(new_pod(job, index), job) for index in free[:missing]]


def _backoff(pods: Sequence[Object], now: datetime) -> float:
    """Seconds before failed pods may be replaced: 10, 20, 40 ... since the last failure."""
    failed = [pod for pod in pods if status(pod).get("phase") == "Failed"]
    if not failed:
        return 0.0
    pause = min(FIRST_BACKOFF * 2 ** (len(failed) - 1), LONGEST_BACKOFF)
    last = max(_ended_at(pod) for pod in failed)
    return float(pause - (now - last).total_seconds())


def _ended_at(pod: Object) -> datetime:
    ends = [
        c["state"]["terminated"]["finishedAt"]
        for c in status(pod).get("containerStatuses") or []
        if (c.get("state") or {}).get("terminated", {}).get("finishedAt")
    ]
    return parse_time(max(ends)) if ends else parse_time(created(pod))


def new_pod(job: Object, index: int | None = None) -> Object:
    template: Object = spec(job).get("template") or {}
    marked = {
        "batch.kubernetes.io/controller-uid": uid(job),
        "batch.kubernetes.io/job-name": name(job),
        "controller-uid": uid(job),
        "job-name": name(job),
    }
    template = with_metadata(template, labels={**labels(template), **marked})
    if index is None:
        return pod_from_template(job, template, generateName=f"{name(job)}-")
    noted = {**(metadata(template).get("annotations") or {}), INDEX: str(index)}
    marked[INDEX] = str(index)
    template = with_metadata(
        template, annotations=noted, labels={**labels(template), INDEX: str(index)}
    )
    made = pod_from_template(job, template, generateName=f"{name(job)}-{index}-")
    named = {"name": "JOB_COMPLETION_INDEX", "value": str(index)}

    def told(container: dict[str, Any]) -> dict[str, Any]:
        return {**container, "env": [*(container.get("env") or []), named]}

    containers = [told(container) for container in spec(made).get("containers") or []]
    return with_spec(made, containers=containers, hostname=f"{name(job)}-{index}")


def _deadline(job: Object, after: Object, now: datetime) -> list[Action]:
    deadline = spec(job).get("activeDeadlineSeconds")
    if deadline is None or "startTime" not in after or spec(job).get("suspend"):
        return []
    left = float(deadline) - (now - parse_time(after["startTime"])).total_seconds()
    return [Again(left)] if left > 0 else []


def _expire(job: Object, now: datetime) -> list[Action]:
    """Finished Jobs go after ttlSecondsAfterFinished, if they have one."""
    ttl = spec(job).get("ttlSecondsAfterFinished")
    if ttl is None:
        return []
    ends = [
        c["lastTransitionTime"]
        for c in status(job).get("conditions") or []
        if c.get("type") in ("Complete", "Failed") and c.get("status") == "True"
    ]
    left = float(ttl) - (now - parse_time(max(ends))).total_seconds()
    return [Again(left)] if left > 0 else [Delete(job)]
