"""DaemonSet: one pod on every node that will have it; updates replace a pod at a time."""

from collections.abc import Sequence
from datetime import datetime

from sandbox.controllers import schedule
from sandbox.controllers.actions import Action, Create, Delete, UpdateStatus
from sandbox.controllers.adopt import claim
from sandbox.controllers.objects import (
    Object,
    deleting,
    generation,
    labels,
    name,
    pod_active,
    pod_available,
    pod_finished,
    pod_from_template,
    pod_ready,
    safe_hash,
    spec,
    status,
    with_metadata,
    with_spec,
    with_status,
)

REVISION_LABEL = "controller-revision-hash"

_TOLERATED = [
    {"key": f"node.kubernetes.io/{condition}", "operator": "Exists", "effect": effect}
    for condition, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


def decide(
    daemonset: Object, pods: Sequence[Object], nodes: Sequence[Object], now: datetime
) -> list[Action]:
    claimed = claim(daemonset, spec(daemonset).get("selector"), pods)
    if claimed.actions:
        return list(claimed.actions)
    revision = safe_hash(spec(daemonset).get("template"))
    template = new_pod(daemonset, revision)
    wanted = [node for node in nodes if schedule.refuses(node, template) is None]
    actions: list[Action] = []
    if not deleting(daemonset):
        actions += _fit(daemonset, claimed.owned, {name(node) for node in wanted}, template)
        if not actions and _rolls(daemonset):
            actions += _replace_one(claimed.owned, revision)
    after = calculate_status(daemonset, claimed.owned, len(wanted), revision, now)
    if after != status(daemonset):
        actions.append(UpdateStatus(with_status(daemonset, after)))
    return actions


def new_pod(daemonset: Object, revision: str) -> Object:
    template: Object = spec(daemonset).get("template") or {}
    template = with_metadata(template, labels={**labels(template), REVISION_LABEL: revision})
    made = pod_from_template(daemonset, template, generateName=f"{name(daemonset)}-")
    tolerations = [*(spec(made).get("tolerations") or []), *_TOLERATED]
    return with_spec(made, tolerations=tolerations)


def _fit(
    daemonset: Object, pods: Sequence[Object], wanted: set[str], template: Object
) -> list[Action]:
    actions: list[Action] = [Delete(p) for p in pods if pod_finished(p) and not deleting(p)]
    held: set[str] = set()
    for pod in pods:
        node = str(spec(pod).get("nodeName") or "")
        if pod_finished(pod):
            continue
        if not deleting(pod) and node and (node not in wanted or node in held):
            actions.append(Delete(pod))
        held.add(node)
    # A pod not placed yet, or one still leaving, stands for its node.
    if "" in held or not wanted - held:
        return actions
    return actions + [Create(template, daemonset) for _ in wanted - held]


def _rolls(daemonset: Object) -> bool:
    strategy = spec(daemonset).get("updateStrategy") or {}
    return bool(strategy.get("type", "RollingUpdate") == "RollingUpdate")


def _replace_one(pods: Sequence[Object], revision: str) -> list[Action]:
    if any(deleting(pod) for pod in pods):
        return []
    stale = [pod for pod in pods if labels(pod).get(REVISION_LABEL) != revision]
    return [Delete(stale[0])] if stale else []


def calculate_status(
    daemonset: Object, pods: Sequence[Object], wanted: int, revision: str, now: datetime
) -> Object:
    patience = int(spec(daemonset).get("minReadySeconds") or 0)
    active = [pod for pod in pods if pod_active(pod)]
    available = sum(pod_available(pod, patience, now) for pod in active)
    after: Object = {
        "currentNumberScheduled": min(len(active), wanted),
        "desiredNumberScheduled": wanted,
        "numberMisscheduled": max(0, len(active) - wanted),
        "numberReady": sum(pod_ready(pod) for pod in active),
        "observedGeneration": generation(daemonset),
    }
    counts = {
        "numberAvailable": available,
        "numberUnavailable": max(0, wanted - available),
        "updatedNumberScheduled": sum(
            labels(pod).get(REVISION_LABEL) == revision for pod in active
        ),
    }
    return after | {field: count for field, count in counts.items() if count}
