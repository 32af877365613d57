"""Kubernetes objects as tests write them, and an index filled with them."""

from typing import Any

from destination.index import Fact, Index
from destination.sources import Source, sources
from kit.kube.objects import NODES, PODS, SERVICES, Object, Resource, key
from weft.labels import CONTROL_PLANE_NS_LABEL

DOMAIN = "serviceaccount.identity.weft.cluster.local"


def service(
    name: str = "web",
    ip: str | None = "10.96.0.1",
    ports: dict[str, int] | None = None,
    *,
    namespace: str = "ns",
    annotations: dict[str, str] | None = None,
    app_protocol: str = "",
    **spec: Any,
) -> Object:
    declared: list[Object] = [
        {"name": port, "port": number, "protocol": "TCP"}
        for port, number in (ports or {"http": 80}).items()
    ]
    if app_protocol:
        for one in declared:
            one["appProtocol"] = app_protocol
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": {"clusterIP": ip or "None", "ports": declared, **spec},
    }


def pod(
    name: str = "web-1",
    ip: str = "10.244.0.1",
    *,
    namespace: str = "ns",
    meshed: bool = True,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    owner: tuple[str, str] | None = None,
    phase: str = "Running",
    containers: list[Object] | None = None,
    **spec: Any,
) -> Object:
    marks = {CONTROL_PLANE_NS_LABEL: "weft"} if meshed else {}
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**marks, **(labels or {})},
            "annotations": annotations or {},
            "ownerReferences": owners,
        },
        "spec": {
            "serviceAccountName": "web",
            "nodeName": "node-a",
            "containers": containers or [{"name": "app"}],
            **spec,
        },
        "status": {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": "192.168.0.1"},
    }


def external_workload(
    name: str = "vm-1",
    *ips: str,
    identity: str = "spiffe://machines.test/vm-1",
    ports: dict[str, int] | None = None,
    namespace: str = "ns",
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    ready: bool = True,
    **meta: Any,
) -> Object:
    """A machine with labels `app: web` that listens on 8080 (`http`)."""
    return {
        "kind": "ExternalWorkload",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{name}",
            "labels": {"app": "web"} if labels is None else labels,
            "annotations": annotations or {},
            **meta,
        },
        "spec": {
            "meshTLS": {"identity": identity, "serverName": f"{name}.machines.test"},
            "ports": [
                {"name": port, "port": number, "protocol": "TCP"}
                for port, number in (ports or {"http": 8080}).items()
            ],
            "workloadIPs": [{"ip": one} for one in ips or ("192.168.9.1",)],
        },
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def machine(ip: str, name: str = "vm-1", **fields: Any) -> Object:
    """An ExternalWorkload's endpoint in a slice."""
    target = {"kind": "ExternalWorkload", "name": name, "namespace": "ns"}
    made = {"addresses": [ip], "conditions": {"ready": True}, "targetRef": target}
    return {**made, **fields}


def endpoint(ip: str, target: str | None = None, **fields: Any) -> Object:
    made: Object = {"addresses": [ip], "conditions": {"ready": True}, "nodeName": "node-a"}
    if target is not None:
        made["targetRef"] = {"kind": "Pod", "name": target, "namespace": "ns"}
    return {**made, **fields}


def endpoint_slice(
    *endpoints: Object,
    name: str = "web-abc",
    service: str = "web",
    ports: dict[str, int] | None = None,
    family: str = "IPv4",
    namespace: str = "ns",
    annotations: dict[str, str] | None = None,
) -> Object:
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
            "annotations": annotations or {},
        },
        "addressType": family,
        "ports": [
            {"name": port, "port": number, "protocol": "TCP"}
            for port, number in (ports or {"http": 8080}).items()
        ],
        "endpoints": list(endpoints),
    }


def node(name: str = "node-a", zone: str = "east") -> Object:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    return {"kind": "Node", "metadata": {"name": name, "labels": labels}}


def custom(kind: str, name: str, spec: Object, namespace: str = "ns", **meta: Any) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, **meta}, "spec": spec}


class Cluster:
    """An index, and objects put into it the way the watches do."""

    def __init__(self, *objects: Object) -> None:
        self.index = Index()
        made = sources(self.index)
        self._sources = {source.resource.kind: source for source in made} | {
            source.resource.api_version + source.resource.kind: source for source in made
        }
        self.put(*objects)

    def put(self, *objects: Object) -> set[Fact]:
        touched: set[Fact] = set()
        for obj in objects:
            touched |= self._source(obj).take(obj)
        return touched

    def gone(self, obj: Object) -> set[Fact]:
        return self._source(obj).gone(key(obj))

    def _source(self, obj: Object) -> Source[object]:
        """By kind; the version only where two groups have one."""
        return self._sources[str(obj.get("apiVersion") or "") + obj["kind"]]


BASIC = (
    node(),
    service(),
    pod(
        "web-1", "10.244.0.1", owner=("ReplicaSet", "web-5d4"), labels={"pod-template-hash": "5d4"}
    ),
    endpoint_slice(endpoint("10.244.0.1", "web-1")),
)
"""A Service with one meshed pod."""

RESOURCES: dict[str, Resource] = {"Node": NODES, "Pod": PODS, "Service": SERVICES}
