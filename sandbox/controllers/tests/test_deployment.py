"""One step of a Deployment at a time: objects in, actions out."""

from typing import Any

import pytest

from sandbox.controllers import deployment
from sandbox.controllers.actions import Action, Again, Create, Delete, Event, Update, UpdateStatus
from sandbox.controllers.deployment import DESIRED, MAX, REVISION
from sandbox.controllers.objects import (
    HASH_LABEL,
    Object,
    annotations,
    condition,
    labels,
    name,
    spec,
    status,
)
from sandbox.controllers.tests import builders as b
from sandbox.controllers.tests.builders import NOW


def decide(of: Object, *sets: Object, pods: list[Object] | None = None) -> list[Action]:
    return deployment.decide(of, sets, pods or [], NOW)


def revised(of: Object, revision: str = "1") -> Object:
    of["metadata"]["annotations"] = {REVISION: revision}
    return of


def sizes(actions: list[Action]) -> dict[str, int]:
    """What the ReplicaSets' sizes are changed to, by the last letters of their images."""
    return {
        spec(action.object)["template"]["spec"]["containers"][0]["image"]: spec(action.object)[
            "replicas"
        ]
        for action in actions
        if isinstance(action, (Create, Update)) and action.object["kind"] == "ReplicaSet"
    }


def written(actions: list[Action]) -> Object:
    (found,) = [action.object for action in actions if isinstance(action, UpdateStatus)]
    return found


