"""PodDisruptionBudgets: how many of the pods may be evicted now, as the eviction of a pod asks.

The rules are those of Kubernetes' disruption controller (`pkg/controller/disruption`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.controllers.actions import Action, UpdateStatus
from sandbox.controllers.objects import (
    Object,
    condition,
    controller_of,
    deleting,
    generation,
    pod_ready,
    spec,
    status,
    timestamp,
    with_status,
)
from sandbox.controllers.rollout import scaled


def decide(
    budget: Object, pods: Sequence[Object], replicas: Mapping[str, int], now: datetime
) -> list[Action]:
    """`pods` are those it selects; `replicas` how many their controllers want, by the controllers' uids."""
    expected, desired = _counts(spec(budget), pods, replicas)
    healthy = sum(pod_ready(pod) and not deleting(pod) for pod in pods)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    before = status(budget)
    wanted = {
        **before,
        "conditions": [_condition(budget, allowed > 0, now)],
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": generation(budget),
    }
    return [] if wanted == before else [UpdateStatus(with_status(budget, wanted))]


def _counts(
    wanted: Mapping[str, Any], pods: Sequence[Object], replicas: Mapping[str, int]
) -> tuple[int, int]:
    """How many pods there should be, and how many must be healthy."""
    owners = {str(owner["uid"]) for pod in pods if (owner := controller_of(pod))}
    scale = sum(replicas.get(uid, 0) for uid in owners)
    if (most := wanted.get("maxUnavailable")) is not None:
        return scale, max(scale - scaled(most, scale, round_up=True), 0)
    least = wanted.get("minAvailable", 1)
    if isinstance(least, int):
        return len(pods), least
    return scale, scaled(least, scale, round_up=True)


def _condition(budget: Object, may: bool, now: datetime) -> Object:
    made = {
        "type": "DisruptionAllowed",
        "status": "True" if may else "False",
        "reason": "SufficientPods" if may else "InsufficientPods",
        "message": "",
        "observedGeneration": generation(budget),
        "lastTransitionTime": timestamp(now),
    }
    before = condition(budget, "DisruptionAllowed")
    if before is not None and before.get("status") == made["status"]:
        made["lastTransitionTime"] = before["lastTransitionTime"]
    return made
