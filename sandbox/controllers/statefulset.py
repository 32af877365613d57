"""StatefulSet: pods with stable names, made and removed in order.

Pod `web-2` is made once `web-0` and `web-1` are ready (at once under podManagementPolicy Parallel),
and removed first. An update replaces pods from the highest ordinal down to the partition. The
sandbox has no volumes to claim: each claim template becomes an emptyDir, which lives as long as its
pod.
"""

from collections.abc import Sequence
from datetime import datetime

from sandbox.controllers.actions import Action, Create, Delete, UpdateStatus
from sandbox.controllers.adopt import claim
from sandbox.controllers.objects import (
    Object,
    deleting,
    generation,
    labels,
    metadata,
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
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"


def decide(statefulset: Object, pods: Sequence[Object], now: datetime) -> list[Action]:
    claimed = claim(statefulset, spec(statefulset).get("selector"), pods)
    if claimed.actions:
        return list(claimed.actions)
    revision = f"{name(statefulset)}-{safe_hash(spec(statefulset).get('template'))}"
    by_ordinal = {n: pod for pod in claimed.owned if (n := ordinal(statefulset, pod)) is not None}
    actions: list[Action] = []
    if not deleting(statefulset):
        actions += _step(statefulset, by_ordinal, revision)
    after = calculate_status(statefulset, list(by_ordinal.values()), revision, now)
    if after != status(statefulset):
        actions.append(UpdateStatus(with_status(statefulset, after)))
    return actions


def ordinal(statefulset: Object, pod: Object) -> int | None:
    """The number at the end of the pod's name; None for a pod named otherwise."""
    prefix, _, number = name(pod).rpartition("-")
    return int(number) if prefix == name(statefulset) and number.isdigit() else None


def _first(statefulset: Object) -> int:
    return int((spec(statefulset).get("ordinals") or {}).get("start") or 0)


def _step(statefulset: Object, pods: dict[int, Object], revision: str) -> list[Action]:
    first, count = _first(statefulset), int(spec(statefulset).get("replicas", 1))
    wanted = range(first, first + count)
    parallel = spec(statefulset).get("podManagementPolicy") == "Parallel"
    actions: list[Action] = []
    for number in wanted:
        pod = pods.get(number)
        if pod is None:
            actions.append(Create(new_pod(statefulset, number, revision), statefulset))
        elif pod_finished(pod) and not deleting(pod):
            actions.append(Delete(pod))
        if not parallel and (pod is None or not (pod_ready(pod) and pod_active(pod))):
            return actions
    for number in sorted((n for n in pods if n not in wanted), reverse=True):
        if not deleting(pods[number]):
            actions.append(Delete(pods[number]))
        if not parallel:
            return actions
    return actions or _update(statefulset, pods, wanted, revision)


def _update(
    statefulset: Object, pods: dict[int, Object], wanted: range, revision: str
) -> list[Action]:
    strategy = spec(statefulset).get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return []
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    for number in reversed(wanted):
        if number - wanted.start < partition:
            return []
        pod = pods[number]
        if not pod_active(pod):
            return []
        if labels(pod).get(REVISION_LABEL) != revision:
            return [Delete(pod)]
        if not pod_ready(pod):
            return []
    return []


def new_pod(statefulset: Object, number: int, revision: str) -> Object:
    template: Object = spec(statefulset).get("template") or {}
    pod_name = f"{name(statefulset)}-{number}"
    marked = {REVISION_LABEL: revision, POD_NAME_LABEL: pod_name, INDEX_LABEL: str(number)}
    template = with_metadata(template, labels={**labels(template), **marked})
    made = pod_from_template(statefulset, template, name=pod_name)
    claims = [
        metadata(claim)["name"] for claim in spec(statefulset).get("volumeClaimTemplates") or []
    ]
    kept = [v for v in spec(made).get("volumes") or [] if v.get("name") not in claims]
    volumes = [*kept, *({"name": claim, "emptyDir": {}} for claim in claims)]
    made = with_spec(made, hostname=pod_name, **({"volumes": volumes} if volumes else {}))
    if service := spec(statefulset).get("serviceName"):
        made = with_spec(made, subdomain=service)
    return made


def calculate_status(
    statefulset: Object, pods: Sequence[Object], revision: str, now: datetime
) -> Object:
    patience = int(spec(statefulset).get("minReadySeconds") or 0)
    active = [pod for pod in pods if not pod_finished(pod)]
    updated = sum(labels(pod).get(REVISION_LABEL) == revision for pod in active)
    settled = updated == len(active) == int(spec(statefulset).get("replicas", 1))
    current = revision if settled else status(statefulset).get("currentRevision", revision)
    after: Object = {
        "observedGeneration": generation(statefulset),
        "replicas": len(active),
        "availableReplicas": sum(pod_available(pod, patience, now) for pod in active),
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    counts = {
        "readyReplicas": sum(pod_ready(pod) for pod in active),
        "updatedReplicas": updated,
        "currentReplicas": sum(labels(pod).get(REVISION_LABEL) == current for pod in active),
    }
    return after | {field: count for field, count in counts.items() if count}
