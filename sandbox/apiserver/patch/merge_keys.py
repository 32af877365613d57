"""How the lists of built-in kinds merge: by which keys, as sets, or not at all.

Kubernetes says it with struct tags (`patchMergeKey`, `listMapKey`); this is the same as a table.
Fields not named here are atomic. A strategic merge patch uses the first key only; server-side apply
uses all of them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListRule:
    keys: tuple[str, ...] = ()
    """The keys of a list of maps; empty for a set of scalars."""
    defaults: tuple[tuple[str, str], ...] = ()
    """What a key is when an entry does not say it."""


SET = ListRule()

_BY_FIELD: dict[str, ListRule] = {
    "addresses": ListRule(("type",)),
    "conditions": ListRule(("type",)),
    "containers": ListRule(("name",)),
    "env": ListRule(("name",)),
    "ephemeralContainers": ListRule(("name",)),
    "finalizers": SET,
    "hostAliases": ListRule(("ip",)),
    "hostIPs": ListRule(("ip",)),
    "imagePullSecrets": ListRule(("name",)),
    "initContainers": ListRule(("name",)),
    "matchConditions": ListRule(("name",)),
    "ownerReferences": ListRule(("uid",)),
    "podCIDRs": SET,
    "podIPs": ListRule(("ip",)),
    "resourceClaims": ListRule(("name",)),
    "schedulingGates": ListRule(("name",)),
    "secrets": ListRule(("name",)),
    "topologySpreadConstraints": ListRule(("topologyKey", "whenUnsatisfiable")),
    "volumeDevices": ListRule(("devicePath",)),
    "volumeMounts": ListRule(("mountPath",)),
    "volumes": ListRule(("name",)),
    "webhooks": ListRule(("name",)),
}

_PORTS: dict[str, ListRule] = {
    "containers": ListRule(("containerPort", "protocol"), (("protocol", "TCP"),)),
    "initContainers": ListRule(("containerPort", "protocol"), (("protocol", "TCP"),)),
    "ephemeralContainers": ListRule(("containerPort", "protocol"), (("protocol", "TCP"),)),
    "spec": ListRule(("port", "protocol"), (("protocol", "TCP"),)),
}
"""`ports` merges by different keys in a container and in a Service, and not at all elsewhere."""

_ATOMIC_IN: dict[str, frozenset[str]] = {
    "EndpointSlice": frozenset({"addresses"}),
    "NetworkPolicy": frozenset({"ports"}),
}

RETAIN_KEYS = frozenset({"strategy", "volumes"})
"""Unions: a patch may say which keys survive (`$retainKeys`), so that variants do not mix."""


def list_rule(kind: str, path: tuple[str, ...]) -> ListRule | None:
    """The rule for the list at `path` (field names, no indexes) of a `kind`; None: it is atomic."""
    field = path[-1]
    if field in _ATOMIC_IN.get(kind, frozenset()):
        return None
    if field == "ports":
        return _PORTS.get(path[-2]) if len(path) > 1 else None
    if field == "secrets" and kind != "ServiceAccount":
        return None
    return _BY_FIELD.get(field)
