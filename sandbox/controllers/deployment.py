"""Deployment: which ReplicaSets there should be, and how large (Kubernetes' deployment controller).

`decide` makes one step: adopt, name the new ReplicaSet, then either scale (replicas changed, or
paused), recreate, or roll. Each step changes sizes once and lets the ReplicaSets' statuses lead to
the next; the status is always written from what was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.controllers import deployment_status, rollout
from sandbox.controllers.actions import Action, Again, Create, Delete, Event, Update, UpdateStatus
from sandbox.controllers.adopt import claim
from sandbox.controllers.objects import (
    HASH_LABEL,
    Object,
    annotations,
    controller_reference,
    created,
    deleting,
    labels,
    metadata,
    name,
    namespace,
    pod_finished,
    safe_hash,
    spec,
    status,
    with_metadata,
    with_spec,
    with_status,
)

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"

_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        REVISION_HISTORY,
        DESIRED,
        MAX,
    }
)


@dataclass(frozen=True, slots=True)
class View:
    """A Deployment with its ReplicaSets sorted into the new one and the old ones."""

    deployment: Object
    new: Object | None
    old: tuple[Object, ...]
    """Oldest first."""

    @property
    def all(self) -> tuple[Object, ...]:
        return self.old if self.new is None else (*self.old, self.new)

    @property
    def desired(self) -> int:
        return int(spec(self.deployment).get("replicas", 1))

    @property
    def limit(self) -> rollout.Bounds:
        return rollout.bounds(spec(self.deployment).get("strategy") or {}, self.desired)


def decide(
    deployment: Object, replicasets: Sequence[Object], pods: Sequence[Object], now: datetime
) -> list[Action]:
    """``replicasets`` and ``pods`` are those of the Deployment's namespace."""
    claimed = claim(deployment, spec(deployment).get("selector"), replicasets)
    if claimed.actions:
        return list(claimed.actions)
    view = sort(deployment, claimed.owned)
    if deleting(deployment):
        return _status(view, now)
    if _paused(deployment):
        return [*_scale(view), *_status(view, now)]
    if _was_scaled(view):
        return [*_merge(_revise(view), _scale(view)), *_status(view, now)]
    if view.new is None:
        return _begin(view, pods, now)
    step = _recreate(view) if _strategy(deployment) == "Recreate" else _roll(view)
    tidy = _forget(view) if not step and deployment_status.complete(view.deployment) else []
    return [*_merge(_revise(view), step), *tidy, *_status(view, now)]


def sort(deployment: Object, replicasets: Sequence[Object]) -> View:
    """Find the ReplicaSet of the present template; the oldest wins when there are several."""
    by_age = sorted(replicasets, key=lambda rs: (created(rs), name(rs)))
    hashed = template_hash(deployment)
    wanted = spec(deployment).get("template")
    new = next((rs for rs in by_age if labels(rs).get(HASH_LABEL) == hashed), None)
    if new is None:
        new = next((rs for rs in by_age if _template_without_hash(rs) == wanted), None)
    return View(deployment, new, tuple(rs for rs in by_age if rs is not new))


def template_hash(deployment: Object) -> str:
    return safe_hash(spec(deployment).get("template"))


def _template_without_hash(replicaset: Object) -> Object:
    template: Object = spec(replicaset).get("template") or {}
    kept = {k: v for k, v in labels(template).items() if k != HASH_LABEL}
    return with_metadata(template, labels=kept)


def _paused(deployment: Object) -> bool:
    return bool(spec(deployment).get("paused"))


def _strategy(deployment: Object) -> str:
    return str((spec(deployment).get("strategy") or {}).get("type") or "RollingUpdate")


def _replicas(replicaset: Object) -> int:
    return int(spec(replicaset).get("replicas", 1))


def _size(replicaset: Object) -> rollout.Size:
    noted = annotations(replicaset).get(MAX, "")
    return rollout.Size(
        name(replicaset),
        _replicas(replicaset),
        int(status(replicaset).get("availableReplicas") or 0),
        int(noted) if noted.isdigit() else 0,
        created(replicaset),
    )


