"""What kubectl would show, and where the proxy listens."""

from typing import Any

import pytest

from web.stats import pods


def with_status(**status: Any) -> dict[str, Any]:
    return {"metadata": {}, "status": {"phase": "Running", **status}}


def container(**state: Any) -> dict[str, Any]:
    return {"name": "app", "state": state}


@pytest.mark.parametrize(
    ("pod", "shown"),
    [
        ({}, "Unknown"),
        (with_status(), "Running"),
        (with_status(phase="Pending"), "Pending"),
        (with_status(phase="Failed", reason="Evicted"), "Evicted"),
        (with_status(containerStatuses=[container(running={})]), "Running"),
        (
            with_status(containerStatuses=[container(waiting={"reason": "CrashLoopBackOff"})]),
            "CrashLoopBackOff",
        ),
        (with_status(containerStatuses=[container(terminated={"reason": "OOMKilled"})]), "OOMKilled"),
        (with_status(containerStatuses=[container(terminated={"signal": 9})]), "Signal:9"),
        (with_status(containerStatuses=[container(terminated={"exitCode": 3})]), "ExitCode:3"),
        (with_status(initContainerStatuses=[container(running={})]), "Init:0/1"),
        (
            with_status(initContainerStatuses=[container(terminated={"exitCode": 0})]),
            "Running",
        ),
        (
            with_status(initContainerStatuses=[container(terminated={"exitCode": 1})]),
            "Init:ExitCode:1",
        ),
        (
            with_status(initContainerStatuses=[container(waiting={"reason": "ErrImagePull"})]),
            "Init:ErrImagePull",
        ),
        (
            with_status(initContainerStatuses=[container(waiting={"reason": "PodInitializing"})]),
            "Init:0/1",
        ),
        (
            {
                "spec": {"initContainers": [{"name": "linkerd-proxy", "restartPolicy": "Always"}]},
                "status": {
                    "phase": "Running",
                    "initContainerStatuses": [
                        {"name": "linkerd-proxy", "started": True, "state": {"running": {}}}
                    ],
                },
            },
            "Running",
        ),
        ({**with_status(), "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "Terminating"),
        (
            {**with_status(reason="NodeLost"), "metadata": {"deletionTimestamp": "2026-01-01"}},
            "Unknown",
        ),
    ],
)  # fmt: skip
def test_displayed_status(pod: dict[str, Any], shown: str) -> None:
    assert pods.displayed_status(pod) == shown


def test_the_admin_port_is_the_one_declared() -> None:
    ports = [
        {"name": "linkerd-proxy", "containerPort": 4143},
        {"name": "linkerd-admin", "containerPort": 9191},
    ]
    proxy = {"name": "linkerd-proxy", "ports": ports}
    assert pods.admin_port({"spec": {"containers": [{"name": "app"}, proxy]}}) == 9191
    assert pods.admin_port({"spec": {"initContainers": [proxy]}}) == 9191
    assert pods.admin_port({"spec": {"containers": [{"name": "linkerd-proxy"}]}}) == 4191
    assert pods.admin_port({}) == 4191
    assert not pods.has_proxy({"spec": {"containers": [{"name": "app"}]}})
