"""What the status of routes, EgressNetworks and rate limits should say. Pure.

The form, names and reasons are those of Linkerd's policy controller: a route's status has an entry
for each parent, with the name of the controller that wrote it. Entries of other controllers stay.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from destination.index import Reader
from destination.policy.attach import Verdict, accepted, egress_accepted, resolved
from destination.policy.limits import limit_accepted
from destination.policy.model import RateLimit
from destination.policy.route import SERVER, EgressNetwork, Parent, Route
from kit.kube.objects import Object, mapping, sequence
from weft.addresses import IPNetwork

CONTROLLER = "linkerd.io/policy-controller"
Conditions = tuple[tuple[str, Verdict], ...]
"""By type of condition."""


# -- what should be said -------------------------------------------------------------------------
def route_conditions(
    reader: Reader, route: Route, cluster: tuple[IPNetwork, ...]
) -> tuple[tuple[Parent, Conditions], ...]:
    """Of each parent that is ours to serve."""
    return tuple(
        (parent, _of_parent(reader, route, parent, cluster))
        for parent in route.parents
        if parent.known
    )


def _of_parent(
    reader: Reader, route: Route, parent: Parent, cluster: tuple[IPNetwork, ...]
) -> Conditions:
    attached = ("Accepted", accepted(reader, route, parent, cluster))
    if parent.kind == SERVER:
        return (attached,)
    return attached, ("ResolvedRefs", resolved(reader, route, parent))


def egress_conditions(network: EgressNetwork, cluster: tuple[IPNetwork, ...]) -> Conditions:
    return (("Accepted", egress_accepted(network, cluster)),)


def limit_conditions(reader: Reader, limit: RateLimit) -> Conditions:
    return (("Accepted", limit_accepted(reader, limit)),)


# -- as Kubernetes writes it ---------------------------------------------------------------------
def route_status(
    wanted: Sequence[tuple[Parent, Conditions]], current: Mapping[str, Any], now: str
) -> Object | None:
    """The status a route should have; None when it has it. `now` is for what changes."""
    entries = [mapping(one) for one in sequence(current.get("parents"))]
    ours = [one for one in entries if one.get("controllerName") == CONTROLLER]
    made = []
    for parent, conditions in wanted:
        reference = _reference(parent)
        before = next((one for one in ours if one.get("parentRef") == reference), {})
        entry = {
            "parentRef": reference,
            "controllerName": CONTROLLER,
            "conditions": _conditions(conditions, before, now),
        }
        made.append(entry)
    if made == ours:
        return None
    others = [dict(one) for one in entries if one.get("controllerName") != CONTROLLER]
    return {"parents": [*others, *made]}


def own_status(
    conditions: Conditions, current: Mapping[str, Any], now: str, **more: Any
) -> Object | None:
    """The status of an object that is ours alone; None when it has it."""
    made = {"conditions": _conditions(conditions, current, now), **more}
    return None if made == current else made


def _reference(parent: Parent) -> Object:
    reference: Object = {
        "group": parent.group,
        "kind": parent.kind,
        "namespace": parent.key.namespace,
        "name": parent.key.name,
    }
    return {**reference, "port": parent.port} if parent.port else reference


def _conditions(wanted: Conditions, current: Mapping[str, Any], now: str) -> list[Object]:
    before = {one.get("type"): one for one in map(mapping, sequence(current.get("conditions")))}
    return [_condition(kind, verdict, before.get(kind, {}), now) for kind, verdict in wanted]


def _condition(kind: str, verdict: Verdict, before: Mapping[str, Any], now: str) -> Object:
    """The time is that of the last change of `status`, as Kubernetes wants it.

    A condition without a message that says the same is left as it is: Linkerd's controller, where
    both run in one cluster, writes none, and the two must not take turns.
    """
    status = "True" if verdict.holds else "False"
    same = before.get("status") == status
    if same and before.get("reason") == verdict.reason and not before.get("message"):
        message = ""
    else:
        message = verdict.message
    return {
        "type": kind,
        "status": status,
        "reason": verdict.reason,
        "message": message,
        "lastTransitionTime": str(before["lastTransitionTime"]) if same else now,
    }
