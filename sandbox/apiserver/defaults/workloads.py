"""Defaults of what makes pods (`apps/v1/defaults.go`, `batch/v1/defaults.go`)."""

from typing import Any

from sandbox.apiserver.defaults.pods import template
from sandbox.apiserver.objects import Obj, dig


def _spec(obj: Obj) -> Obj | None:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else None


def _object_at(parent: Obj, key: str) -> Obj:
    """The object under `key`, made when missing; a stranger's value there is left for validation."""
    found: Any = parent.get(key)
    if found is None:
        found = parent[key] = {}
    return found if isinstance(found, dict) else {}


def _status(obj: Obj, *counted: str) -> None:
    """A status is there from the first moment on, with what is always counted at zero."""
    status = _object_at(obj, "status")
    for name in counted:
        status.setdefault(name, 0)


def volume_claim(obj: Obj) -> None:
    """A claim, also the template of one."""
    spec = _spec(obj)
    if spec is not None:
        spec.setdefault("volumeMode", "Filesystem")
    _object_at(obj, "status").setdefault("phase", "Pending")


def deployment(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    _status(obj)
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = _object_at(spec, "strategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = _object_at(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    template(obj, "spec", "template")


def replica_set(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is not None:
        spec.setdefault("replicas", 1)
        template(obj, "spec", "template")
        _status(obj, "replicas")


def replication_controller(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("replicas", 1)
    labels = dig(spec, "template", "metadata", "labels")
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    template(obj, "spec", "template")
    _status(obj, "replicas")


def stateful_set(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    kept = _object_at(spec, "persistentVolumeClaimRetentionPolicy")
    for moment in ("whenDeleted", "whenScaled"):
        kept.setdefault(moment, "Retain")
    for claim in spec.get("volumeClaimTemplates") or []:
        if isinstance(claim, dict):
            claim.setdefault("apiVersion", "v1")
            claim.setdefault("kind", "PersistentVolumeClaim")
            volume_claim(claim)
    _status(obj, "replicas", "availableReplicas")
    strategy = _object_at(spec, "updateStrategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _object_at(strategy, "rollingUpdate").setdefault("partition", 0)
    template(obj, "spec", "template")


def daemon_set(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "1"} | annotations
    _status(
        obj,
        "currentNumberScheduled",
        "desiredNumberScheduled",
        "numberMisscheduled",
        "numberReady",
    )
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = _object_at(spec, "updateStrategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = _object_at(strategy, "rollingUpdate")
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    template(obj, "spec", "template")


def job(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    spec.setdefault("manualSelector", False)
    labels = dig(spec, "template", "metadata", "labels")
    if labels and not dig(obj, "metadata", "labels"):
        obj["metadata"]["labels"] = dict(labels)
    _status(obj)
    template(obj, "spec", "template")


def own_pods(job: Obj) -> None:
    """What a Job that is being created gets to know its pods by: its uid, and its name."""
    spec = _spec(job)
    if spec is None or spec.get("manualSelector") or not isinstance(spec.get("template"), dict):
        return
    meta = job["metadata"]
    own = {"batch.kubernetes.io/controller-uid": meta["uid"], "controller-uid": meta["uid"]}
    if meta.get("name"):
        own |= {"batch.kubernetes.io/job-name": meta["name"], "job-name": meta["name"]}
    template_meta = _object_at(spec["template"], "metadata")
    template_meta["labels"] = {**(template_meta.get("labels") or {}), **own}
    if not spec.get("selector"):
        uid = {"batch.kubernetes.io/controller-uid": meta["uid"]}
        spec["selector"] = {"matchLabels": uid}


def cron_job(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job_template = spec.get("jobTemplate")
    if isinstance(job_template, dict):
        job_template.setdefault("metadata", {})
    template(obj, "spec", "jobTemplate", "spec", "template")
    _status(obj)


def disruption_budget(obj: Obj) -> None:
    """Nothing is defaulted in the specification; the status starts as all zeroes."""
    status = obj.setdefault("status", {})
    for key in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"):
        status.setdefault(key, 0)


def autoscaler(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    status = _object_at(obj, "status")
    status.setdefault("desiredReplicas", 0)
    status.setdefault("currentMetrics", None)