def _was_scaled(view: View) -> bool:
    noted = (annotations(rs).get(DESIRED, "") for rs in view.all if _replicas(rs) > 0)
    return any(text.isdigit() and int(text) != view.desired for text in noted)


# --- the new ReplicaSet -----------------------------------------------------


def _begin(view: View, pods: Sequence[Object], now: datetime) -> list[Action]:
    """Create the ReplicaSet of the present template, under Recreate only once the old pods are
    gone."""
    deployment = view.deployment
    if _strategy(deployment) == "Recreate":
        shrink = _resized(view, {name(rs): 0 for rs in view.old})
        if shrink or _pods_left(view, pods):
            return [*shrink, *_status(view, now)]
        size = view.desired
    else:
        empty = rollout.Size("", 0, 0, 0)
        size = rollout.new_size(view.desired, view.limit, empty, [_size(rs) for rs in view.old])
    made = new_replicaset(view, size)
    reason, message = "NewReplicaSetCreated", f'Created new replica set "{name(made)}"'
    return [
        Create(made),
        _scaled_event(deployment, name(made), 0, size),
        UpdateStatus(deployment_status.progressing(deployment, reason, message, now)),
    ]


def _pods_left(view: View, pods: Sequence[Object]) -> bool:
    owners = {metadata(rs).get("uid") for rs in view.old}
    return any(
        ref.get("uid") in owners
        for pod in pods
        if not pod_finished(pod)
        for ref in metadata(pod).get("ownerReferences") or []
    )


def new_replicaset(view: View, size: int) -> Object:
    deployment, hashed = view.deployment, template_hash(view.deployment)
    template: Object = spec(deployment)["template"]
    labelled = {**labels(template), HASH_LABEL: hashed}
    selector: Object = spec(deployment).get("selector") or {}
    wanted: Object = {
        "replicas": size,
        "selector": {
            **selector,
            "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: hashed},
        },
        "template": with_metadata(template, labels=labelled),
    }
    if patience := spec(deployment).get("minReadySeconds"):
        wanted["minReadySeconds"] = patience
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name(deployment)}-{hashed}",
            "namespace": namespace(deployment),
            "labels": labelled,
            "annotations": {
                **_copied(deployment),
                **_size_notes(view),
                REVISION: str(_next_revision(view)),
            },
            "ownerReferences": [controller_reference(deployment)],
        },
        "spec": wanted,
    }


def _copied(deployment: Object) -> dict[str, str]:
    return {k: v for k, v in annotations(deployment).items() if k not in _NOT_COPIED}


def _size_notes(view: View) -> dict[str, str]:
    return {DESIRED: str(view.desired), MAX: str(view.desired + view.limit.max_surge)}


def revision(obj: Object) -> int:
    text = annotations(obj).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def _next_revision(view: View) -> int:
    return max((revision(rs) for rs in view.old), default=0) + 1


def _revise(view: View) -> list[Action]:
    """Keep the new ReplicaSet's revision the highest, and the Deployment's equal to it.

    A rollback finds an old ReplicaSet again: it moves to the top and remembers where it was.
    """
    if view.new is None:
        return []
    actions: list[Action] = []
    wanted = max(revision(view.new), _next_revision(view))
    noted = {**annotations(view.new), **_copied(view.deployment), REVISION: str(wanted)}
    if 0 < revision(view.new) < wanted:
        past = annotations(view.new).get(REVISION_HISTORY)
        noted[REVISION_HISTORY] = ",".join(filter(None, [past, str(revision(view.new))]))
    updated = with_metadata(view.new, annotations=noted)
    patience = int(spec(view.deployment).get("minReadySeconds") or 0)
    if int(spec(view.new).get("minReadySeconds") or 0) != patience:
        updated = with_spec(updated, minReadySeconds=patience)
    if updated != view.new:
        actions.append(Update(updated))
    if revision(view.deployment) != wanted:
        stamped = {**annotations(view.deployment), REVISION: str(wanted)}
        actions.append(Update(with_metadata(view.deployment, annotations=stamped)))
    return actions


