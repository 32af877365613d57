"""Kubernetes objects as the API writes them, short."""

from typing import Any

from kit.kube.objects import Object
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from weft.labels import CONTROL_PLANE_NS_LABEL


def obj(name: str, namespace: str = "emojivoto", **extra: Any) -> Object:
    labels = extra.pop("labels", {})
    owner = extra.pop("owner", None)
    meta: Object = {"name": name, "labels": labels, "uid": f"uid-{name}"}
    if namespace:
        meta["namespace"] = namespace
    if owner:
        kind, owner_name = owner
        meta["ownerReferences"] = [{"kind": kind, "name": owner_name, "controller": True}]
    return {"metadata": meta, **extra}


def pod(
    name: str,
    owner: tuple[str, str] | None = None,
    *,
    meshed: bool = True,
    phase: str = "Running",
    namespace: str = "emojivoto",
    ip: str = "10.0.0.1",
    port: int = 4191,
    labels: dict[str, str] | None = None,
) -> Object:
    found = dict(labels or {})
    containers: list[Object] = [{"name": "app"}]
    if meshed:
        found[CONTROL_PLANE_NS_LABEL] = "weft"
        ports = [{"name": "linkerd-admin", "containerPort": port}]
        containers.append({"name": "linkerd-proxy", "ports": ports})
    return obj(
        name,
        namespace,
        labels=found,
        owner=owner,
        spec={"containers": containers},
        status={"phase": phase, "podIP": ip},
    )


def emojivoto() -> Inventory:
    """web with two pods, of which one is not meshed; emoji with one; a Service; a done Job."""
    known = Inventory("weft")
    known.put(Kind.NAMESPACE, obj("emojivoto", ""))
    known.put(Kind.NAMESPACE, obj("empty", ""))
    for name in ("web", "emoji"):
        known.put(Kind.DEPLOYMENT, obj(name, labels={"app": f"{name}-svc"}))
        known.put(Kind.REPLICA_SET, obj(f"{name}-1", owner=("Deployment", name)))
        known.put(Kind.SERVICE, obj(f"{name}-svc"))
    known.put(Kind.JOB, obj("seed"))
    known.put(Kind.POD, pod("web-1-a", ("ReplicaSet", "web-1")))
    known.put(Kind.POD, pod("web-1-b", ("ReplicaSet", "web-1"), meshed=False))
    known.put(Kind.POD, pod("emoji-1-a", ("ReplicaSet", "emoji-1"), phase="Pending"))
    known.put(Kind.POD, pod("seed-a", ("Job", "seed"), phase="Succeeded"))
    known.put(Kind.POD, pod("seed-b", ("Job", "seed"), phase="Failed"))
    return known
