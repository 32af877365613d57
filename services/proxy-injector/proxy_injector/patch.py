"""Injection as JSON Patch (RFC 6902): the same input gives the same bytes.

Only `add` operations are used, in one order: roots that are missing, annotations, labels, volumes,
init container, debug container, proxy.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from proxy_injector.annotations import settings_in
from proxy_injector.defaults import ProxySettings
from proxy_injector.pod import Json, container_ports, list_at, mapping_at, strings_at
from proxy_injector.sidecar import Sidecar, opaque_among
from weft import labels

Operations = list[Json]


def add(path: str, value: Any) -> Json:
    """One operation."""
    return {"op": "add", "path": path, "value": value}


def escape(token: str) -> str:
    """A key as part of a JSON Pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def encode(operations: Operations) -> bytes:
    """The bytes that are sent: no spaces, keys in the order of the operations' own."""
    return json.dumps(operations, separators=(",", ":"), ensure_ascii=False).encode()


def pod_patch(
    pod: Mapping[str, Any],
    sidecar: Sidecar,
    settings: ProxySettings,
    namespace_annotations: Mapping[str, str],
) -> Operations:
    """Adds the sidecar to a pod, or to anything with a pod's `metadata` and `spec`.

    The namespace's settings are written on the pod as well, so that what the pod says of itself is
    the whole truth for the controllers that read only pods.
    """
    metadata = mapping_at(pod, "metadata", "object")
    spec = mapping_at(pod, "spec", "object")
    annotations = inherited(metadata, spec, settings, namespace_annotations)
    annotations.update(sidecar.annotations)
    return [
        *_metadata(pod, annotations, sidecar.labels),
        *_spec(spec, sidecar),
    ]


def inherited(
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    settings: ProxySettings,
    namespace_annotations: Mapping[str, str],
) -> dict[str, str]:
    """Settings the pod gets from its namespace, and the opaque ports it really has."""
    own = settings_in(strings_at(metadata, "annotations", "metadata"))
    found = {
        name: value for name, value in settings_in(namespace_annotations).items() if name not in own
    }
    if labels.OPAQUE_PORTS not in own and labels.OPAQUE_PORTS not in found:
        opaque = opaque_pod_ports(spec, settings.opaque_ports)
        if opaque:
            found[labels.OPAQUE_PORTS] = opaque
    return found


def _metadata(
    pod: Mapping[str, Any], annotations: Mapping[str, str], pod_labels: Mapping[str, str]
) -> Iterator[Json]:
    metadata = pod.get("metadata")
    if metadata is None:
        yield add("/metadata", {})
    present = mapping_at(pod, "metadata", "object")
    if present.get("annotations") is None:
        yield add("/metadata/annotations", {})
    if present.get("labels") is None:
        yield add("/metadata/labels", {})
    for name in sorted(annotations):
        yield add(f"/metadata/annotations/{escape(name)}", annotations[name])
    for name in sorted(pod_labels):
        yield add(f"/metadata/labels/{escape(name)}", pod_labels[name])


def _spec(spec: Mapping[str, Any], sidecar: Sidecar) -> Iterator[Json]:
    if spec.get("volumes") is None:
        yield add("/spec/volumes", [])
    if spec.get("initContainers") is None:
        yield add("/spec/initContainers", [])
    for volume in sidecar.volumes:
        yield add("/spec/volumes/-", volume)
    if sidecar.native:
        # The debug container stands before the proxy: what stands behind it starts only when the proxy is
        # ready, and why it is not may be what somebody wants to see.
        first = [one for one in (sidecar.init, sidecar.debug, sidecar.proxy) if one is not None]
        for index, container in enumerate(first):
            yield add(f"/spec/initContainers/{index}", container)
        return
    yield add("/spec/initContainers/-", sidecar.init)
    if sidecar.debug is not None:
        yield add("/spec/containers/-", sidecar.debug)
    yield add(f"/spec/containers/{'0' if sidecar.await_ready else '-'}", sidecar.proxy)


def opaque_patch(
    kind: str,
    target: Mapping[str, Any],
    opaque_ports: str,
    namespace_annotations: Mapping[str, str],
) -> Operations:
    """For a Service or a pod that is not injected: writes down which of its own ports are opaque.

    Empty when the object says so itself, or has no such port. `opaque_ports` is the mesh's default.
    """
    metadata = mapping_at(target, "metadata", "object")
    if labels.OPAQUE_PORTS in strings_at(metadata, "annotations", "metadata"):
        return []
    listed = namespace_annotations.get(labels.OPAQUE_PORTS, opaque_ports)
    spec = mapping_at(target, "spec", "object")
    opaque = (
        opaque_service_ports(spec, listed) if kind == "Service" else opaque_pod_ports(spec, listed)
    )
    if not opaque:
        return []
    return [*_metadata_annotation(target, labels.OPAQUE_PORTS, opaque)]


def opaque_pod_ports(spec: Mapping[str, Any], listed: str) -> str:
    """The pod's own ports that are opaque."""
    return opaque_among(listed, [(name, number) for name, number, _ in container_ports(spec)])


def opaque_service_ports(spec: Mapping[str, Any], listed: str) -> str:
    """The Service's own ports that are opaque, by number, name, or number of the target port."""
    ports: list[tuple[str, int]] = []
    targets: dict[int, int] = {}
    for port in list_at(spec, "ports", "spec"):
        number, target = port.get("port"), port.get("targetPort")
        if not isinstance(number, int) or isinstance(number, bool):
            continue
        ports.append((str(port.get("name") or ""), number))
        if isinstance(target, int) and not isinstance(target, bool):
            targets[number] = target
    opaque = set(filter(None, opaque_among(listed, ports).split(",")))
    by_target = opaque_among(listed, [("", target) for target in targets.values()]).split(",")
    opaque.update(str(port) for port, target in targets.items() if str(target) in by_target)
    return ",".join(sorted(opaque, key=int))


def _metadata_annotation(target: Mapping[str, Any], name: str, value: str) -> Iterator[Json]:
    if mapping_at(target, "metadata", "object").get("annotations") is None:
        yield add("/metadata/annotations", {})
    yield add(f"/metadata/annotations/{escape(name)}", value)
