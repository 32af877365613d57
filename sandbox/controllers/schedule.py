"""Which node a pod goes to: the one there is, unless its selectors or the taints forbid it."""

from collections.abc import Sequence
from datetime import datetime

from sandbox.controllers.actions import Action, Bind, UpdateStatus
from sandbox.controllers.objects import (
    Object,
    deleting,
    expression_holds,
    labels,
    name,
    set_condition,
    spec,
    status,
    with_status,
)

DEFAULT_SCHEDULER = "default-scheduler"


def decide(pod: Object, nodes: Sequence[Object], now: datetime) -> list[Action]:
    """Bind the pod to the first node that will have it, or say why none will."""
    ours = spec(pod).get("schedulerName", DEFAULT_SCHEDULER) == DEFAULT_SCHEDULER
    if spec(pod).get("nodeName") or deleting(pod) or not ours:
        return []
    if gates := spec(pod).get("schedulingGates"):
        names = ", ".join(str(gate.get("name")) for gate in gates)
        return _unscheduled(pod, "SchedulingGated", f"Scheduling is blocked by gates: {names}", now)
    refusals: list[str] = []
    for node in nodes:
        refusal = refuses(node, pod)
        if refusal is None:
            return [Bind(pod, name(node))]
        refusals.append(refusal)
    reasons = ", ".join(f"{refusals.count(text)} {text}" for text in sorted(set(refusals)))
    text = f"0/{len(nodes)} nodes are available: {reasons}."
    if not nodes:
        text = "no nodes available to schedule pods"
    return _unscheduled(pod, "Unschedulable", text, now)


def _unscheduled(pod: Object, reason: str, message: str, now: datetime) -> list[Action]:
    entry = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    before = status(pod).get("conditions") or []
    after = set_condition(before, entry, now)
    if after == before:
        return []
    return [UpdateStatus(with_status(pod, {**status(pod), "conditions": after}))]


def refuses(node: Object, pod: Object) -> str | None:
    """Why this node will not have the pod, in the scheduler's words; None when it will."""
    selector = spec(pod).get("nodeSelector") or {}
    if not selector.items() <= labels(node).items() or not _affine(node, pod):
        return "node(s) didn't match Pod's node affinity/selector"
    tolerations = spec(pod).get("tolerations") or []
    taints = list(spec(node).get("taints") or [])
    if spec(node).get("unschedulable"):
        unschedulable = "node.kubernetes.io/unschedulable"
        if not any(t.get("key") == unschedulable for t in taints):
            taints.append({"key": unschedulable, "effect": "NoSchedule"})
    for taint in taints:
        if taint.get("effect") == "PreferNoSchedule":
            continue
        if not any(tolerates(toleration, taint) for toleration in tolerations):
            value = f": {taint['value']}" if taint.get("value") else ": "
            return f"node(s) had untolerated taint {{{taint['key']}{value}}}"
    return None


def _affine(node: Object, pod: Object) -> bool:
    """Required node affinity: any term, in which every expression holds."""
    affinity = (spec(pod).get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    present, fields = labels(node), {"metadata.name": name(node)}
    for term in required.get("nodeSelectorTerms") or []:
        by_label, by_field = term.get("matchExpressions") or [], term.get("matchFields") or []
        if not by_label and not by_field:
            continue
        if all(expression_holds(e, present) for e in by_label) and all(
            expression_holds(e, fields) for e in by_field
        ):
            return True
    return False


def tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if not toleration.get("key"):
        return bool(toleration.get("operator") == "Exists")
    if toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool((toleration.get("value") or "") == (taint.get("value") or ""))
