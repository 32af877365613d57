"""Requests and limits: the class of service they put a pod in, and the cgroup values they mean. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.node.objects import Object, containers, init_containers
from weft.quantities import parse_quantity, whole

_PERIOD = 100_000  # microseconds: the kubelet's cpu.cfs_period
_MINIMUM_QUOTA = 1_000
_MINIMUM_SHARES = 2
_COUNTED = ("cpu", "memory")


def amount(container: Mapping[str, Any], which: str, resource: str) -> Decimal | None:
    """A container's `requests` or `limits` of one resource. Raises QuantityError."""
    found = ((container.get("resources") or {}).get(which) or {}).get(resource)
    return None if found is None else parse_quantity(found)


def qos_class(pod: Object) -> str:
    """Guaranteed, Burstable or BestEffort, by the rules of v1.GetPodQOS."""
    everyone = [*containers(pod), *init_containers(pod)]
    if not any(_asked(one) for one in everyone):
        return "BestEffort"
    if all(_guaranteed(one) for one in everyone):
        return "Guaranteed"
    return "Burstable"


def oom_score_adj(pod: Object, container: Object, node_memory: int) -> int:
    """How readily the kernel ends it when memory is short: the less it asked for, the readier."""
    match qos_class(pod):
        case "Guaranteed":
            return -997
        case "BestEffort":
            return 1000
    asked = amount(container, "requests", "memory") or Decimal(0)
    return max(3, min(999, 1000 - int(1000 * asked / node_memory)))


def cgroup_resources(container: Object) -> Object:
    """The `linux.resources` object of a runtime spec."""
    resources: Object = {"devices": [{"allow": False, "access": "rwm"}]}
    if memory := amount(container, "limits", "memory"):
        resources["memory"] = {"limit": whole(memory)}
    cpu: Object = {}
    limit = amount(container, "limits", "cpu")
    request = amount(container, "requests", "cpu") or limit or Decimal(0)
    cpu["shares"] = max(_MINIMUM_SHARES, int(request * 1024))
    if limit:
        cpu |= {"quota": max(_MINIMUM_QUOTA, int(limit * _PERIOD)), "period": _PERIOD}
    resources["cpu"] = cpu
    return resources


def _asked(container: Object) -> bool:
    return any(
        amount(container, which, resource)
        for which in ("requests", "limits")
        for resource in _COUNTED
    )


def _guaranteed(container: Object) -> bool:
    for resource in _COUNTED:
        limit = amount(container, "limits", resource)
        request = amount(container, "requests", resource)
        if not limit or (request is not None and request != limit):
            return False
    return True
