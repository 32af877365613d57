"""Which webhooks want to see a write. Pure: configurations and a write in, webhooks out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sandbox.apiserver.admission.attributes import Attributes
from sandbox.apiserver.kinds import (
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    VALIDATING_WEBHOOK_CONFIGURATION,
)
from sandbox.apiserver.objects import Obj, labels_of, name_of
from sandbox.apiserver.selectors import labels_from_object

NEVER_REVIEWED = {MUTATING_WEBHOOK_CONFIGURATION.key, VALIDATING_WEBHOOK_CONFIGURATION.key}
"""Else a broken webhook could not be taken away."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One entry of a configuration's `webhooks`, defaults filled in."""

    configuration: str
    name: str
    entry: Obj

    @property
    def ignores_failure(self) -> bool:
        return bool(self.entry.get("failurePolicy") == "Ignore")

    @property
    def asks_again(self) -> bool:
        """Whether it wants to see an object again that others changed after it."""
        return bool(self.entry.get("reinvocationPolicy") == "IfNeeded")

    @property
    def timeout(self) -> float:
        """Seconds."""
        return float(self.entry.get("timeoutSeconds") or 10)


def wanted(
    configurations: Sequence[Obj], write: Attributes, namespace: Obj | None
) -> Iterator[Webhook]:
    """The webhooks to call, in the order of configuration names and entries.

    `namespace` is the object of the write's namespace, None for cluster-wide kinds.
    """
    if write.kind.key in NEVER_REVIEWED:
        return
    for configuration in sorted(configurations, key=name_of):
        for entry in configuration.get("webhooks") or []:
            if (
                any(_rule_matches(rule, write) for rule in entry.get("rules") or [])
                and _namespace_selected(entry, write, namespace)
                and _object_selected(entry, write)
            ):
                yield Webhook(name_of(configuration), entry["name"], entry)


def _rule_matches(rule: Mapping[str, list[str]], write: Attributes) -> bool:
    kind = write.kind
    resource = f"{kind.plural}/{write.subresource}" if write.subresource else kind.plural
    return (
        _listed(write.operation, rule.get("operations"))
        and _listed(kind.group, rule.get("apiGroups"))
        and _listed(kind.version, rule.get("apiVersions"))
        and _resource_matches(resource, rule.get("resources") or [])
        and rule.get("scope", "*") in ("*", "Namespaced" if kind.namespaced else "Cluster")
    )


def _listed(value: str, allowed: Sequence[str] | None) -> bool:
    return "*" in (allowed or ()) or value in (allowed or ())


def _resource_matches(resource: str, patterns: Sequence[str]) -> bool:
    plural, _, subresource = resource.partition("/")
    for pattern in patterns:
        wanted_plural, slash, wanted_sub = pattern.partition("/")
        if wanted_plural not in ("*", plural):
            continue
        if slash:
            if wanted_sub in ("*", subresource):
                return True
        elif not subresource:
            return True
    return False


def _namespace_selected(entry: Obj, write: Attributes, namespace: Obj | None) -> bool:
    selector = labels_from_object(entry.get("namespaceSelector"))
    if selector.everything:
        return True
    if write.kind.key == NAMESPACE.key:
        namespace = write.object or write.old
    if namespace is None:
        return True
    return selector.matches(labels_of(namespace))


def _object_selected(entry: Obj, write: Attributes) -> bool:
    selector = labels_from_object(entry.get("objectSelector"))
    if selector.everything:
        return True
    candidates = [one for one in (write.object, write.old) if one is not None]
    return any(selector.matches(labels_of(one)) for one in candidates)
