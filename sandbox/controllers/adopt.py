"""Claiming children: a controller owns what its selector matches and nobody else owns.

Matching orphans are adopted; owned children that match no longer are released. (Kubernetes'
ControllerRefManager.)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.controllers.actions import Action, Update
from sandbox.controllers.objects import (
    Object,
    controlled_by,
    controller_of,
    controller_reference,
    deleting,
    labels,
    owner_references,
    pod_finished,
    selects,
    uid,
    with_metadata,
)


@dataclass(frozen=True, slots=True)
class Claimed:
    owned: tuple[Object, ...]
    actions: tuple[Action, ...]
    """Adoptions and releases; while there are any, what is owned is not settled."""


def claim(owner: Object, selector: dict[str, Any] | None, children: Iterable[Object]) -> Claimed:
    owned: list[Object] = []
    actions: list[Action] = []
    for child in children:
        matches = selects(selector, labels(child))
        if controlled_by(child, owner):
            if matches:
                owned.append(child)
            elif not deleting(owner):
                kept = [ref for ref in owner_references(child) if ref.get("uid") != uid(owner)]
                actions.append(Update(with_metadata(child, ownerReferences=kept)))
        elif matches and _adoptable(owner, child):
            refs = [*owner_references(child), controller_reference(owner)]
            actions.append(Update(with_metadata(child, ownerReferences=refs)))
    return Claimed(tuple(owned), tuple(actions))


def _adoptable(owner: Object, child: Object) -> bool:
    return (
        controller_of(child) is None
        and not deleting(owner)
        and not deleting(child)
        and not (child.get("kind") == "Pod" and pod_finished(child))
    )
