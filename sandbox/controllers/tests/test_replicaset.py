"""ReplicaSets: which pods go, what is adopted, what the status says."""

from typing import Any

import pytest

from sandbox.controllers import replicaset
from sandbox.controllers.actions import Again, Create, Delete, Update, UpdateStatus
from sandbox.controllers.objects import HASH_LABEL, Object, labels, name, owner_references
from sandbox.controllers.tests import builders as b
from sandbox.controllers.tests.builders import NOW, pod


def made(size: int = 2, **spec: Any) -> Object:
    owner = b.replicaset(b.deployment(), size)
    owner["spec"].update(spec)
    return owner


def owned(owner: Object, pod_name: str, **fields: Any) -> Object:
    return pod(pod_name, owner=owner, labels=labels(owner), **fields)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("x", node="", phase="Pending", ready=False), pod("y", ready=False, phase="Pending"), id="unplaced before placed"),
        pytest.param(pod("x", phase="Pending"), pod("y", phase="Unknown"), id="pending before unknown"),
        pytest.param(pod("x", phase="Unknown"), pod("y"), id="unknown before running"),
        pytest.param(pod("x", ready=False), pod("y"), id="not ready before ready"),
        pytest.param(pod("x", annotations={replicaset.DELETION_COST: "-5"}, ready_for=99), pod("y", ready_for=1), id="cheaper before dearer"),
        pytest.param(pod("x", ready_for=1), pod("y", ready_for=90), id="ready for less time first"),
        pytest.param(pod("x", restarts=4), pod("y", restarts=1), id="restarted more often first"),
        pytest.param(pod("x", age=60), pod("y", age=90), id="younger before older"),
        pytest.param(pod("x", ready=False, age=900), pod("y", age=10), id="readiness outweighs age"),
        pytest.param(pod("x", phase="Pending", annotations={replicaset.DELETION_COST: "99"}), pod("y"), id="phase outweighs cost"),
    ],
)  # fmt: skip
def test_who_goes_first(first: Object, second: Object) -> None:
    assert b.names(replicaset.scale_down_order([second, first], NOW)) == ["x", "y"]
    assert b.names(replicaset.scale_down_order([first, second], NOW)) == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "cost"), [("7", 7), ("-7", -7), ("", 0), ("dear", 0), ("1.5", 0), ("--1", 0)]
)
def test_a_cost_that_is_no_number_is_none(text: str, cost: int) -> None:
    assert replicaset.deletion_cost(pod(annotations={replicaset.DELETION_COST: text})) == cost


def test_missing_pods_are_made_by_the_template() -> None:
    owner = made(3)
    actions = replicaset.decide(owner, [owned(owner, "a")], NOW)
    created = [action.object for action in actions if isinstance(action, Create)]
    assert len(created) == 2
    assert created[0]["metadata"]["generateName"] == f"{name(owner)}-"
    assert labels(created[0])[HASH_LABEL] == labels(owner)[HASH_LABEL]
    assert owner_references(created[0]) == [
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": name(owner),
            "uid": "rs-web:1",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def test_a_replication_controller_is_served_by_its_plain_selector() -> None:
    owner = made(2)
    owner |= {"apiVersion": "v1", "kind": "ReplicationController"}
    owner["spec"]["selector"] = {"app": "web"}
    pods = [owned(owner, "a"), pod("orphan", labels={"app": "web"}), pod("b", labels={"app": "b"})]
    (adoption,) = replicaset.decide(owner, pods, NOW)
    assert isinstance(adoption, Update)
    assert name(adoption.object) == "orphan"
    (reference,) = owner_references(adoption.object)
    assert (reference["apiVersion"], reference["kind"]) == ("v1", "ReplicationController")
    (counts, created) = replicaset.decide(owner, pods[::2], NOW)
    assert isinstance(counts, UpdateStatus)
    assert isinstance(created, Create)
    assert owner_references(created.object) == [reference]


def test_surplus_pods_go_in_order() -> None:
    owner = made(1)
    pods = [
        owned(owner, "old"),
        owned(owner, "sick", ready=False),
        owned(owner, "new", age=5, ready_for=1),
    ]
    deleted = [a.object for a in replicaset.decide(owner, pods, NOW) if isinstance(a, Delete)]
    assert b.names(deleted) == ["sick", "new"]


def test_finished_and_leaving_pods_do_not_count() -> None:
    owner = made(2)
    pods = [owned(owner, "a", phase="Failed"), owned(owner, "b", deleting=True), owned(owner, "c")]
    actions = replicaset.decide(owner, pods, NOW)
    assert sum(isinstance(action, Create) for action in actions) == 1


def test_an_orphan_that_matches_is_adopted_and_nothing_else_happens_yet() -> None:
    owner = made(1)
    orphan = pod("orphan", labels=labels(owner))
    (adopted,) = replicaset.decide(owner, [orphan], NOW)
    assert isinstance(adopted, Update)
    assert owner_references(adopted.object)[0]["uid"] == "rs-web:1"


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param(pod("s", labels={"app": "web"}), id="matches not quite"),
        pytest.param(pod("s", owner=b.deployment(), labels=labels(made())), id="has another owner"),
        pytest.param(pod("s", deleting=True, labels=labels(made())), id="is leaving"),
        pytest.param(pod("s", phase="Succeeded", labels=labels(made())), id="has finished"),
    ],
)
def test_strangers_are_left_alone(stranger: Object) -> None:
    actions = replicaset.decide(made(0), [stranger], NOW)
    assert not any(isinstance(action, (Update, Delete)) for action in actions)


def test_a_child_that_matches_no_longer_is_released() -> None:
    owner = made(1)
    child = pod("child", owner=owner, labels={"app": "other"})
    (released,) = replicaset.decide(owner, [child], NOW)
    assert isinstance(released, Update)
    assert owner_references(released.object) == []


def test_a_deleted_replicaset_makes_and_adopts_nothing() -> None:
    owner = made(3)
    owner["metadata"]["deletionTimestamp"] = b.ago(0)
    actions = replicaset.decide(owner, [pod("orphan", labels=labels(owner))], NOW)
    assert not any(isinstance(action, (Create, Update, Delete)) for action in actions)


def test_available_means_ready_for_long_enough() -> None:
    owner = made(3, minReadySeconds=30)
    pods = [
        owned(owner, "long", ready_for=31),
        owned(owner, "short", ready_for=12),
        owned(owner, "not", ready=False),
    ]
    actions = replicaset.decide(owner, pods, NOW)
    (written,) = [a.object["status"] for a in actions if isinstance(a, UpdateStatus)]
    assert written == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "observedGeneration": 1,
    }
    assert [a.seconds for a in actions if isinstance(a, Again)] == [18.0]


def test_a_settled_replicaset_is_left_alone() -> None:
    owner = made(1)
    owner["status"] = replicaset.calculate_status(owner, [owned(owner, "a")], NOW)
    assert replicaset.decide(owner, [owned(owner, "a")], NOW) == []


def test_a_refused_creation_is_a_condition_until_the_size_is_right() -> None:
    failed = replicaset.with_failure(made(1), "no such image", NOW)
    (condition,) = failed["status"]["conditions"]
    assert (condition["type"], condition["message"]) == ("ReplicaFailure", "no such image")
    assert "conditions" in replicaset.calculate_status(failed, [], NOW)
    assert "conditions" not in replicaset.calculate_status(failed, [owned(failed, "a")], NOW)
