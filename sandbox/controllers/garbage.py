"""Owner references: children go when their owners have gone.

Background: the owner is gone, then its children. Foreground: the owner stays, marked, until the
children that block it are gone. Orphan: the children are let go of first. An object with several
owners stays while one of them lives. (Kubernetes' garbage collector.)
"""

from collections.abc import Mapping, Sequence

from sandbox.controllers.actions import Action, Delete, Update
from sandbox.controllers.objects import (
    Object,
    deleting,
    metadata,
    owner_references,
    uid,
    with_metadata,
)

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


def decide(obj: Object, owners: Mapping[str, Object], children: Sequence[Object]) -> list[Action]:
    """``owners`` are those of the object's owners that exist, by uid; ``children`` name it owner."""
    finalizers = metadata(obj).get("finalizers") or []
    if deleting(obj) and ORPHAN in finalizers:
        return [*_let_go(obj, children), _without(obj, ORPHAN)]
    if deleting(obj) and FOREGROUND in finalizers:
        return _wait_for(obj, children)
    return _bereaved(obj, owners)


def _let_go(owner: Object, children: Sequence[Object]) -> list[Action]:
    return [Update(_disowned(child, {uid(owner)})) for child in children]


def _disowned(child: Object, gone: set[str]) -> Object:
    kept = [ref for ref in owner_references(child) if ref.get("uid") not in gone]
    return with_metadata(child, ownerReferences=kept)


def _without(obj: Object, finalizer: str) -> Update:
    kept = [f for f in metadata(obj).get("finalizers") or [] if f != finalizer]
    return Update(with_metadata(obj, finalizers=kept))


def _wait_for(owner: Object, children: Sequence[Object]) -> list[Action]:
    """Delete the children; the owner goes once none is left that blocks it."""
    blocking = [child for child in children if _blocks(owner, child)]
    actions: list[Action] = [
        Delete(child, "Foreground") for child in children if not deleting(child)
    ]
    return actions if blocking else [*actions, _without(owner, FOREGROUND)]


def _blocks(owner: Object, child: Object) -> bool:
    return any(
        ref.get("uid") == uid(owner) and ref.get("blockOwnerDeletion")
        for ref in owner_references(child)
    )


def _bereaved(obj: Object, owners: Mapping[str, Object]) -> list[Action]:
    named = [str(ref.get("uid")) for ref in owner_references(obj)]
    if not named or deleting(obj):
        return []
    gone = {ref for ref in named if ref not in owners}
    leaving = {
        ref
        for ref in named
        if ref in owners
        and deleting(owners[ref])
        and FOREGROUND in (metadata(owners[ref]).get("finalizers") or [])
    }
    if len(gone) + len(leaving) == len(named):
        return [Delete(obj, "Foreground" if leaving else "Background")]
    return [Update(_disowned(obj, gone))] if gone else []
