"""The arithmetic of a rolling update: how many pods each ReplicaSet may have now.

The rules are those of Kubernetes' deployment controller (`pkg/controller/deployment`): surge rounds
up, unavailable rounds down, both zero means one unavailable; scaling during a rollout is shared in
proportion to the ReplicaSets' sizes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the pod count may stray from what is asked."""

    max_surge: int
    max_unavailable: int


@dataclass(frozen=True, slots=True)
class Size:
    """One ReplicaSet as the arithmetic sees it, oldest first in every sequence."""

    name: str
    replicas: int
    available: int
    max_replicas: int
    """replicas + surge of the Deployment when this size was last decided; 0 when unknown."""
    created: str = ""


def scaled(value: int | str, total: int, round_up: bool) -> int:
    """An IntOrString against ``total``: ``"25%"`` of 10 is 2.5, rounded as asked.

    Raises:
        ValueError: text that is no percentage.
    """
    if isinstance(value, int):
        return value
    if not (value.endswith("%") and value[:-1].isdigit()):
        raise ValueError(f"{value!r} is neither a number nor a percentage such as '25%'")
    share = int(value[:-1]) * total
    return -(-share // 100) if round_up else share // 100


def bounds(strategy: dict[str, Any], replicas: int) -> Bounds:
    """The Deployment's maxSurge and maxUnavailable in pods."""
    if strategy.get("type") == "Recreate":
        return Bounds(0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, min(unavailable, replicas))


def new_size(desired: int, limit: Bounds, new: Size, old: Sequence[Size]) -> int:
    """The new ReplicaSet's next size in a rolling update."""
    if new.replicas >= desired:
        return desired
    room = desired + limit.max_surge - new.replicas - sum(rs.replicas for rs in old)
    if room <= 0:
        return new.replicas
    return new.replicas + min(room, desired - new.replicas)


def old_sizes(desired: int, limit: Bounds, new: Size, old: Sequence[Size]) -> dict[str, int]:
    """The old ReplicaSets' next sizes: unhealthy pods go first, then as many as availability bears.

    Only those that change are in the answer.
    """
    everything = new.replicas + sum(rs.replicas for rs in old)
    min_available = desired - limit.max_unavailable
    unavailable_new = new.replicas - new.available
    budget = everything - min_available - unavailable_new
    if budget <= 0:
        return {}
    sizes = {rs.name: rs.replicas for rs in old}
    for rs in old:
        dead = min(budget, rs.replicas - rs.available)
        if dead > 0:
            sizes[rs.name] -= dead
            budget -= dead
    spare = new.available + sum(rs.available for rs in old) - min_available
    for rs in old:
        if spare <= 0:
            break
        gone = min(sizes[rs.name], spare)
        sizes[rs.name] -= gone
        spare -= gone
    return {rs.name: sizes[rs.name] for rs in old if sizes[rs.name] != rs.replicas}


def share_out(
    desired: int, limit: Bounds, active: Sequence[Size], was_max: int | None = None
) -> dict[str, int]:
    """Sizes after the Deployment was scaled in the midst of a rollout.

    The difference is spread over the active ReplicaSets in proportion to what they have; what
    rounding leaves over goes to the largest. ``was_max`` stands in for an unknown ``max_replicas``.
    """
    allowed = desired + limit.max_surge if desired > 0 else 0
    to_add = allowed - sum(rs.replicas for rs in active)
    by_age = sorted(active, key=lambda rs: rs.created, reverse=to_add > 0)
    by_size = sorted(by_age, key=lambda rs: rs.replicas, reverse=True)
    sizes: dict[str, int] = {}
    added = 0
    for rs in by_size:
        known = rs if rs.max_replicas else replace(rs, max_replicas=was_max or 0)
        part = _proportion(known, desired, limit, to_add - added) if to_add else 0
        sizes[rs.name] = rs.replicas + part
        added += part
    if by_size:
        largest = by_size[0].name
        sizes[largest] = max(0, sizes[largest] + to_add - added)
    return sizes


def _proportion(rs: Size, desired: int, limit: Bounds, left: int) -> int:
    if rs.replicas == 0 or left == 0:
        return 0
    if desired == 0:
        fraction = -rs.replicas
    else:
        whole = rs.max_replicas or desired + limit.max_surge
        exact = rs.replicas * (desired + limit.max_surge) / whole
        fraction = math.floor(exact + 0.5) - rs.replicas
    return min(fraction, left) if left > 0 else max(fraction, left)
