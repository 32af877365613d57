"""Objects for tests, with only what the tests are about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.controllers.deployment import DESIRED, MAX, REVISION, template_hash
from sandbox.controllers.objects import HASH_LABEL, Object, controller_reference, name, timestamp

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return timestamp(NOW - timedelta(seconds=seconds))


def template(image: str = "web:1", **labels: str) -> Object:
    return {
        "metadata": {"labels": {"app": "web", **labels}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }


def deployment(replicas: int = 3, image: str = "web:1", **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "default", "uid": "d1", "generation": 1,
            "resourceVersion": "1", "creationTimestamp": ago(1000),
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(image),
            **spec,
        },
    }  # fmt: skip


def rolling(surge: int | str, unavailable: int | str) -> Object:
    wanted = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": wanted}


def replicaset(
    owner: Object, size: int, *, image: str = "web:1", available: int | None = None,
    noted: tuple[int, int] | None = None, revision: int = 1, age: float = 500,
) -> Object:  # fmt: skip
    """One of ``owner``'s ReplicaSets; ``noted`` are its desired and max annotations."""
    hashed = template_hash({"spec": {"template": template(image)}})
    ready = size if available is None else available
    wanted = owner["spec"]["replicas"]
    desired, most = noted or (wanted, wanted)
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-{hashed}", "namespace": "default", "uid": f"rs-{image}",
            "generation": 1, "resourceVersion": "1", "creationTimestamp": ago(age),
            "labels": {"app": "web", HASH_LABEL: hashed},
            "annotations": {DESIRED: str(desired), MAX: str(most), REVISION: str(revision)},
            "ownerReferences": [controller_reference(owner)],
        },
        "spec": {
            "replicas": size,
            "selector": {"matchLabels": {"app": "web", HASH_LABEL: hashed}},
            "template": template(image, **{HASH_LABEL: hashed}),
        },
        "status": {"replicas": size, "readyReplicas": ready, "availableReplicas": ready},
    }  # fmt: skip


def pod(
    pod_name: str = "p", *, ready: bool = True, phase: str = "Running", node: str = "sandbox",
    deleting: bool = False, age: float = 100, ready_for: float = 50, restarts: int = 0,
    ip: str = "10.244.0.9", owner: Object | None = None, labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None, **spec: Any,
) -> Object:  # fmt: skip
    meta: Object = {
        "name": pod_name, "namespace": "default", "uid": f"uid-{pod_name}",
        "resourceVersion": "1", "creationTimestamp": ago(age),
        "labels": {"app": "web"} if labels is None else labels,
    }  # fmt: skip
    if annotations:
        meta["annotations"] = annotations
    if deleting:
        meta["deletionTimestamp"] = ago(0)
    if owner is not None:
        meta["ownerReferences"] = [controller_reference(owner)]
    condition = {
        "type": "Ready", "status": str(ready), "lastTransitionTime": ago(ready_for),
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": "web"}], **({"nodeName": node} if node else {}), **spec},
        "status": {
            "phase": phase, "conditions": [condition],
            **({"podIP": ip} if ip else {}),
            "containerStatuses": [{"name": "web", "restartCount": restarts}],
        },
    }  # fmt: skip


def names(objects: list[Object]) -> list[str]:
    return [name(each) for each in objects]