def test_the_first_step_creates_the_replicaset() -> None:
    wanted = b.deployment(replicas=4, minReadySeconds=7)
    wanted["metadata"]["annotations"] = {
        "team": "green", "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }  # fmt: skip
    create, event, progress = decide(wanted)
    assert isinstance(create, Create)
    made = create.object
    hashed = deployment.template_hash(wanted)
    assert name(made) == f"web-{hashed}"
    assert labels(made) == {"app": "web", HASH_LABEL: hashed}
    assert annotations(made) == {"team": "green", REVISION: "1", DESIRED: "4", MAX: "5"}
    assert spec(made)["selector"] == {"matchLabels": {"app": "web", HASH_LABEL: hashed}}
    assert spec(made)["template"]["metadata"]["labels"][HASH_LABEL] == hashed
    assert spec(made)["replicas"] == 4
    assert spec(made)["minReadySeconds"] == 7
    assert isinstance(event, Event)
    assert event.message == f"Scaled up replica set web-{hashed} from 0 to 4"
    assert isinstance(progress, UpdateStatus)
    said = condition(progress.object, "Progressing")
    assert said is not None
    assert said["reason"] == "NewReplicaSetCreated"


@pytest.mark.parametrize(
    ("surge", "unavailable", "new", "old", "expected"),
    [
        pytest.param(1, 0, None, (3, 3), {"web:2": 1}, id="surge first"),
        pytest.param(0, 1, None, (3, 3), {"web:2": 0}, id="no room yet"),
        pytest.param(0, 1, (0, 0), (3, 3), {"web:1": 2}, id="make room"),
        pytest.param(1, 0, (1, 0), (3, 3), {}, id="wait for the new one"),
        pytest.param(1, 0, (1, 1), (3, 3), {"web:1": 2}, id="one for one"),
        pytest.param(1, 0, (1, 1), (2, 2), {"web:2": 2}, id="grow again"),
        pytest.param(1, 0, (3, 3), (1, 1), {"web:1": 0}, id="the last old one"),
        pytest.param(1, 0, (3, 3), (0, 0), {}, id="done"),
        pytest.param("100%", "100%", None, (3, 3), {"web:2": 3}, id="all at once"),
        pytest.param(1, 1, (1, 0), (3, 1), {"web:1": 2}, id="unhealthy old pods go at once"),
    ],
)
def test_a_step_of_a_rolling_update(
    surge: int | str, unavailable: int | str, new: tuple[int, int] | None,
    old: tuple[int, int], expected: dict[str, int],
) -> None:  # fmt: skip
    wanted = revised(b.deployment(image="web:2", strategy=b.rolling(surge, unavailable)), "2")
    limit = deployment.View(wanted, None, ()).limit
    noted = (3, 3 + limit.max_surge)
    sets = [b.replicaset(wanted, old[0], available=old[1], noted=noted)]
    if new is not None:
        sets.append(
            b.replicaset(wanted, new[0], available=new[1], noted=noted, image="web:2", revision=2, age=10)
        )  # fmt: skip
    assert sizes(decide(wanted, *sets)) == expected


def test_recreate_shrinks_the_old_waits_for_its_pods_and_only_then_creates() -> None:
    wanted = revised(b.deployment(image="web:2", strategy={"type": "Recreate"}))
    old = b.replicaset(wanted, 3)
    assert sizes(decide(wanted, old)) == {"web:1": 0}
    empty = b.replicaset(wanted, 0)
    leaving = b.pod("p", owner=old, deleting=True)
    assert sizes(decide(wanted, empty, pods=[leaving])) == {}
    finished = b.pod("p", owner=old, phase="Failed")
    assert sizes(decide(wanted, empty, pods=[finished])) == {"web:2": 3}


def test_scaling_in_the_midst_of_a_rollout_is_shared() -> None:
    wanted = revised(b.deployment(replicas=12, image="web:2", strategy=b.rolling(2, 0)), "2")
    sets = [
        b.replicaset(wanted, 8, noted=(10, 12)),
        b.replicaset(wanted, 4, noted=(10, 12), image="web:2", available=0, revision=2),
    ]
    assert sizes(decide(wanted, *sets)) == {"web:1": 9, "web:2": 5}


def test_scaling_after_the_rollout_only_touches_the_new_one() -> None:
    wanted = revised(b.deployment(replicas=7, image="web:2"), "2")
    sets = [
        b.replicaset(wanted, 0, noted=(3, 4)),
        b.replicaset(wanted, 3, noted=(3, 4), image="web:2", revision=2),
    ]
    assert sizes(decide(wanted, *sets)) == {"web:2": 7}


def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    wanted = b.deployment(replicas=5, image="web:2", paused=True)
    actions = decide(wanted, b.replicaset(wanted, 3, noted=(3, 4)))
    assert sizes(actions) == {"web:1": 5}
    said = condition(written(actions), "Progressing")
    assert said is not None
    assert (said["status"], said["reason"]) == ("Unknown", "DeploymentPaused")


def test_an_old_template_that_comes_back_gets_the_highest_revision() -> None:
    wanted = revised(b.deployment(image="web:1"), "2")
    back = b.replicaset(wanted, 0, revision=1)
    latest = b.replicaset(wanted, 3, image="web:2", revision=2)
    actions = decide(wanted, back, latest)
    updated = {
        action.object["kind"]: action.object for action in actions if isinstance(action, Update)
    }
    assert annotations(updated["ReplicaSet"])[REVISION] == "3"
    assert annotations(updated["ReplicaSet"])["deployment.kubernetes.io/revision-history"] == "1"
    assert annotations(updated["Deployment"])[REVISION] == "3"


def test_history_beyond_the_limit_goes_oldest_first_and_only_when_empty() -> None:
    wanted = revised(b.deployment(image="web:5", revisionHistoryLimit=1), "5")
    past = [b.replicaset(wanted, 0, image=f"web:{n}", revision=n) for n in (3, 1, 2)]
    past.append(b.replicaset(wanted, 0, image="web:4", revision=4))
    past[1]["status"]["replicas"] = 1
    new = b.replicaset(wanted, 3, image="web:5", revision=5, noted=(3, 4))
    counts = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "observedGeneration": 1}
    wanted["status"] = counts
    gone = [a.object for a in decide(wanted, *past, new) if isinstance(a, Delete)]
    assert [spec(rs)["template"]["spec"]["containers"][0]["image"] for rs in gone] == [
        "web:2", "web:3",
    ]  # fmt: skip


