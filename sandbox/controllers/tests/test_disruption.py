"""How many pods of a budget may be evicted: the arithmetic, and that a status settles."""

from typing import Any

import pytest

from sandbox.controllers.actions import UpdateStatus
from sandbox.controllers.disruption import decide
from sandbox.controllers.objects import Object, status
from sandbox.controllers.tests.builders import NOW, pod


def budget(**wanted: Any) -> Object:
    return {
        "metadata": {"name": "b", "namespace": "default", "generation": 1},
        "spec": wanted,
        "status": {},
    }


SET: Object = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "rs", "uid": "rs"},
}


def counted(made: Object) -> tuple[int, int, int, int]:
    return (
        made["currentHealthy"],
        made["desiredHealthy"],
        made["disruptionsAllowed"],
        made["expectedPods"],
    )


@pytest.mark.parametrize(
    ("wanted", "ready", "unready", "expected"),
    [
        ({"minAvailable": 1}, 2, 0, (2, 1, 1, 2)),
        ({"minAvailable": 1}, 1, 1, (1, 1, 0, 2)),
        ({"minAvailable": 3}, 2, 0, (2, 3, 0, 2)),
        ({"minAvailable": "50%"}, 3, 0, (3, 2, 1, 4)),
        ({"minAvailable": "51%"}, 3, 0, (3, 3, 0, 4)),
        ({"maxUnavailable": 1}, 4, 0, (4, 3, 1, 4)),
        ({"maxUnavailable": 1}, 3, 0, (3, 3, 0, 4)),
        ({"maxUnavailable": "30%"}, 4, 0, (4, 2, 2, 4)),
        ({"maxUnavailable": 9}, 1, 0, (1, 0, 1, 4)),
        ({}, 2, 0, (2, 1, 1, 2)),
    ],
)
def test_how_many_may_go_of_a_set_that_wants_four(
    wanted: dict[str, Any], ready: int, unready: int, expected: tuple[int, ...]
) -> None:
    pods = [pod(owner=SET, ready=number < ready) for number in range(ready + unready)]
    (action,) = decide(budget(**wanted), pods, {"rs": 4}, NOW)
    assert isinstance(action, UpdateStatus)
    made = status(action.object)
    assert counted(made) == expected
    (condition,) = made["conditions"]
    assert condition["status"] == ("True" if expected[2] else "False")


def test_pods_of_nobody_count_for_a_number_and_not_for_a_share() -> None:
    bare = [pod("one"), pod("two")]
    (number,) = decide(budget(minAvailable=1), bare, {}, NOW)
    (share,) = decide(budget(maxUnavailable=1), bare, {}, NOW)
    assert isinstance(number, UpdateStatus)
    assert isinstance(share, UpdateStatus)
    assert status(number.object)["disruptionsAllowed"] == 1
    assert status(share.object)["disruptionsAllowed"] == 0


def test_a_pod_that_ends_is_not_healthy_and_a_status_that_is_right_stays() -> None:
    pods = [pod(owner=SET), pod(owner=SET, deleting=True)]
    (action,) = decide(budget(minAvailable=1), pods, {"rs": 2}, NOW)
    assert isinstance(action, UpdateStatus)
    assert counted(status(action.object)) == (1, 1, 0, 2)
    assert decide(action.object, pods, {"rs": 2}, NOW) == []
