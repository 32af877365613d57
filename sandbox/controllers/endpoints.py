"""Service -> EndpointSlices and the legacy Endpoints object.

A pod backs a Service when the selector matches, it has an address and has not finished. It is
`serving` while ready, `terminating` once deleted, and `ready` when serving and not terminating, or
always under publishNotReadyAddresses. Pods whose named ports differ in number get slices of their
own, since a slice has one list of ports.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.controllers.actions import Action, Create, Delete, Update
from sandbox.controllers.objects import (
    Object,
    controller_reference,
    created,
    deleting,
    labels,
    metadata,
    name,
    namespace,
    pod_finished,
    pod_ready,
    spec,
    status,
    uid,
    with_metadata,
)

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
ENDPOINTS_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
SLICE_CAPACITY = 100

Ports = tuple[str, ...]
"""The ports of a slice, each as canonical JSON, so that lists of them can be keys."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One pod as a Service's endpoint."""

    pod: Object
    address: str
    ready: bool
    serving: bool
    terminating: bool
    ports: Ports


def decide_slices(
    service: Object, pods: Iterable[Object], slices: Iterable[Object], zone: str = ""
) -> list[Action]:
    """``slices`` are all those labelled with the Service's name; others' slices are left alone."""
    ours = [s for s in slices if labels(s).get(MANAGED_BY) == CONTROLLER and not deleting(s)]
    if not _has_selector(service) or deleting(service):
        return []
    wanted = desired_slices(service, backends(service, pods), zone)
    actions: list[Action] = []
    spare = sorted(ours, key=lambda s: (created(s), name(s)))
    for want in wanted:
        have = next((s for s in spare if _ports(s) == _ports(want)), None)
        if have is None:
            actions.append(Create(want))
            continue
        spare.remove(have)
        updated = with_metadata(
            {**have, "endpoints": want["endpoints"], "ports": want["ports"]},
            labels=labels(want),
            ownerReferences=metadata(want)["ownerReferences"],
        )
        if not _says_the_same(have, updated):
            actions.append(Update(updated))
    return actions + [Delete(s) for s in spare]


def _has_selector(service: Object) -> bool:
    return bool(spec(service).get("selector")) and spec(service).get("type") != "ExternalName"


def backends(service: Object, pods: Iterable[Object]) -> list[Backend]:
    wanted = (spec(service).get("selector") or {}).items()
    publish = bool(spec(service).get("publishNotReadyAddresses"))
    found: list[Backend] = []
    for pod in sorted(pods, key=lambda p: (created(p), name(p))):
        address = status(pod).get("podIP")
        if not address or pod_finished(pod) or not wanted <= labels(pod).items():
            continue
        serving, terminating = pod_ready(pod), deleting(pod)
        ready = publish or (serving and not terminating)
        ports = tuple(json.dumps(p, sort_keys=True) for p in _pod_ports(service, pod))
        found.append(Backend(pod, address, ready, serving, terminating, ports))
    return found


def _pod_ports(service: Object, pod: Object) -> list[Object]:
    """The Service's ports as this pod has them; a name the pod does not have is left out."""
    found = []
    for port in spec(service).get("ports") or []:
        protocol = port.get("protocol", "TCP")
        number = target_port(port, pod)
        if number is None:
            continue
        entry = {"name": port.get("name", ""), "port": number, "protocol": protocol}
        if app := port.get("appProtocol"):
            entry["appProtocol"] = app
        found.append(entry)
    return found