def test_a_deployment_that_is_going_only_says_how_it_is() -> None:
    wanted = b.deployment(replicas=9)
    wanted["metadata"]["deletionTimestamp"] = b.ago(0)
    actions = decide(wanted, b.replicaset(wanted, 3))
    assert [type(action) for action in actions if not isinstance(action, Again)] == [UpdateStatus]


def settled(**fields: Any) -> tuple[Object, Object]:
    wanted = revised(b.deployment(**fields))
    new = b.replicaset(wanted, 3, noted=(3, 4))
    wanted["status"] = status(written(decide(wanted, new)))
    return wanted, new


def test_at_rest_nothing_is_written() -> None:
    wanted, new = settled()
    assert decide(wanted, new) == []
    assert status(wanted) == {
        "observedGeneration": 1,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "conditions": status(wanted)["conditions"],
    }
    reasons = [c["reason"] for c in status(wanted)["conditions"]]
    assert reasons == ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]


def test_losing_pods_is_unavailability_but_not_a_new_rollout() -> None:
    wanted, new = settled()
    new["status"] = {"replicas": 3, "readyReplicas": 1, "availableReplicas": 1}
    after = status(written(decide(wanted, new)))
    assert after["unavailableReplicas"] == 2
    reasons = [c["reason"] for c in after["conditions"]]
    assert reasons == ["MinimumReplicasUnavailable", "NewReplicaSetAvailable"]


def progress(reason: str, updated: float, value: str = "True") -> Object:
    stamp = {"lastUpdateTime": b.ago(updated), "lastTransitionTime": b.ago(updated)}
    return {"type": "Progressing", "status": value, "reason": reason, "message": "", **stamp}


def rolling_out(updated: float, counts: dict[str, int]) -> Object:
    wanted = revised(b.deployment(progressDeadlineSeconds=60))
    wanted["status"] = {
        "observedGeneration": 1,
        **counts,
        "conditions": [progress("ReplicaSetUpdated", updated)],
    }
    return wanted


COUNTS = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 1, "availableReplicas": 1}


def test_progress_restarts_the_deadline() -> None:
    wanted = rolling_out(50, {**COUNTS, "readyReplicas": 0, "availableReplicas": 0})
    new = b.replicaset(wanted, 3, available=1, noted=(3, 4))
    actions = decide(wanted, new)
    said = condition(written(actions), "Progressing")
    assert said is not None
    assert said["lastUpdateTime"] == b.ago(0)
    assert said["lastTransitionTime"] == b.ago(50)
    assert Again(60.0) in actions


def test_standing_still_waits_for_the_deadline_and_then_says_so() -> None:
    wanted = rolling_out(50, COUNTS)
    new = b.replicaset(wanted, 3, available=1, noted=(3, 4))
    assert Again(10.0) in decide(wanted, new)
    late = rolling_out(61, COUNTS)
    said = condition(written(decide(late, new)), "Progressing")
    assert said is not None
    assert (said["status"], said["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert said["message"] == f'ReplicaSet "{name(new)}" has timed out progressing.'


def test_without_a_deadline_there_is_no_progressing_condition() -> None:
    wanted = revised(b.deployment(progressDeadlineSeconds=2**31 - 1))
    actions = decide(wanted, b.replicaset(wanted, 3, available=0, noted=(3, 4)))
    assert condition(written(actions), "Progressing") is None
    assert not any(isinstance(action, Again) for action in actions)


def test_a_replicasets_failure_is_the_deployments() -> None:
    wanted = revised(b.deployment())
    new = b.replicaset(wanted, 3, available=0, noted=(3, 4))
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "no",
    }
    new["status"]["conditions"] = [failure]
    said = condition(written(decide(wanted, new)), "ReplicaFailure")
    assert said is not None
    assert (said["reason"], said["message"]) == ("FailedCreate", "no")


def test_equal_templates_have_equal_hashes_and_others_do_not() -> None:
    one, same, other = b.deployment(), b.deployment(replicas=9), b.deployment(image="web:2")
    assert deployment.template_hash(one) == deployment.template_hash(same)
    assert deployment.template_hash(one) != deployment.template_hash(other)
