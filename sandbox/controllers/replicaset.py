"""ReplicaSet and ReplicationController: as many pods as asked, and which ones go first when there are too many.

The two differ in how they write their selector; Kubernetes runs one through the other's controller as well.
"""

from collections.abc import Sequence
from datetime import datetime

from sandbox.controllers.actions import Action, Again, Create, Delete, Event, UpdateStatus
from sandbox.controllers.adopt import claim
from sandbox.controllers.objects import (
    Object,
    annotations,
    condition,
    created,
    deleting,
    generation,
    labels,
    name,
    parse_time,
    pod_active,
    pod_available,
    pod_from_template,
    pod_ready,
    pod_restarts,
    set_condition,
    spec,
    status,
    with_status,
)

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASE_ORDER = {"Pending": 0, "Unknown": 1, "Running": 2}


def decide(replicaset: Object, pods: Sequence[Object], now: datetime) -> list[Action]:
    """``pods`` are those of the ReplicaSet's namespace."""
    claimed = claim(replicaset, _selector(replicaset), pods)
    if claimed.actions:
        return list(claimed.actions)
    active = [pod for pod in claimed.owned if pod_active(pod)]
    actions: list[Action] = []
    after = calculate_status(replicaset, active, now)
    if after != status(replicaset):  # first: a refused creation must not hide the counts
        actions.append(UpdateStatus(with_status(replicaset, after)))
    if not deleting(replicaset):
        actions += _fit(replicaset, active, now)
    if (wait := _until_available(replicaset, active, now)) is not None:
        actions.append(Again(wait))
    return actions


def _selector(replicaset: Object) -> Object | None:
    selector: Object | None = spec(replicaset).get("selector")
    if selector and replicaset["kind"] == "ReplicationController":
        return {"matchLabels": selector}
    return selector


def _fit(replicaset: Object, active: Sequence[Object], now: datetime) -> list[Action]:
    wanted = int(spec(replicaset).get("replicas", 1))
    missing = wanted - len(active)
    if missing >= 0:
        return [Create(new_pod(replicaset), replicaset) for _ in range(missing)]
    actions: list[Action] = []
    for pod in scale_down_order(active, now)[:-missing]:
        actions.append(Delete(pod))
        text = f"Deleted pod: {name(pod)}"
        actions.append(Event(replicaset, "Normal", "SuccessfulDelete", text))
    return actions


def new_pod(replicaset: Object) -> Object:
    template: Object = spec(replicaset).get("template") or {}
    return pod_from_template(replicaset, template, generateName=f"{name(replicaset)}-")


def scale_down_order(pods: Sequence[Object], now: datetime) -> list[Object]:
    """The pods, first to go first: those that do least, are cheapest or youngest.

    Kubernetes' ActivePodsWithRanks, less the ranking by node: there is one node.
    """

    def rank(pod: Object) -> tuple[int | float, ...]:
        since = (condition(pod, "Ready") or {}).get("lastTransitionTime")
        ready_for = (now - parse_time(since)).total_seconds() if since and pod_ready(pod) else 0
        age = (now - parse_time(created(pod))).total_seconds() if created(pod) else 0
        return (
            1 if spec(pod).get("nodeName") else 0,
            _PHASE_ORDER.get(status(pod).get("phase", "Pending"), 0),
            1 if pod_ready(pod) else 0,
            deletion_cost(pod),
            ready_for,
            -pod_restarts(pod),
            age,
        )

    return sorted(pods, key=lambda pod: (rank(pod), name(pod)))


def deletion_cost(pod: Object) -> int:
    """What the pod's annotation says; text that is no number counts as none, as in Kubernetes."""
    text = annotations(pod).get(DELETION_COST, "0")
    return int(text) if text.removeprefix("-").isdigit() else 0


def calculate_status(replicaset: Object, active: Sequence[Object], now: datetime) -> Object:
    patience = int(spec(replicaset).get("minReadySeconds") or 0)
    template_labels = labels(spec(replicaset).get("template") or {}).items()
    counts = {
        "fullyLabeledReplicas": sum(template_labels <= labels(pod).items() for pod in active),
        "readyReplicas": sum(pod_ready(pod) for pod in active),
        "availableReplicas": sum(pod_available(pod, patience, now) for pod in active),
    }
    after: Object = {"replicas": len(active), "observedGeneration": generation(replicaset)}
    after |= {field: count for field, count in counts.items() if count}
    wanted = int(spec(replicaset).get("replicas", 1))
    conditions = list(status(replicaset).get("conditions") or [])
    if len(active) == wanted:
        conditions = [c for c in conditions if c.get("type") != "ReplicaFailure"]
    if conditions:
        after["conditions"] = conditions
    return after


def with_failure(replicaset: Object, message: str, now: datetime) -> Object:
    """The ReplicaSet saying why a pod could not be created."""
    entry = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": message,
    }
    conditions = set_condition(status(replicaset).get("conditions") or [], entry, now)
    after = {"replicas": 0, **status(replicaset), "conditions": conditions}
    return with_status(replicaset, {**after, "observedGeneration": generation(replicaset)})


def _until_available(replicaset: Object, active: Sequence[Object], now: datetime) -> float | None:
    """Seconds until the next ready pod has been so for minReadySeconds."""
    patience = int(spec(replicaset).get("minReadySeconds") or 0)
    if patience == 0:
        return None
    waits = []
    for pod in active:
        since = (condition(pod, "Ready") or {}).get("lastTransitionTime")
        if since and pod_ready(pod) and not pod_available(pod, patience, now):
            waits.append(patience - (now - parse_time(since)).total_seconds())
    return min(waits, default=None)
