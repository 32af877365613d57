"""What an update may not change, and the texts people know from it."""

from collections.abc import Iterator

from sandbox.apiserver import kinds
from sandbox.apiserver.errors import Cause, forbidden, invalid
from sandbox.apiserver.kinds import Kind, StorageKey
from sandbox.apiserver.objects import Obj, copied, dig, spec_of

FIELD_IS_IMMUTABLE = "field is immutable"

_PATHS: dict[StorageKey, tuple[tuple[str, ...], ...]] = {
    kinds.DEPLOYMENT.key: (("spec", "selector"),),
    kinds.REPLICA_SET.key: (("spec", "selector"),),
    kinds.DAEMON_SET.key: (("spec", "selector"),),
    kinds.JOB.key: (("spec", "selector"), ("spec", "template"), ("spec", "completionMode")),
    kinds.ENDPOINT_SLICE.key: (("addressType",),),
    kinds.SECRET.key: (("type",),),
    kinds.CUSTOM_RESOURCE_DEFINITION.key: (
        ("spec", "group"),
        ("spec", "names", "plural"),
        ("spec", "scope"),
    ),
    kinds.PRIORITY_CLASS.key: (("value",),),
}


def _finalizers(old: Obj, new: Obj) -> Iterator[Cause]:
    """What is on its way out can be held by nobody more."""
    if not dig(old, "metadata", "deletionTimestamp"):
        return
    before = dig(old, "metadata", "finalizers") or []
    added = [one for one in dig(new, "metadata", "finalizers") or [] if one not in before]
    if added:
        listed = ", ".join(f'"{one}"' for one in added)
        yield forbidden(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, found new finalizers"
            f" []string{{{listed}}}",
        )


def causes(kind: Kind, old: Obj, new: Obj) -> Iterator[Cause]:
    yield from _finalizers(old, new)
    if kind.custom:
        return
    for path in _PATHS.get(kind.key, ()):
        before, after = dig(old, *path), dig(new, *path)
        if before is not None and before != after:
            yield invalid(".".join(path), after, FIELD_IS_IMMUTABLE)
    if kind.key == kinds.SERVICE.key:
        yield from _cluster_ip(old, new)
    elif kind.key == kinds.POD.key:
        yield from _pod(old, new)
    elif kind.key == kinds.STATEFUL_SET.key:
        yield from _stateful_set(old, new)
    elif kind.key in (kinds.ROLE_BINDING.key, kinds.CLUSTER_ROLE_BINDING.key):
        if old.get("roleRef") != new.get("roleRef"):
            yield invalid("roleRef", new.get("roleRef"), "cannot change roleRef")
    elif kind.key in (kinds.CONFIG_MAP.key, kinds.SECRET.key) and old.get("immutable"):
        for field in ("data", "binaryData", "immutable"):
            if old.get(field) != new.get(field):
                yield forbidden(field, f"{FIELD_IS_IMMUTABLE} when `immutable` is set")


def _cluster_ip(old: Obj, new: Obj) -> Iterator[Cause]:
    """Only a change to or from ExternalName may change the address."""
    if "ExternalName" in (dig(old, "spec", "type"), dig(new, "spec", "type")):
        return
    before, after = dig(old, "spec", "clusterIP"), dig(new, "spec", "clusterIP")
    if before and before != after:
        yield invalid("spec.clusterIPs[0]", [after], "may not change once set")


_CHANGEABLE_OF_STATEFUL_SETS = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def _stateful_set(old: Obj, new: Obj) -> Iterator[Cause]:
    before, after = (
        {
            key: value
            for key, value in spec_of(one).items()
            if key not in _CHANGEABLE_OF_STATEFUL_SETS
        }
        for one in (old, new)
    )
    if before != after:
        *names, last = (f"'{one}'" for one in _CHANGEABLE_OF_STATEFUL_SETS)
        yield forbidden(
            "spec",
            f"updates to statefulset spec for fields other than {', '.join(names)} and {last} are"
            " forbidden",
        )


def _pod(old: Obj, new: Obj) -> Iterator[Cause]:
    if _pod_frozen(old) != _pod_frozen(new):
        yield forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only"
            " additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to"
            " be set to 1 if it was previously negative)",
        )


def _pod_frozen(pod: Obj) -> Obj:
    """The part of a pod's spec that never changes once it is created."""
    spec: Obj = copied(pod.get("spec") or {})
    for key in ("activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers"):
        spec.pop(key, None)
    for field in ("containers", "initContainers"):
        for one in spec.get(field) or []:
            one.pop("image", None)
            one.pop("resources", None)
    return spec
