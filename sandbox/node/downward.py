"""The downward API: what a pod may learn about itself through variables and volumes. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sandbox.node.objects import (
    Object,
    containers,
    init_containers,
    metadata,
    name,
    namespace,
    service_account,
    uid,
)
from sandbox.node.resources import amount
from weft.quantities import parse_quantity, whole

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class FieldError(ValueError):
    """A fieldRef or resourceFieldRef that points nowhere."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What only the node knows about a pod."""

    node: str
    host_ip: str
    pod_ip: str
    allocatable: Mapping[str, Decimal] = field(default_factory=dict)
    """What a container without a limit may use at most: `cpu` in cores, `memory` in bytes."""


def field_value(pod: Object, path: str, facts: Facts) -> str:
    """The text of a `fieldRef`. Raises FieldError."""
    simple = {
        "metadata.name": name(pod),
        "metadata.namespace": namespace(pod),
        "metadata.uid": uid(pod),
        "spec.nodeName": facts.node,
        "spec.serviceAccountName": service_account(pod),
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
        "status.podIP": facts.pod_ip,
        "status.podIPs": facts.pod_ip,
    }
    if path in simple:
        return simple[path]
    if match := _SUBSCRIPT.fullmatch(path):
        return str((metadata(pod).get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = metadata(pod).get(path.removeprefix("metadata.")) or {}
        return "\n".join(f"{key}={_quoted(pairs[key])}" for key in sorted(pairs))
    raise FieldError(
        f"unsupported fieldPath: {path}: allowed are {', '.join(simple)}, metadata.labels, "
        "metadata.annotations and their subscripts such as metadata.labels['app']"
    )


def resource_value(
    pod: Object, container: Object, reference: Mapping[str, Any], facts: Facts
) -> str:
    """The text of a `resourceFieldRef`, rounded up to its divisor. Raises FieldError, QuantityError."""
    which, _, resource = str(reference.get("resource", "")).partition(".")
    if which not in ("limits", "requests") or not resource:
        raise FieldError(f"unsupported resource: {reference.get('resource')}")
    named = reference.get("containerName")
    if named and named != container.get("name"):
        container = _container(pod, str(named))
    value = amount(container, which, resource)
    if not value:
        value = facts.allocatable.get(resource, Decimal(0)) if which == "limits" else Decimal(0)
    divisor = parse_quantity(str(reference.get("divisor") or "1")) or Decimal(1)
    return str(whole(value / divisor))


def _container(pod: Object, wanted: str) -> Object:
    for one in [*containers(pod), *init_containers(pod)]:
        if one.get("name") == wanted:
            return one
    raise FieldError(f"container {wanted} not found")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
