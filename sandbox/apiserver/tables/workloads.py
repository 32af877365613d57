"""Deployments, ReplicaSets, DaemonSets, StatefulSets, Jobs and CronJobs."""

from dataclasses import replace
from datetime import datetime

from sandbox.apiserver.objects import Obj, condition, dig, parse_timestamp, spec_of, status_of
from sandbox.apiserver.tables import ages
from sandbox.apiserver.tables.columns import (
    AGE,
    NAME,
    NONE,
    Column,
    at,
    containers_columns,
    labels_text,
    number,
    selector_text,
)

_POD_CONTAINERS = ("spec", "template", "spec", "containers")
_SELECTOR = Column(
    "Selector", lambda obj, _: selector_text(spec_of(obj).get("selector")), wide=True
)
_NODE_SELECTOR = Column(
    "Node Selector",
    lambda obj, _: labels_text(dig(obj, "spec", "template", "spec", "nodeSelector")),
)


def _ready_of_wanted(obj: Obj, _: datetime) -> str:
    return f"{status_of(obj).get('readyReplicas', 0)}/{spec_of(obj).get('replicas', 0)}"


DEPLOYMENT = (
    NAME,
    Column("Ready", _ready_of_wanted),
    # Numbers, that the real server declares as text.
    replace(number("Up-to-date", "status", "updatedReplicas"), type="string"),
    replace(number("Available", "status", "availableReplicas"), type="string"),
    AGE,
    *containers_columns(*_POD_CONTAINERS),
    _SELECTOR,
)

REPLICA_SET = (
    NAME,
    number("Desired", "spec", "replicas"),
    number("Current", "status", "replicas"),
    number("Ready", "status", "readyReplicas"),
    AGE,
    *containers_columns(*_POD_CONTAINERS),
    _SELECTOR,
)

REPLICATION_CONTROLLER = (
    *REPLICA_SET[:-1],
    Column("Selector", lambda obj, _: labels_text(spec_of(obj).get("selector")), wide=True),
)

STATEFUL_SET = (
    NAME,
    Column("Ready", _ready_of_wanted),
    AGE,
    *containers_columns(*_POD_CONTAINERS),
)

DAEMON_SET = (
    NAME,
    number("Desired", "status", "desiredNumberScheduled"),
    number("Current", "status", "currentNumberScheduled"),
    number("Ready", "status", "numberReady"),
    number("Up-to-date", "status", "updatedNumberScheduled"),
    number("Available", "status", "numberAvailable"),
    _NODE_SELECTOR,
    AGE,
    *containers_columns(*_POD_CONTAINERS),
    _SELECTOR,
)


def _job_status(obj: Obj, _: datetime) -> str:
    for name, shown in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        found = condition(obj, name)
        if found and found.get("status") == "True":
            return shown
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for name, shown in (
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        found = condition(obj, name)
        if found and found.get("status") == "True":
            return shown
    return "Running"


def _completions(obj: Obj, _: datetime) -> str:
    done, spec = status_of(obj).get("succeeded", 0), spec_of(obj)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallelism = spec.get("parallelism", 0)
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _duration(obj: Obj, now: datetime) -> str:
    started, ended = status_of(obj).get("startTime"), status_of(obj).get("completionTime")
    if not started:
        return ""
    end = parse_timestamp(ended) if ended else now
    return ages.human(end - parse_timestamp(started))


JOB = (
    NAME,
    Column("Status", _job_status),
    Column("Completions", _completions),
    Column("Duration", _duration),
    AGE,
    *containers_columns(*_POD_CONTAINERS),
    _SELECTOR,
)


def _last_schedule(obj: Obj, now: datetime) -> str:
    moment = status_of(obj).get("lastScheduleTime")
    return ages.since(moment, now) if moment else NONE


CRON_JOB = (
    NAME,
    at("Schedule", "spec", "schedule"),
    at("Timezone", "spec", "timeZone"),
    Column("Suspend", lambda obj, _: str(bool(spec_of(obj).get("suspend"))), "boolean"),
    Column("Active", lambda obj, _: len(status_of(obj).get("active") or []), "integer"),
    Column("Last Schedule", _last_schedule),
    AGE,
    *containers_columns("spec", "jobTemplate", "spec", "template", "spec", "containers"),
    Column(
        "Selector",
        lambda obj, _: selector_text(dig(obj, "spec", "jobTemplate", "spec", "selector")),
        wide=True,
    ),
)
