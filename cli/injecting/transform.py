"""One object in, one changed object and a line of the report out.

Without `manual`, only annotations are written and the webhook adds the proxy when the pod is created;
with it, the containers are written here, by the same library.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, cast

from cli.injecting.documents import Manifest, ManifestError, Place
from cli.injecting.report import Row
from cli.injecting.workloads import Named, is_list, list_items, misspelt, named, pod_of
from proxy_injector.annotations import AnnotationError, apply_annotations, unknown_annotations
from proxy_injector.decide import Decision, Reason, decide
from proxy_injector.defaults import ControlPlane, Mesh, ProxySettings
from proxy_injector.ending import never_ends
from proxy_injector.patch import Operations, pod_patch
from proxy_injector.pod import Json, MalformedObject, mapping_at, strings_at
from proxy_injector.sidecar import Owner, build
from weft import labels


@dataclass(frozen=True, slots=True)
class Manual:
    """What writing the containers here needs to know of the mesh."""

    mesh: Mesh
    settings: ProxySettings
    native_available: bool
    created_by: str


@dataclass(frozen=True, slots=True)
class Injection:
    """What the flags of one run ask for."""

    annotations: Mapping[str, str]
    """Written on every workload and namespace."""
    manual: Manual | None = None

    def over(self, written: Mapping[str, str]) -> Mapping[str, str]:
        """What to write over an object's own: `enabled` is no word against its ingress mode, which injects too."""
        wanted, own = self.annotations.get(labels.INJECT), written.get(labels.INJECT)
        if wanted == labels.INJECT_ENABLED and own == labels.INJECT_INGRESS:
            return {**self.annotations, labels.INJECT: labels.INJECT_INGRESS}
        return self.annotations


def inject_manifest(manifest: Manifest, injection: Injection) -> tuple[Json, list[Row]]:
    """The changed object, and a row for it or for each object of a list. Raises ManifestError."""
    return _guarded(manifest.place, manifest.value, injection)


def _guarded(place: Place, value: Json, injection: Injection) -> tuple[Json, list[Row]]:
    try:
        if is_list(value):
            return _inject_list(place, value, injection)
        changed, row = inject_object(value, injection)
    except (MalformedObject, AnnotationError) as error:
        raise ManifestError(place, str(error)) from None
    return changed, [row]


def _inject_list(place: Place, value: Json, injection: Injection) -> tuple[Json, list[Row]]:
    rows: list[Row] = []
    changed = {**value, "items": []}
    for index, item in list_items(value):
        try:
            one, found = _guarded(place, item, injection)
        except ManifestError as error:
            problem = error.message.removeprefix(f"{place}: ")
            raise ManifestError(place, f"items[{index}]: {problem}") from None
        changed["items"].append(one)
        rows += found
    return changed, rows


def inject_object(value: Json, injection: Injection) -> tuple[Json, Row]:
    """One object that is no list. Raises MalformedObject, AnnotationError."""
    known = named(value)
    if wrong := misspelt(value):
        return value, Row(known, "skipped", warnings=(wrong,))
    if known.kind == "namespace":
        return _annotate(value, known, injection)
    if known.kind == "service":
        opaque = injection.annotations.get(labels.OPAQUE_PORTS)
        if opaque is None:
            return value, Row(known, "skipped")
        return _annotate(value, known, Injection({labels.OPAQUE_PORTS: opaque}))
    pod = pod_of(value)
    if pod is None:
        return value, Row(known, "skipped")
    return _inject_workload(value, pod, known, injection)


def _inject_workload(
    value: Json, pod: Json, known: Named, injection: Injection
) -> tuple[Json, Row]:
    written = strings_at(mapping_at(pod, "metadata", "pod"), "annotations", "metadata")
    added = injection.over(written)
    annotations = {**written, **added}
    if written.get(labels.INJECT) == labels.INJECT_DISABLED:
        annotations[labels.INJECT] = labels.INJECT_DISABLED
    decision = decide(pod["spec"], annotations, {})
    row = _row(known, decision, annotations)
    if not decision.inject:
        return value, row
    changed = deepcopy(value)
    target = pod_of(changed)
    assert target is not None
    _write_annotations(target, added)
    if injection.manual is not None:
        unending = _write_sidecar(changed, target, known, injection.manual, annotations)
    else:
        # As far as the manifest says: whether the mesh has native sidecars the webhook knows.
        settings = _check_annotations(annotations)
        unending = never_ends(pod["spec"], settings, native=settings.native_sidecar)
    if unending:
        row = replace(row, warnings=(*row.warnings, unending))
    return changed, row


def _row(known: Named, decision: Decision, annotations: Mapping[str, str]) -> Row:
    return Row(
        known,
        "injected" if decision.inject else "skipped",
        host_network=Reason.HOST_NETWORK in decision.reasons,
        sidecar=Reason.SIDECAR_EXISTS in decision.reasons,
        disabled=Reason.DISABLED in decision.reasons,
        udp=decision.inject and decision.udp,
        warnings=tuple(unknown_annotations(annotations)),
    )


def _annotate(value: Json, known: Named, injection: Injection) -> tuple[Json, Row]:
    written = strings_at(mapping_at(value, "metadata", known.kind), "annotations", "metadata")
    added = injection.over(written)
    if known.kind == "namespace":
        _check_annotations({**written, **added})
    changed = deepcopy(value)
    _write_annotations(changed, added)
    return changed, Row(known, "annotated", warnings=tuple(unknown_annotations(written)))


def _write_annotations(target: Json, annotations: Mapping[str, str]) -> None:
    if not isinstance(target.get("metadata"), dict):
        target["metadata"] = {}
    metadata = target["metadata"]
    if not isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = {}
    metadata["annotations"].update(annotations)


def _check_annotations(annotations: Mapping[str, str]) -> ProxySettings:
    """The proxy's settings, were the mesh's own the defaults.

    The webhook would refuse these annotations later; the author learns it here. Raises AnnotationError.
    """
    from cli.manifests.values import Values
    from proxy_injector.defaults import read_proxy

    return apply_annotations(read_proxy(Values().tree()), {}, annotations)


def _write_sidecar(
    workload: Json, pod: Json, known: Named, manual: Manual, annotations: Mapping[str, str]
) -> str:
    """Why the pod will not end although it is to; empty when it will."""
    settings = apply_annotations(manual.settings, {}, annotations)
    namespace = mapping_at(workload, "metadata", "object").get("namespace", "")
    sidecar = build(
        manual.mesh,
        settings,
        pod["spec"],
        control_plane=ControlPlane.services(manual.mesh),
        namespace=str(namespace or ""),
        owner=Owner(known.kind, known.name),
        created_by=manual.created_by,
        native_available=manual.native_available,
    )
    unending = never_ends(pod["spec"], settings, native=sidecar.native)
    apply_in_place(pod, pod_patch(pod, sidecar, settings, {}))
    return unending


def apply_in_place(target: Json, operations: Operations) -> None:
    """Applies JSON Patch operations to an object that may be changed."""
    from jsonpatch import JsonPatch

    JsonPatch(cast(Any, operations)).apply(target, in_place=True)
