"""Clearing away pods nobody will: those of a node that is gone, and those never placed."""

from collections.abc import Set as AbstractSet

from sandbox.controllers.actions import Action, Delete
from sandbox.controllers.objects import Object, deleting, spec


def decide(pod: Object, nodes: AbstractSet[str]) -> list[Action]:
    node = spec(pod).get("nodeName")
    orphaned = bool(node) and bool(nodes) and node not in nodes
    never_placed = deleting(pod) and not node
    return [Delete(pod, grace_seconds=0)] if orphaned or never_placed else []
