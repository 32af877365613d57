from typing import Any

import pytest

from sandbox.node.resources import cgroup_resources, oom_score_adj, qos_class

NODE_MEMORY = 8 * 1024**3


def container(
    requests: dict[str, str] | None = None, limits: dict[str, str] | None = None
) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests or {}, "limits": limits or {}}}


def pod(*containers: dict[str, Any], init: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), "initContainers": init or []}}


FULL = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (pod(container()), "BestEffort"),
        (pod(container({"cpu": "0"})), "BestEffort"),
        (pod(container({"cpu": "100m"})), "Burstable"),
        (pod(container(limits={"memory": "1Gi"})), "Burstable"),
        (pod(container(limits=FULL)), "Guaranteed"),
        (pod(container(FULL, FULL)), "Guaranteed"),
        (pod(container({"cpu": "1000m", "memory": "1024Mi"}, FULL)), "Guaranteed"),
        (pod(container({"cpu": "500m", "memory": "1Gi"}, FULL)), "Burstable"),
        (pod(container(FULL, FULL), container()), "Burstable"),
        (pod(container(FULL, FULL), init=[container()]), "Burstable"),
    ],
)
def test_quality_of_service(one: dict[str, Any], expected: str) -> None:
    assert qos_class(one) == expected


def test_cgroup_values_follow_the_kubelet() -> None:
    resources = cgroup_resources(container({"cpu": "250m"}, {"cpu": "500m", "memory": "128Mi"}))
    assert resources["memory"] == {"limit": 134217728}
    assert resources["cpu"] == {"shares": 256, "quota": 50_000, "period": 100_000}


def test_no_limit_means_no_quota_and_the_least_shares() -> None:
    assert cgroup_resources(container())["cpu"] == {"shares": 2}
    assert "memory" not in cgroup_resources(container())


def test_a_limit_alone_is_also_the_request() -> None:
    assert cgroup_resources(container(limits={"cpu": "2"}))["cpu"]["shares"] == 2048


def test_a_tiny_limit_is_raised_to_what_the_kernel_takes() -> None:
    assert cgroup_resources(container(limits={"cpu": "1m"}))["cpu"]["quota"] == 1000


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (container(), 1000),
        (container(FULL, FULL), -997),
        (container({"memory": "4Gi"}), 500),
        (container({"memory": "8Gi"}), 3),
        (container({"cpu": "1"}), 999),
    ],
)
def test_out_of_memory_score(one: dict[str, Any], expected: int) -> None:
    assert oom_score_adj(pod(one), one, NODE_MEMORY) == expected
