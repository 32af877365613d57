from typing import Any

import pytest

from sandbox.node.status import (
    Running,
    Situation,
    State,
    Terminated,
    View,
    Waiting,
    phase_of,
    pod_status,
)

OK = Terminated(0, "Completed", 1, 2)
BAD = Terminated(1, "Error", 1, 2)
RUNS = Running(1)
CREATING = Waiting("ContainerCreating")
LOOPING = Waiting("CrashLoopBackOff")


def pod(policy: str = "Always", **more: Any) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"restartPolicy": policy, **more}}


def main(state: State, *, last: Terminated | None = None, ready: bool = False) -> View:
    return View("main", "main", "image", state, last, ready=ready)


def init(state: State) -> View:
    return View("init", "init", "image", state)


def sidecar(state: State, *, started: bool = False, ready: bool = False) -> View:
    return View("side", "sidecar", "image", state, started=started, ready=ready)


def situation(*, initialized: bool = True, settled: bool = False, **more: Any) -> Situation:
    return Situation(0, "10.244.0.1", "10.244.0.9", settled, initialized, **more)


@pytest.mark.parametrize(
    ("policy", "views", "settled", "phase"),
    [
        ("Always", [main(CREATING)], False, "Pending"),
        ("Always", [main(RUNS)], False, "Running"),
        ("Always", [main(RUNS), main(CREATING)], False, "Pending"),
        ("Always", [main(LOOPING, last=BAD)], False, "Running"),
        ("Always", [main(OK)], False, "Running"),
        ("OnFailure", [main(OK)], False, "Running"),
        ("OnFailure", [main(OK)], True, "Succeeded"),
        ("OnFailure", [main(BAD)], False, "Running"),
        ("OnFailure", [main(OK), main(RUNS)], False, "Running"),
        ("Never", [main(OK)], True, "Succeeded"),
        ("Never", [main(BAD)], False, "Running"),
        ("Never", [main(BAD)], True, "Failed"),
        ("Never", [main(OK), main(BAD)], True, "Failed"),
        ("Never", [main(OK), sidecar(RUNS)], False, "Running"),
        ("Never", [main(OK), sidecar(BAD)], True, "Succeeded"),
    ],
)
def test_phases(policy: str, views: list[View], settled: bool, phase: str) -> None:
    assert phase_of(pod(policy), views, situation(settled=settled)) == phase


@pytest.mark.parametrize(
    ("policy", "state", "settled", "phase"),
    [
        ("Always", RUNS, False, "Pending"),
        ("Always", BAD, False, "Pending"),
        ("Never", BAD, False, "Pending"),
        ("Never", BAD, True, "Failed"),
        ("OnFailure", LOOPING, False, "Pending"),
    ],
)
def test_phases_before_initialization(policy: str, state: State, settled: bool, phase: str) -> None:
    views = [init(state), main(CREATING)]
    assert phase_of(pod(policy), views, situation(initialized=False, settled=settled)) == phase


def test_a_deadline_fails_the_pod_when_nothing_runs_any_more() -> None:
    late: dict[str, Any] = {"failed": True, "reason": "DeadlineExceeded"}
    assert phase_of(pod(), [main(RUNS)], situation(**late)) == "Running"
    assert phase_of(pod(), [main(OK)], situation(settled=True, **late)) == "Failed"


def conditions(one: dict[str, Any], views: list[View], **more: Any) -> dict[str, tuple[str, str]]:
    found = pod_status(one, views, situation(**more), 0)["conditions"]
    return {entry["type"]: (entry["status"], entry.get("reason", "")) for entry in found}


def test_conditions_while_initializing() -> None:
    found = conditions(pod(), [init(RUNS), main(CREATING)], initialized=False)
    assert found == {
        "PodReadyToStartContainers": ("True", ""),
        "Initialized": ("False", "ContainersNotInitialized"),
        "Ready": ("False", "ContainersNotReady"),
        "ContainersReady": ("False", "ContainersNotReady"),
        "PodScheduled": ("True", ""),
    }


@pytest.mark.parametrize(("side", "ready"), [(True, "True"), (False, "False")])
def test_a_sidecar_counts_for_readiness(side: bool, ready: str) -> None:
    views = [sidecar(RUNS, started=True, ready=side), main(RUNS, ready=True)]
    assert conditions(pod(), views)["Ready"][0] == ready


def test_an_init_container_does_not_count_once_it_is_done() -> None:
    assert conditions(pod(), [init(OK), main(RUNS, ready=True)])["Ready"] == ("True", "")


def test_readiness_gates() -> None:
    gated = pod(readinessGates=[{"conditionType": "example.com/in"}])
    views = [main(RUNS, ready=True)]
    assert conditions(gated, views)["Ready"] == ("False", "ReadinessGatesNotReady")
    assert conditions(gated, views)["ContainersReady"] == ("True", "")
    closed = {**gated, "status": {"conditions": [{"type": "example.com/in", "status": "False"}]}}
    assert conditions(closed, views)["Ready"] == ("False", "ReadinessGatesNotReady")
    opened = {**gated, "status": {"conditions": [{"type": "example.com/in", "status": "True"}]}}
    assert conditions(opened, views)["Ready"] == ("True", "")
    assert conditions(opened, views)["example.com/in"] == ("True", "")


def test_times_change_only_with_the_value() -> None:
    first = pod_status(pod(), [main(RUNS)], situation(), 100)
    second = pod_status({**pod(), "status": first}, [main(RUNS, ready=True)], situation(), 200)
    times = {one["type"]: one["lastTransitionTime"] for one in second["conditions"]}
    assert times["PodScheduled"] == "1970-01-01T00:01:40Z"
    assert times["Ready"] == "1970-01-01T00:03:20Z"


def test_a_finished_job_is_complete_and_not_ready() -> None:
    found = conditions(pod("Never"), [main(OK)], settled=True)
    assert found["Ready"] == found["ContainersReady"] == ("False", "PodCompleted")
    assert found["Initialized"] == ("True", "PodCompleted")
    assert found["PodReadyToStartContainers"][0] == "False"


def test_container_statuses() -> None:
    crashed = Terminated(7, "Error", 10, 20, "runc://x", "boom")
    looping = View("main", "main", "image", LOOPING, crashed, 3, image_id="image@sha256:0")
    found = pod_status(pod(), [sidecar(RUNS, started=True), looping], situation(), 0)
    assert found["initContainerStatuses"][0]["state"] == {
        "running": {"startedAt": "1970-01-01T00:00:01Z"}
    }
    assert found["containerStatuses"] == [
        {
            "name": "main",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {
                "terminated": {
                    "exitCode": 7,
                    "reason": "Error",
                    "startedAt": "1970-01-01T00:00:10Z",
                    "finishedAt": "1970-01-01T00:00:20Z",
                    "containerID": "runc://x",
                    "message": "boom",
                }
            },
            "ready": False,
            "restartCount": 3,
            "image": "image",
            "imageID": "image@sha256:0",
            "started": False,
        }
    ]


def test_main_containers_wait_for_the_initial_ones() -> None:
    found = pod_status(pod(), [init(RUNS), main(CREATING)], situation(initialized=False), 0)
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
