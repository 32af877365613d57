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


def deployment(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
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


def replication_controller(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("replicas", 1)
    labels = dig(spec, "template", "metadata", "labels")
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    template(obj, "spec", "template")


def stateful_set(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = _object_at(spec, "updateStrategy")
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _object_at(strategy, "rollingUpdate").setdefault("partition", 0)
    template(obj, "spec", "template")


def daemon_set(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
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
    template(obj, "spec", "template")


def cron_job(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is None:
        return
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template(obj, "spec", "jobTemplate", "spec", "template")


def disruption_budget(obj: Obj) -> None:
    """Nothing is defaulted in the specification; the status starts as all zeroes."""
    status = obj.setdefault("status", {})
    for key in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"):
        status.setdefault(key, 0)


def autoscaler(obj: Obj) -> None:
    spec = _spec(obj)
    if spec is not None:
        spec.setdefault("minReplicas", 1)
