"""Reading Kubernetes objects: the small questions every controller asks of a plain mapping.

The readers shared with the API server come under short names; what only controllers ask is here.
Objects are never mutated: functions that "change" one return a new mapping.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sandbox.apiserver.objects import (
    NAME_SUFFIX_ALPHABET,
    condition,
    controller_of,
    metadata,
    timestamp,
)
from sandbox.apiserver.objects import Obj as Object
from sandbox.apiserver.objects import annotations_of as annotations
from sandbox.apiserver.objects import is_deleting as deleting
from sandbox.apiserver.objects import labels_of as labels
from sandbox.apiserver.objects import name_of as name
from sandbox.apiserver.objects import namespace_of as namespace
from sandbox.apiserver.objects import owners_of as owner_references
from sandbox.apiserver.objects import parse_timestamp as parse_time
from sandbox.apiserver.objects import spec_of as spec
from sandbox.apiserver.objects import status_of as status
from sandbox.apiserver.objects import uid_of as uid

__all__ = [
    "HASH_LABEL",
    "Object",
    "annotations",
    "condition",
    "condition_true",
    "controlled_by",
    "controller_of",
    "controller_reference",
    "created",
    "deleting",
    "expression_holds",
    "generation",
    "labels",
    "metadata",
    "name",
    "namespace",
    "owner_references",
    "parse_time",
    "pod_active",
    "pod_available",
    "pod_finished",
    "pod_from_template",
    "pod_ready",
    "pod_restarts",
    "safe_hash",
    "selects",
    "set_condition",
    "spec",
    "status",
    "timestamp",
    "uid",
    "with_metadata",
    "with_spec",
    "with_status",
]

HASH_LABEL = "pod-template-hash"


def created(obj: Mapping[str, Any]) -> str:
    """The creation time as stored; RFC 3339 in UTC sorts as text."""
    return str(metadata(obj).get("creationTimestamp") or "")


def generation(obj: Mapping[str, Any]) -> int:
    return int(metadata(obj).get("generation") or 0)


def with_status(obj: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    return {**obj, "status": dict(new)}


def with_metadata(obj: Mapping[str, Any], **fields: Any) -> Object:
    return {**obj, "metadata": {**metadata(obj), **fields}}


def with_spec(obj: Mapping[str, Any], **fields: Any) -> Object:
    return {**obj, "spec": {**spec(obj), **fields}}


# --- ownership --------------------------------------------------------------


def controlled_by(obj: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    ref = controller_of(obj)
    return ref is not None and ref.get("uid") == uid(owner)


def controller_reference(owner: Mapping[str, Any]) -> Object:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name(owner),
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


# --- selectors --------------------------------------------------------------


def selects(selector: Mapping[str, Any] | None, wanted: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches these labels; the empty selector matches everything,
    the absent one nothing (apimachinery's LabelSelectorAsSelector)."""
    if selector is None:
        return False
    exact: Mapping[str, str] = selector.get("matchLabels") or {}
    if any(wanted.get(key) != value for key, value in exact.items()):
        return False
    return all(expression_holds(e, wanted) for e in selector.get("matchExpressions") or [])


def expression_holds(expression: Mapping[str, Any], present: Mapping[str, str]) -> bool:
    """One label or node selector requirement.

    Raises:
        ValueError: the operator is not one Kubernetes knows.
    """
    key, operator = expression["key"], expression["operator"]
    values = expression.get("values") or []
    match operator:
        case "In":
            return present.get(key) in values
        case "NotIn":
            return present.get(key) not in values
        case "Exists":
            return key in present
        case "DoesNotExist":
            return key not in present
        case "Gt" | "Lt":
            have, bound = present.get(key, ""), str(values[0])
            if not (have.lstrip("-").isdigit() and bound.lstrip("-").isdigit()):
                return False
            return int(have) > int(bound) if operator == "Gt" else int(have) < int(bound)
    raise ValueError(
        f"selector operator {operator!r}: allowed are In, NotIn, Exists, DoesNotExist, Gt, Lt"
    )


# --- conditions -------------------------------------------------------------


def condition_true(obj: Mapping[str, Any], kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def set_condition(conditions: Iterable[Object], new: Object, now: datetime) -> list[Object]:
    """The list with ``new`` in place of its type's old entry.

    An entry that says the same stays untouched (so that writing a status settles); the
    transition time moves only when the status does.
    """
    kept = list(conditions)
    stamped = {"lastUpdateTime": timestamp(now), "lastTransitionTime": timestamp(now), **new}
    for position, old in enumerate(kept):
        if old.get("type") != new["type"]:
            continue
        if all(old.get(field) == new.get(field) for field in ("status", "reason", "message")):
            return kept
        if old.get("status") == new["status"]:
            stamped["lastTransitionTime"] = old.get("lastTransitionTime", timestamp(now))
        kept[position] = stamped
        return kept
    return [*kept, stamped]


# --- pods -------------------------------------------------------------------


def pod_finished(pod: Mapping[str, Any]) -> bool:
    return status(pod).get("phase") in ("Succeeded", "Failed")


def pod_active(pod: Mapping[str, Any]) -> bool:
    return not pod_finished(pod) and not deleting(pod)


def pod_ready(pod: Mapping[str, Any]) -> bool:
    return condition_true(pod, "Ready")


def pod_available(pod: Mapping[str, Any], min_ready_seconds: int, now: datetime) -> bool:
    """Ready, and for at least ``min_ready_seconds``."""
    ready = condition(pod, "Ready")
    if ready is None or ready.get("status") != "True":
        return False
    since = ready.get("lastTransitionTime")
    if min_ready_seconds == 0 or since is None:
        return True
    return (now - parse_time(since)).total_seconds() >= min_ready_seconds


def pod_restarts(pod: Mapping[str, Any]) -> int:
    statuses = status(pod).get("containerStatuses") or []
    return max((int(c.get("restartCount") or 0) for c in statuses), default=0)


# --- templates --------------------------------------------------------------


def safe_hash(value: Any, length: int = 10) -> str:
    """A short name for any JSON value: equal values, equal names."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return "".join(
        NAME_SUFFIX_ALPHABET[byte % len(NAME_SUFFIX_ALPHABET)] for byte in digest[:length]
    )


def pod_from_template(owner: Mapping[str, Any], template: Mapping[str, Any], **meta: Any) -> Object:
    """A pod of ``owner`` by its template; ``meta`` says how it is named."""
    found = metadata(template)
    made: Object = {
        **meta,
        "namespace": namespace(owner),
        "ownerReferences": [controller_reference(owner)],
    }
    if labelled := found.get("labels"):
        made["labels"] = dict(labelled)
    if annotated := found.get("annotations"):
        made["annotations"] = dict(annotated)
    if finalizers := found.get("finalizers"):
        made["finalizers"] = list(finalizers)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec(template)}
