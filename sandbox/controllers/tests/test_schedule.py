"""Placing pods: selectors, affinity, taints."""

from typing import Any

import pytest

from sandbox.controllers import podgc, schedule
from sandbox.controllers.actions import Bind, Delete, UpdateStatus
from sandbox.controllers.objects import Object, condition
from sandbox.controllers.tests.builders import NOW, pod


def node(name: str = "sandbox", taints: list[Object] | None = None, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints or []}}


def waiting(**spec: Any) -> Object:
    return pod("p", node="", phase="Pending", ready=False, **spec)


def affinity(*expressions: Object, fields: list[Object] | None = None) -> Object:
    term = {"matchExpressions": list(expressions), "matchFields": fields or []}
    required = {"nodeSelectorTerms": [term]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def expression(operator: str, *values: str, key: str = "disk") -> Object:
    return {"key": key, "operator": operator, "values": list(values)}


TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("on", "spec", "fits"),
    [
        pytest.param(node(), {}, True, id="nothing asked"),
        pytest.param(node(disk="fast"), {"nodeSelector": {"disk": "fast"}}, True, id="selector"),
        pytest.param(node(disk="slow"), {"nodeSelector": {"disk": "fast"}}, False, id="another value"),
        pytest.param(node(), {"nodeSelector": {"disk": "fast"}}, False, id="no such label"),
        pytest.param(node(disk="a"), {"affinity": affinity(expression("In", "a", "b"))}, True, id="in"),
        pytest.param(node(disk="c"), {"affinity": affinity(expression("In", "a", "b"))}, False, id="not in"),
        pytest.param(node(disk="c"), {"affinity": affinity(expression("NotIn", "a"))}, True, id="not-in"),
        pytest.param(node(disk="7"), {"affinity": affinity(expression("Gt", "5"))}, True, id="greater"),
        pytest.param(node(disk="x"), {"affinity": affinity(expression("Gt", "5"))}, False, id="greater than no number"),
        pytest.param(node(disk="3"), {"affinity": affinity(expression("Lt", "5"), expression("Exists"))}, True, id="all of a term"),
        pytest.param(node(), {"affinity": affinity(expression("DoesNotExist"))}, True, id="absent"),
        pytest.param(node(), {"affinity": affinity(fields=[expression("In", "sandbox", key="metadata.name")])}, True, id="by name"),
        pytest.param(node(), {"affinity": affinity(fields=[expression("In", "other", key="metadata.name")])}, False, id="by another name"),
        pytest.param(node(taints=[TAINT]), {}, False, id="a taint"),
        pytest.param(node(taints=[{**TAINT, "effect": "PreferNoSchedule"}]), {}, True, id="a preference"),
        pytest.param(node(taints=[TAINT]), {"tolerations": [{"operator": "Exists"}]}, True, id="tolerates all"),
        pytest.param(node(taints=[TAINT]), {"tolerations": [{"key": "gpu", "operator": "Exists"}]}, True, id="tolerates the key"),
        pytest.param(node(taints=[TAINT]), {"tolerations": [{"key": "gpu", "value": "yes"}]}, True, id="tolerates the value"),
        pytest.param(node(taints=[TAINT]), {"tolerations": [{"key": "gpu", "value": "no"}]}, False, id="another toleration"),
        pytest.param(node(taints=[TAINT]), {"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]}, False, id="another effect"),
    ],
)  # fmt: skip
def test_who_goes_where(on: Object, spec: Object, fits: bool) -> None:
    (action,) = schedule.decide(waiting(**spec), [on], NOW)
    assert isinstance(action, Bind) is fits


@pytest.mark.parametrize(
    ("nodes", "spec", "message"),
    [
        ([], {}, "no nodes available to schedule pods"),
        ([node()], {"nodeSelector": {"a": "b"}}, "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
        ([node(taints=[TAINT])], {}, "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}."),
        ([{**node(), "spec": {"unschedulable": True}}], {}, "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unschedulable: }."),
    ],
)  # fmt: skip
def test_why_nobody_will_have_it(nodes: list[Object], spec: Object, message: str) -> None:
    (action,) = schedule.decide(waiting(**spec), nodes, NOW)
    assert isinstance(action, UpdateStatus)
    said = condition(action.object, "PodScheduled")
    assert said is not None
    assert (said["reason"], said["message"]) == ("Unschedulable", message)
    assert schedule.decide(action.object, nodes, NOW) == []


@pytest.mark.parametrize(
    "other",
    [pod(), waiting(schedulerName="mine"), pod(node="", deleting=True)],
    ids=["placed already", "another scheduler's", "leaving"],
)
def test_who_is_not_ours_to_place(other: Object) -> None:
    assert schedule.decide(other, [node()], NOW) == []


def test_gates_keep_a_pod_waiting() -> None:
    (action,) = schedule.decide(waiting(schedulingGates=[{"name": "later"}]), [node()], NOW)
    assert isinstance(action, UpdateStatus)
    said = condition(action.object, "PodScheduled")
    assert said is not None
    assert said["reason"] == "SchedulingGated"


@pytest.mark.parametrize(
    ("of", "nodes", "gone"),
    [
        (pod(), {"sandbox"}, False),
        (pod(node="other"), {"sandbox"}, True),
        (pod(node="other"), set(), False),
        (pod(node="", deleting=True), {"sandbox"}, True),
        (pod(node=""), {"sandbox"}, False),
        (pod(deleting=True), {"sandbox"}, False),
    ],
)
def test_which_pods_nobody_else_clears_away(of: Object, nodes: set[str], gone: bool) -> None:
    actions = podgc.decide(of, nodes)
    assert actions == ([Delete(of, grace_seconds=0)] if gone else [])