def target_port(port: Mapping[str, Any], pod: Object) -> int | None:
    """Where a Service's port leads in a pod: a number stands, a name is looked up."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int) or str(target).isdigit():
        return int(target)
    sidecars = [
        c for c in spec(pod).get("initContainers") or [] if c.get("restartPolicy") == "Always"
    ]
    for container in [*(spec(pod).get("containers") or []), *sidecars]:
        for declared in container.get("ports") or []:
            if declared.get("name") == target and declared.get("protocol", "TCP") == port.get(
                "protocol", "TCP"
            ):
                return int(declared["containerPort"])
    return None


# --- slices -----------------------------------------------------------------


def desired_slices(service: Object, found: Sequence[Backend], zone: str) -> list[Object]:
    """At least one slice, even with nothing in it: followers see the Service has no endpoints."""
    groups: dict[Ports, list[Backend]] = {}
    for backend in found:
        groups.setdefault(backend.ports, []).append(backend)
    made = [
        _slice(service, ports, group[start : start + SLICE_CAPACITY], zone)
        for ports, group in sorted(groups.items())
        for start in range(0, len(group), SLICE_CAPACITY)
    ]
    return made or [_slice(service, (), [], zone)]


def _slice(service: Object, ports: Ports, group: Sequence[Backend], zone: str) -> Object:
    marked = {SERVICE_NAME: name(service), MANAGED_BY: CONTROLLER}
    if spec(service).get("clusterIP") == "None":
        marked[HEADLESS] = ""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{name(service)}-",
            "namespace": namespace(service),
            "labels": {**labels(service), **marked},
            "ownerReferences": [controller_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(service, backend, zone) for backend in group],
        "ports": [json.loads(port) for port in ports],
    }


def _endpoint(service: Object, backend: Backend, zone: str) -> Object:
    pod = backend.pod
    made: Object = {
        "addresses": [backend.address],
        "conditions": {
            "ready": backend.ready,
            "serving": backend.serving,
            "terminating": backend.terminating,
        },
        "targetRef": _reference(pod),
    }
    if hostname := _hostname(service, pod):
        made["hostname"] = hostname
    if node := spec(pod).get("nodeName"):
        made["nodeName"] = node
        if zone:
            made["zone"] = zone
    return made


def _reference(pod: Object) -> Object:
    return {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)}


def _hostname(service: Object, pod: Object) -> str:
    """A pod has a name of its own in the Service's domain only if its subdomain is the Service."""
    if spec(pod).get("subdomain") != name(service):
        return ""
    return str(spec(pod).get("hostname") or "")


def _ports(found: Object) -> list[Object]:
    return [
        {key: port[key] for key in ("name", "port", "protocol", "appProtocol") if port.get(key)}
        for port in found.get("ports") or []
    ]


def _says_the_same(have: Object, want: Object) -> bool:
    return (
        (have.get("endpoints") or []) == want["endpoints"]
        and labels(have) == labels(want)
        and metadata(have).get("ownerReferences") == metadata(want)["ownerReferences"]
    )


# --- the legacy Endpoints object --------------------------------------------


def decide_endpoints(
    service: Object, pods: Iterable[Object], endpoints: Object | None
) -> list[Action]:
    """Endpoints know no terminating pods, and carry every group of equal ports as a subset."""
    if not _has_selector(service) or deleting(service):
        return []
    subsets = _subsets(service, backends(service, pods))
    marked = {**labels(service), ENDPOINTS_MANAGED_BY: "endpoint-controller"}
    if spec(service).get("clusterIP") == "None":
        marked[HEADLESS] = ""
    if endpoints is None:
        made: Object = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": name(service),
                "namespace": namespace(service),
                "labels": marked,
            },
            "subsets": subsets,
        }
        return [Create(made)]
    if (endpoints.get("subsets") or []) == subsets and labels(endpoints) == marked:
        return []
    return [Update(with_metadata({**endpoints, "subsets": subsets}, labels=marked))]


def _subsets(service: Object, found: Iterable[Backend]) -> list[Object]:
    groups: dict[Ports, list[Backend]] = {}
    for backend in found:
        if not backend.terminating or backend.ready:
            groups.setdefault(backend.ports, []).append(backend)
    subsets = []
    for ports, group in sorted(groups.items()):
        subset: Object = {}
        if ready := [_address(service, b) for b in group if b.ready]:
            subset["addresses"] = ready
        if waiting := [_address(service, b) for b in group if not b.ready]:
            subset["notReadyAddresses"] = waiting
        if ports:
            subset["ports"] = [_named(json.loads(port)) for port in ports]
        subsets.append(subset)
    return subsets


def _named(port: Object) -> Object:
    return {key: value for key, value in port.items() if value != ""}


def _address(service: Object, backend: Backend) -> Object:
    made: Object = {"ip": backend.address, "targetRef": _reference(backend.pod)}
    if hostname := _hostname(service, backend.pod):
        made["hostname"] = hostname
    if node := spec(backend.pod).get("nodeName"):
        made["nodeName"] = node
    return made
