"""Deployments and their kin: the selector is there and selects the template; counts are counts."""

import re
from collections.abc import Iterator
from typing import Any

from sandbox.apiserver.errors import Cause, invalid, not_supported, required
from sandbox.apiserver.objects import Obj, dig
from sandbox.apiserver.selectors import labels_from_object
from sandbox.apiserver.validate import metadata
from sandbox.apiserver.validate.pods import RESTART_POLICIES, pod_spec
from sandbox.controllers.cron import parse as parse_schedule


def pod(obj: Obj) -> Iterator[Cause]:
    yield from pod_spec(obj.get("spec"), "spec")


def workload(obj: Obj) -> Iterator[Cause]:
    """Deployment, ReplicaSet, StatefulSet, DaemonSet."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        yield required("spec")
        return
    yield from _count(spec, "spec.replicas")
    yield from _selector(spec)
    yield from _template(spec.get("template"), "spec.template", ("Always",))


def deployment(obj: Obj) -> Iterator[Cause]:
    yield from workload(obj)
    kind = dig(obj, "spec", "strategy", "type")
    if kind not in (None, "Recreate", "RollingUpdate"):
        yield not_supported("spec.strategy.type", kind, ("Recreate", "RollingUpdate"))
    rolling = dig(obj, "spec", "strategy", "rollingUpdate")
    if kind == "Recreate" and rolling is not None:
        yield Cause(
            "spec.strategy.rollingUpdate",
            "FieldValueForbidden",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
        )
    if isinstance(rolling, dict):
        yield from _shares(rolling)
    if (
        isinstance(rolling, dict)
        and _zero(rolling, "maxUnavailable")
        and _zero(rolling, "maxSurge")
    ):
        yield invalid(
            "spec.strategy.rollingUpdate.maxUnavailable",
            rolling["maxUnavailable"],
            "may not be 0 when `maxSurge` is 0",
        )


def disruption_budget(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")


def _shares(rolling: Obj) -> Iterator[Cause]:
    for name in ("maxUnavailable", "maxSurge"):
        value = rolling.get(name)
        if isinstance(value, str) and not re.fullmatch(r"[0-9]+%", value):
            why = "a valid percent string must be a numeric string followed by an ending '%'"
            yield invalid(f"spec.strategy.rollingUpdate.{name}", value, why)


def _zero(rolling: Obj, key: str) -> bool:
    return rolling.get(key) in (0, "0", "0%")


def replication_controller(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    yield from _count(spec, "spec.replicas")
    if not spec.get("selector"):
        yield required("spec.selector")
    yield from _template(spec.get("template"), "spec.template", ("Always",))


def job(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        yield required("spec")
        return
    for field in ("parallelism", "completions", "backoffLimit"):
        yield from _count(spec, f"spec.{field}")
    yield from _template(spec.get("template"), "spec.template", ("OnFailure", "Never"))


def cron_job(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("schedule"):
        yield required("spec.schedule")
    else:
        try:
            parse_schedule(str(spec["schedule"]))
        except ValueError as error:
            yield invalid("spec.schedule", spec["schedule"], str(error))
    yield from _template(
        dig(spec, "jobTemplate", "spec", "template"),
        "spec.jobTemplate.spec.template",
        ("OnFailure", "Never"),
    )


def _count(spec: Obj, path: str) -> Iterator[Cause]:
    value = spec.get(path.rpartition(".")[2])
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        yield invalid(path, value, "must be an integer")
    elif value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")


def _selector(spec: Obj) -> Iterator[Cause]:
    selector, labels = spec.get("selector"), dig(spec, "template", "metadata", "labels") or {}
    why = "`selector` does not match template `labels`"
    if selector is None:
        yield required("spec.selector")
        yield invalid("spec.template.metadata.labels", labels, why)
        return
    try:
        chosen = labels_from_object(selector)
    except (ValueError, KeyError) as error:
        yield invalid("spec.selector", selector, str(error))
        return
    if chosen.everything:
        yield invalid("spec.selector", selector, "empty selector is invalid for deployment")
    if not chosen.matches(labels):
        yield invalid("spec.template.metadata.labels", labels, why)


def _template(template: Any, path: str, restart_policies: tuple[str, ...]) -> Iterator[Cause]:
    if not isinstance(template, dict):
        yield required(f"{path}.spec.containers")
        return
    yield from metadata.labels(dig(template, "metadata", "labels"), f"{path}.metadata.labels")
    yield from pod_spec(template.get("spec"), f"{path}.spec")
    policy = dig(template, "spec", "restartPolicy")
    if policy == "Always" and policy not in restart_policies:
        # Always is what was filled in where nothing was said.
        listed = ", ".join(f'"{one}"' for one in restart_policies)
        yield required(f"{path}.spec.restartPolicy", f"valid values: {listed}")
    elif policy in RESTART_POLICIES and policy not in restart_policies:
        yield not_supported(f"{path}.spec.restartPolicy", policy, restart_policies)