def _merge(revised: list[Action], step: list[Action]) -> list[Action]:
    """Revisions first: an object that is revised is resized from its stored form next time."""
    return revised or step


# --- sizes ------------------------------------------------------------------


def _resized(view: View, sizes: dict[str, int]) -> list[Action]:
    """Bring these ReplicaSets, and their notes of what was asked, to these sizes."""
    actions: list[Action] = []
    for rs in (rs for rs in view.all if name(rs) in sizes):
        size, noted = sizes[name(rs)], {**annotations(rs), **_size_notes(view)}
        if size == _replicas(rs) and noted == annotations(rs):
            continue
        actions.append(Update(with_spec(with_metadata(rs, annotations=noted), replicas=size)))
        if size != _replicas(rs):
            actions.append(_scaled_event(view.deployment, name(rs), _replicas(rs), size))
    return actions


def _scaled_event(deployment: Object, replicaset: str, before: int, after: int) -> Event:
    way = "up" if after >= before else "down"
    text = f"Scaled {way} replica set {replicaset} from {before} to {after}"
    return Event(deployment, "Normal", "ScalingReplicaSet", text)


def _only(view: View, sizes: dict[str, int]) -> list[Action]:
    """The same, left alone where only the notes differ: a rollout at rest writes nothing."""
    changed = {name(rs) for rs in view.all if sizes.get(name(rs), _replicas(rs)) != _replicas(rs)}
    return _resized(view, {rs: size for rs, size in sizes.items() if rs in changed})


def _roll(view: View) -> list[Action]:
    """One step of a rolling update: grow the new, else shrink the old."""
    assert view.new is not None
    new, old = _size(view.new), [_size(rs) for rs in view.old]
    grown = rollout.new_size(view.desired, view.limit, new, old)
    if grown != new.replicas:
        return _only(view, {new.name: grown})
    return _only(view, rollout.old_sizes(view.desired, view.limit, new, old))


def _recreate(view: View) -> list[Action]:
    assert view.new is not None
    if shrink := _only(view, {name(rs): 0 for rs in view.old}):
        return shrink
    return _only(view, {name(view.new): view.desired})


def _scale(view: View) -> list[Action]:
    """The Deployment was scaled (or is paused): fit the sizes without rolling further."""
    active = [rs for rs in view.all if _replicas(rs) > 0]
    if len(active) <= 1:
        alone = active[0] if active else (view.new or (view.old[-1] if view.old else None))
        return _resized(view, {name(alone): view.desired}) if alone else []
    empty_old = {name(rs): 0 for rs in active if rs is not view.new}
    if view.new is not None and _saturated(view.new, view.desired):
        return _resized(view, empty_old)
    if _strategy(view.deployment) == "Recreate":
        return _resized(view, empty_old)
    was = status(view.deployment).get("replicas")
    sizes = rollout.share_out(view.desired, view.limit, [_size(rs) for rs in active], was)
    return _resized(view, sizes)


def _saturated(replicaset: Object, desired: int) -> bool:
    return (
        _replicas(replicaset) == desired
        and annotations(replicaset).get(DESIRED) == str(desired)
        and int(status(replicaset).get("availableReplicas") or 0) == desired
    )


# --- history and status -----------------------------------------------------


def _forget(view: View) -> list[Action]:
    """Old, empty, settled ReplicaSets beyond revisionHistoryLimit."""
    limit = spec(view.deployment).get("revisionHistoryLimit", 10)
    idle = [rs for rs in view.old if not deleting(rs)]
    surplus = max(0, len(idle) - int(limit))
    return [
        Delete(rs)
        for rs in sorted(idle, key=revision)[:surplus]
        if _replicas(rs) == 0 and not status(rs).get("replicas")
    ]


def _status(view: View, now: datetime) -> list[Action]:
    outcome = deployment_status.calculate(view.deployment, view.new, view.all, view.limit, now)
    actions: list[Action] = []
    if outcome.status != status(view.deployment):
        actions.append(UpdateStatus(with_status(view.deployment, outcome.status)))
    if outcome.look_again is not None:
        actions.append(Again(outcome.look_again))
    return actions
