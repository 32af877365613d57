"""What controllers make of workloads: rollouts, endpoints, jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api import lives
from tests.kubernetes_api.lives import follow, runs, since

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Api
    from tests.mesh.cluster import Cluster

Json = dict[str, Any]

pytestmark = pytest.mark.timeout(180)

LABELS = {"app": "web"}


def _deployment(replicas: int, **container: Any) -> Json:
    spec = {"containers": [lives.serving(**container)], "terminationGracePeriodSeconds": 10}
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": spec},
        },
    }


def _settled(replicas: int) -> Any:
    def holds(found: Json) -> bool:
        status = found["status"]
        return bool(
            status.get("observedGeneration") == found["metadata"]["generation"]
            and status.get("updatedReplicas") == status.get("replicas") == replicas
            and status.get("availableReplicas") == replicas
        )

    return holds


def _conditions(endpoint: Json) -> str:
    """`ready`, `serving`, `terminating`: those that hold."""
    found = endpoint["conditions"]
    return " ".join(name for name in ("ready", "serving", "terminating") if found.get(name))


def _lives_of_endpoints(slices: list[Json]) -> list[list[str]]:
    """What became of each address, in the order in which they came."""
    seen: dict[str, list[str]] = {}
    for one in slices:
        present = {}
        for endpoint in one.get("endpoints") or []:
            present[endpoint["targetRef"]["name"]] = _conditions(endpoint)
        for name in {*seen, *present}:
            seen.setdefault(name, []).append(present.get(name, "gone"))
    return [lives.changes(one) for one in seen.values()]


def test_a_deployment_comes_up(api: Api) -> None:
    version = since(api, "deployments")
    api.quietly("POST", "deployments", _deployment(2))
    last = follow(api, "deployments", version, _settled(2))[-1]
    api.transcript.note(
        "status",
        None,
        {name: value for name, value in last["status"].items() if name != "conditions"},
    )
    api.transcript.note("revision", None, last["metadata"]["annotations"])


def test_a_replication_controller_comes_up(api: Api) -> None:
    template = _deployment(2)["spec"]["template"]
    version = since(api, "replicationcontrollers")
    api.quietly(
        "POST",
        "replicationcontrollers",
        {"metadata": {"name": "web"}, "spec": {"replicas": 2, "template": template}},
    )
    seen = follow(
        api,
        "replicationcontrollers",
        version,
        lambda one: one["status"].get("availableReplicas") == 2,
    )
    api.transcript.note("selector", None, seen[-1]["spec"]["selector"])
    api.transcript.note("status", None, seen[-1]["status"])
    owners = [
        one["metadata"]["ownerReferences"] for one in api.quietly("GET", "pods").body["items"]
    ]
    api.transcript.note("owners", None, owners)


def test_its_conditions(api: Api, cluster: Cluster) -> None:
    api.quietly("POST", "deployments", _deployment(1))

    def over() -> bool:
        found = api.quietly("GET", "deployments/web").body
        return lives.conditions(found) == {
            "Available": "True MinimumReplicasAvailable",
            "Progressing": "True NewReplicaSetAvailable",
        }

    cluster.terminal.wait_until("the rollout is complete", over, seconds=60, every=0.2)
    api.quietly(
        "PATCH",
        "deployments/web",
        {
            "spec": {
                "progressDeadlineSeconds": 2,
                "template": {"spec": {"nodeSelector": {"no": "where"}}},
            }
        },
        content_type="application/merge-patch+json",
    )

    def stuck() -> bool:
        found = api.quietly("GET", "deployments/web").body
        return lives.conditions(found).get("Progressing") == "False ProgressDeadlineExceeded"

    cluster.terminal.wait_until("the rollout is stuck", stuck, seconds=60, every=0.2)
    assert api.quietly("GET", "deployments/web").body["status"]["availableReplicas"] == 1


def test_a_rollout_never_has_fewer_than_it_should(api: Api) -> None:
    version = since(api, "deployments")
    api.quietly("POST", "deployments", _deployment(3))
    version = follow(api, "deployments", version, _settled(3))[-1]["metadata"]["resourceVersion"]
    api.quietly(
        "PATCH",
        "deployments/web",
        {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}},
        content_type="application/merge-patch+json",
    )
    seen = follow(api, "deployments", version, _settled(3))
    assert min(one["status"].get("availableReplicas", 0) for one in seen) == 3
    # Statuses of two sets are added up, and the one that grows may be told before the one that shrinks.
    assert max(one["status"].get("replicas", 0) for one in seen) in (4, 5)
    sets = api.quietly("GET", "replicasets").body["items"]
    api.transcript.note(
        "sets",
        None,
        sorted(
            (
                one["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
                one["spec"]["replicas"],
            )
            for one in sets
        )
        and [
            [
                one["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
                one["spec"]["replicas"],
            ]
            for one in sorted(
                sets,
                key=lambda one: one["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            )
        ],
    )


def test_a_rollback_takes_the_old_set_again(api: Api, cluster: Cluster) -> None:
    version = since(api, "deployments")
    api.quietly("POST", "deployments", _deployment(1))
    follow(api, "deployments", version, _settled(1))
    for image in ("localhost/none:1", lives.PYTHON):
        change = [
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}
        ]
        api.quietly("PATCH", "deployments/web", change, content_type="application/json-patch+json")
        cluster.terminal.wait_until(
            "it is seen",
            lambda: (
                (found := api.quietly("GET", "deployments/web").body)["status"].get(
                    "observedGeneration"
                )
                == found["metadata"]["generation"]
            ),
            seconds=30,
            every=0.1,
        )
    cluster.terminal.wait_until(
        "the first set has its pod again and the second none",
        lambda: (
            sorted(
                (
                    one["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
                    one["status"]["replicas"],
                )
                for one in api.quietly("GET", "replicasets").body["items"]
            )
            == [("2", 0), ("3", 1)]
        ),
        seconds=60,
        every=0.2,
    )


def test_endpoints_of_a_rollout(api: Api, cluster: Cluster) -> None:
    version = since(api, "endpointslices")
    api.quietly(
        "POST",
        "services",
        {
            "metadata": {"name": "web"},
            "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    )
    api.quietly("POST", "deployments", _deployment(1, lifecycle=lives.hook("time.sleep(2)")))

    def has(*wanted: str) -> Any:
        return lambda one: sorted(map(_conditions, one.get("endpoints") or [])) == sorted(wanted)

    follow(api, "endpointslices", version, has("ready serving"))
    first = api.quietly("GET", "pods").names
    api.quietly(
        "PATCH",
        "deployments/web",
        {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}},
        content_type="application/merge-patch+json",
    )
    cluster.terminal.wait_until(
        "only the new pod is left",
        lambda: len(names := api.quietly("GET", "pods").names) == 1 and names != first,
        seconds=60,
        every=0.2,
    )
    cluster.terminal.wait_until(
        "only the new endpoint is left",
        lambda: (
            [
                _conditions(endpoint)
                for one in api.quietly("GET", "endpointslices").body["items"]
                for endpoint in one["endpoints"]
            ]
            == ["ready serving"]
        ),
        seconds=30,
        every=0.2,
    )
    last = api.quietly("GET", "endpointslices").body["items"][0]["metadata"]["resourceVersion"]
    seen = follow(
        api, "endpointslices", version, lambda one: one["metadata"]["resourceVersion"] == last
    )
    old, new = _lives_of_endpoints(seen)
    api.transcript.note("old", None, [one for one in old if one])
    api.transcript.note("new", None, [one for one in new if one not in ("", "gone")])
    api.transcript.note("ports", None, seen[-1]["ports"])
    api.transcript.note("labels", None, seen[-1]["metadata"]["labels"])
    keys = sorted(seen[-1]["endpoints"][0])
    api.transcript.note("endpoint", None, keys)


def test_endpoints_that_are_not_ready(api: Api, cluster: Cluster) -> None:
    never = lives.asks("False")
    for name, publish in (("web", False), ("all", True)):
        api.quietly(
            "POST",
            "services",
            {
                "metadata": {"name": name},
                "spec": {
                    "selector": LABELS,
                    "clusterIP": "None",
                    "publishNotReadyAddresses": publish,
                    "ports": [{"port": 80}],
                },
            },
        )
    api.quietly("POST", "deployments", _deployment(1, readinessProbe=never))

    def slices() -> dict[str, list[Json]]:
        return {
            one["metadata"]["labels"]["kubernetes.io/service-name"]: one["endpoints"] or []
            for one in api.quietly("GET", "endpointslices").body["items"]
        }

    def running() -> bool:
        return any(
            "running" in one["state"]
            for pod in api.quietly("GET", "pods").body["items"]
            for one in lives.statuses(pod)
        )

    cluster.terminal.wait_until("it runs", running, seconds=60, every=0.2)
    cluster.terminal.wait_until(
        "both have it",
        lambda: all(map(len, slices().values())) and len(slices()) == 2,
        seconds=30,
        every=0.2,
    )
    for name, endpoints in sorted(slices().items()):
        api.transcript.note(name, None, [one["conditions"] for one in endpoints])


def test_a_service_without_a_selector_has_no_slice(api: Api) -> None:
    api.quietly(
        "POST", "services", {"metadata": {"name": "bare"}, "spec": {"ports": [{"port": 80}]}}
    )
    api.quietly(
        "POST",
        "services",
        {"metadata": {"name": "web"}, "spec": {"selector": LABELS, "ports": [{"port": 80}]}},
    )
    version = "0"
    follow(
        api,
        "endpointslices",
        version,
        lambda one: one["metadata"]["labels"]["kubernetes.io/service-name"] == "web",
    )
    found = api.quietly("GET", "endpointslices").body["items"]
    api.transcript.note(
        "slices", None, [one["metadata"]["labels"]["kubernetes.io/service-name"] for one in found]
    )
    api.transcript.note("empty", None, [found[0]["endpoints"], found[0]["ports"]])


JOBS: dict[str, tuple[Json, str]] = {
    "that completes": ({"completions": 2, "parallelism": 1}, "pass"),
    "that fails": ({"backoffLimit": 0}, "sys.exit(3)"),
    "that takes too long": ({"activeDeadlineSeconds": 2}, "time.sleep(60)"),
    "of two at once": ({"completions": 2, "parallelism": 2, "completionMode": "Indexed"}, "sys.exit(int(os.environ['JOB_COMPLETION_INDEX']) * 0)"),
}  # fmt: skip


@pytest.mark.parametrize("which", JOBS)
def test_a_job(api: Api, which: str) -> None:
    spec, script = JOBS[which]
    pod = {
        "containers": [runs("app", script)],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
    }
    version = since(api, "jobs")
    api.quietly(
        "POST", "jobs", {"metadata": {"name": "work"}, "spec": {**spec, "template": {"spec": pod}}}
    )
    seen = follow(
        api, "jobs", version, lambda job: bool({"Complete", "Failed"} & set(lives.conditions(job)))
    )
    status = seen[-1]["status"]
    api.transcript.note("conditions", None, dict(sorted(lives.conditions(seen[-1]).items())))
    api.transcript.note(
        "counted",
        None,
        {
            name: status.get(name)
            for name in ("succeeded", "failed", "active", "ready", "completedIndexes")
        },
    )
    assert ("completionTime" in status) == ("Complete" in lives.conditions(seen[-1]))


def test_a_job_with_a_sidecar_completes(api: Api) -> None:
    side = runs("side", lives.FOR_EVER, restartPolicy="Always")
    pod = {
        "initContainers": [side],
        "containers": [runs("app", "time.sleep(1)")],
        "restartPolicy": "Never",
    }
    version = since(api, "jobs")
    api.quietly("POST", "jobs", {"metadata": {"name": "work"}, "spec": {"template": {"spec": pod}}})
    seen = follow(
        api, "jobs", version, lambda job: bool({"Complete", "Failed"} & set(lives.conditions(job)))
    )
    api.transcript.note("conditions", None, dict(sorted(lives.conditions(seen[-1]).items())))
