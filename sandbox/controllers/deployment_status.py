"""A Deployment's status: counts, and the Available, Progressing and ReplicaFailure conditions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.controllers.objects import (
    Object,
    condition,
    generation,
    name,
    parse_time,
    set_condition,
    spec,
    status,
    with_status,
)
from sandbox.controllers.rollout import Bounds

NO_DEADLINE = 2**31 - 1
"""progressDeadlineSeconds of this value means: never."""


@dataclass(frozen=True, slots=True)
class Outcome:
    status: Object
    look_again: float | None
    """Seconds until the progress deadline would pass, if one is running."""


def complete(deployment: Object) -> bool:
    """Every pod is of the present template and available, and the status says so."""
    wanted, now = int(spec(deployment).get("replicas", 1)), status(deployment)
    return int(now.get("observedGeneration") or 0) >= generation(deployment) and all(
        int(now.get(field) or 0) == wanted
        for field in ("replicas", "updatedReplicas", "availableReplicas")
    )


def progressing(deployment: Object, reason: str, message: str, now: datetime) -> Object:
    """The Deployment with its Progressing condition saying so."""
    entry = {"type": "Progressing", "status": "True", "reason": reason, "message": message}
    conditions = set_condition(status(deployment).get("conditions") or [], entry, now)
    return with_status(deployment, {**status(deployment), "conditions": conditions})


def calculate(
    deployment: Object,
    new: Object | None,
    replicasets: Sequence[Object],
    limit: Bounds,
    now: datetime,
) -> Outcome:
    counted = _counts(deployment, new, replicasets)
    conditions = list(status(deployment).get("conditions") or [])
    conditions = set_condition(conditions, _available(deployment, counted, limit), now)
    conditions = _failure(conditions, new, replicasets, now)
    after = with_status(deployment, {**counted, "conditions": conditions})
    if not _has_deadline(deployment):
        conditions = [c for c in conditions if c.get("type") != "Progressing"]
        return Outcome(_tidy({**counted, "conditions": conditions}), None)
    entry, left = _progress(deployment, after, new, now)
    if entry is not None:
        touched = entry.pop("touch", False)
        if touched:
            conditions = _touch(conditions, entry, now)
        else:
            conditions = set_condition(conditions, entry, now)
    return Outcome(_tidy({**counted, "conditions": conditions}), left)


def _counts(deployment: Object, new: Object | None, replicasets: Sequence[Object]) -> Object:
    def total(field: str) -> int:
        return sum(int(status(rs).get(field) or 0) for rs in replicasets)

    wanted = int(spec(deployment).get("replicas", 1))
    available = total("availableReplicas")
    return {
        "observedGeneration": generation(deployment),
        "replicas": total("replicas"),
        "updatedReplicas": int(status(new).get("replicas") or 0) if new else 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(total("replicas"), wanted) - available),
    }


def _tidy(found: Object) -> Object:
    """Zero counts are left out, as Kubernetes' ``omitempty`` does."""
    return {key: value for key, value in found.items() if value != 0}


def _available(deployment: Object, counted: Object, limit: Bounds) -> Object:
    wanted = int(spec(deployment).get("replicas", 1))
    if counted["availableReplicas"] >= wanted - limit.max_unavailable:
        return {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
    return {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
    }


def _failure(
    conditions: list[Object], new: Object | None, replicasets: Sequence[Object], now: datetime
) -> list[Object]:
    """A ReplicaSet that cannot create pods makes its Deployment say so; the new one speaks first."""
    sources = ([new] if new else []) + [rs for rs in replicasets if rs is not new]
    failures = (condition(rs, "ReplicaFailure") for rs in sources)
    found = next((f for f in failures if f and f.get("status") == "True"), None)
    if found is None:
        return [c for c in conditions if c.get("type") != "ReplicaFailure"]
    entry = {key: found.get(key, "") for key in ("type", "status", "reason", "message")}
    return set_condition(conditions, entry, now)


def _has_deadline(deployment: Object) -> bool:
    return int(spec(deployment).get("progressDeadlineSeconds", 600)) != NO_DEADLINE


def _progress(
    deployment: Object, after: Object, new: Object | None, now: datetime
) -> tuple[Object | None, float | None]:
    """The Progressing condition to write, and how long until the deadline."""
    current = condition(deployment, "Progressing")
    if spec(deployment).get("paused"):
        if current is not None and current.get("reason") == "ProgressDeadlineExceeded":
            return None, None
        return _said("Unknown", "DeploymentPaused", "Deployment is paused"), None
    subject = f'ReplicaSet "{name(new)}"' if new else f'Deployment "{name(deployment)}"'
    if complete(after):
        text = f"{subject} has successfully progressed."
        return _said("True", "NewReplicaSetAvailable", text), None
    if current is not None and current.get("reason") == "DeploymentPaused":
        return _said("Unknown", "DeploymentResumed", "Deployment is resumed"), None
    if _finished_before(after, current):
        return None, None
    if _moved(status(deployment), status(after)):
        said = _said("True", "ReplicaSetUpdated", f"{subject} is progressing.")
        return {**said, "touch": True}, _deadline(deployment)
    if current is None:
        return _said("True", "ReplicaSetUpdated", f"{subject} is progressing."), _deadline(
            deployment
        )
    if current.get("reason") == "ProgressDeadlineExceeded":
        return None, None
    left = _deadline(deployment) - (now - _updated(current, now)).total_seconds()
    if left > 0:
        return None, left
    text = f"{subject} has timed out progressing."
    return _said("False", "ProgressDeadlineExceeded", text), None


def _said(value: str, reason: str, message: str) -> Object:
    return {"type": "Progressing", "status": value, "reason": reason, "message": message}


def _deadline(deployment: Object) -> float:
    return float(spec(deployment).get("progressDeadlineSeconds", 600))


def _updated(current: Object, now: datetime) -> datetime:
    text = current.get("lastUpdateTime") or current.get("lastTransitionTime")
    return parse_time(text) if text else now


def _finished_before(after: Object, current: Object | None) -> bool:
    """The rollout succeeded already; pods that come and go later do not restart its clock."""
    counted = status(after)
    return (
        current is not None
        and current.get("reason") == "NewReplicaSetAvailable"
        and counted["replicas"] == counted["updatedReplicas"]
    )


def _moved(before: Object, after: Object) -> bool:
    def count(of: Object, field: str) -> int:
        return int(of.get(field) or 0)

    def old_pods(of: Object) -> int:
        return count(of, "replicas") - count(of, "updatedReplicas")

    return (
        count(after, "updatedReplicas") > count(before, "updatedReplicas")
        or old_pods(after) < old_pods(before)
        or count(after, "readyReplicas") > count(before, "readyReplicas")
        or count(after, "availableReplicas") > count(before, "availableReplicas")
    )


def _touch(conditions: list[Object], entry: Object, now: datetime) -> list[Object]:
    """Progress restarts the deadline even when the words stay the same."""
    kept = [c for c in conditions if c.get("type") != entry["type"]]
    old = next((c for c in conditions if c.get("type") == entry["type"]), None)
    fresh = set_condition([], entry, now)[0]
    if old is not None and old.get("status") == entry["status"]:
        fresh["lastTransitionTime"] = old.get("lastTransitionTime", fresh["lastTransitionTime"])
    return [*kept, fresh]
