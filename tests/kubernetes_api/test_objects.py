"""Making, changing and removing objects: versions, conflicts, finalizers, owners, generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kubernetes_api.samples import config_map, deployment, pod, service

if TYPE_CHECKING:
    from tests.kubernetes_api.api import Answer, Api
    from tests.mesh.cluster import Cluster

HELD = "example.com/held"


def test_a_life(api: Api) -> None:
    made = api.create("configmaps", config_map("one", a="1"))
    api.get("configmaps/one")
    api.replace("configmaps/one", {**made.body, "data": {"a": "2"}})
    api.get("configmaps/one")
    api.delete("configmaps/one")
    api.get("configmaps/one")
    api.delete("configmaps/one")


def test_a_name_is_taken_once(api: Api) -> None:
    api.create("configmaps", config_map("one"))
    api.create("configmaps", config_map("one"))
    api.create("configmaps", config_map("one"), dryRun="All")


def test_a_stale_version_conflicts(api: Api) -> None:
    made = api.create("configmaps", config_map("one", a="1"))
    api.replace("configmaps/one", {**made.body, "data": {"a": "2"}})
    api.replace("configmaps/one", {**made.body, "data": {"a": "3"}})
    patch = {"metadata": {"resourceVersion": made.version}, "data": {"a": "4"}}
    for kind in ("merge", "strategic"):
        api.patch("configmaps/one", patch, kind)
    api.replace("configmaps/one", config_map("one", a="5"))


def test_another_uid_conflicts(api: Api) -> None:
    api.create("configmaps", config_map("one"))
    body = config_map("one", a="1")
    body["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    for answer in (
        api.quietly("PUT", "configmaps/one", body),
        api.quietly(
            "DELETE", "configmaps/one", {"preconditions": {"uid": body["metadata"]["uid"]}}
        ),
        api.quietly("DELETE", "configmaps/one", {"preconditions": {"resourceVersion": "1"}}),
    ):
        api.transcript.note("another", answer.code, answer.body["reason"])
    api.get("configmaps/one")


def test_a_change_of_nothing_is_no_version(api: Api) -> None:
    made = api.create("configmaps", config_map("one", a="1"))
    api.replace("configmaps/one", made.body)
    api.patch("configmaps/one", {"data": {"a": "1"}}, "merge")
    api.patch("configmaps/one", {"data": {"a": "1"}}, "strategic")
    api.patch("configmaps/one", [{"op": "replace", "path": "/data/a", "value": "1"}], "json")


def test_what_a_write_must_agree_with(api: Api) -> None:
    api.create("configmaps", config_map("one"))
    api.replace("configmaps/one", config_map("two"))
    api.replace("configmaps/none", config_map("none"))
    api.create("configmaps", {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}})
    api.create("configmaps", {"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "x"}})
    api.create("configmaps", {"metadata": {"name": "x", "namespace": "elsewhere"}})
    api.create("/api/v1/namespaces/no-such-namespace/configmaps", config_map("x"))
    api.create("configmaps/one", config_map("one"))
    api.ask("PUT", "configmaps", config_map("one"))
    api.get("nothings")
    api.get("/apis/nothing.example/v1/things")


def test_what_the_server_decides(api: Api) -> None:
    """Given by the client, and not taken."""
    body = config_map("one")
    body["metadata"] |= {
        "uid": "00000000-0000-0000-0000-000000000000",
        "creationTimestamp": "2020-01-01T00:00:00Z",
        "selfLink": "/somewhere",
        "deletionTimestamp": "2020-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 3,
    }
    api.create("configmaps", body)
    made = api.create("deployments", {**deployment(), "status": {"replicas": 5}}, dryRun="All")
    assert made.code == 201


def test_names_are_generated(api: Api) -> None:
    made = api.quietly("POST", "configmaps", {"metadata": {"generateName": "some-"}})
    name = made.body["metadata"]["name"]
    assert made.code == 201
    assert name.startswith("some-")
    assert len(name) == len("some-") + 5
    assert made.body["metadata"]["generateName"] == "some-"
    api.create("configmaps", {"metadata": {}})


def test_a_finalizer_delays_the_end(api: Api) -> None:
    body = config_map("one", a="1")
    body["metadata"]["finalizers"] = [HELD]
    api.create("configmaps", body)
    api.delete("configmaps/one")
    api.get("configmaps/one")
    api.delete("configmaps/one")
    api.patch("configmaps/one", {"data": {"a": "2"}})
    api.patch("configmaps/one", {"metadata": {"finalizers": [HELD, "example.com/more"]}})
    last = _patched(api, "configmaps/one", {"metadata": {"finalizers": None}})
    assert last.code == 200
    api.get("configmaps/one")


def test_finalizers_have_qualified_names(api: Api) -> None:
    for name in ("held", "example.com/", "a b/c"):
        body = config_map("one")
        body["metadata"]["finalizers"] = [name]
        api.create("configmaps", body)


def test_generation_counts_specifications(api: Api) -> None:
    def generation(answer: Answer) -> None:
        api.transcript.note("generation", None, answer.body["metadata"]["generation"])

    generation(api.quietly("POST", "deployments", deployment(replicas=0, paused=True)))
    for change in (
        {"metadata": {"labels": {"a": "b"}}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"spec": {"minReadySeconds": 5}},
        {"spec": {"minReadySeconds": 5}},
        {"spec": {"minReadySeconds": None}},
        {"spec": {"paused": True}},
        {"spec": {"paused": None}},
    ):
        generation(_patched(api, "deployments/web", change))
    scaled = api.quietly("GET", "deployments/web/scale").body
    api.quietly("PUT", "deployments/web/scale", {**scaled, "spec": {"replicas": 0}})
    generation(api.quietly("GET", "deployments/web"))


def test_status_is_written_apart(api: Api) -> None:
    """A pod that nobody schedules, so nobody else writes its status."""
    made = api.create(
        "pods", {**pod("one", schedulerName="nobody"), "status": {"phase": "Running"}}
    )
    both = {**made.body, "status": {"phase": "Pending", "message": "waits"}}
    both["metadata"] = {**both["metadata"], "labels": {"a": "b"}}
    api.replace("pods/one/status", both)
    api.patch("pods/one/status", {"status": {"message": "waits longer"}})
    api.patch(
        "pods/one", {"status": {"message": "not written"}, "metadata": {"labels": {"c": "d"}}}
    )
    api.get("pods/one/status")


def test_scale(api: Api) -> None:
    api.quietly("POST", "replicasets", deployment(replicas=0))
    found = api.quietly("GET", "replicasets/web/scale").body
    api.transcript.note("scale", None, {**found, "status": found["status"]})
    api.replace("replicasets/web/scale", {**found, "spec": {"replicas": -1}})
    scaled = api.quietly("PATCH", "replicasets/web/scale", {"spec": {"replicas": 0}},
                         content_type="application/merge-patch+json")  # fmt: skip
    assert scaled.code == 200
    api.get("configmaps/one/scale")
    api.get("replicasets/none/scale")


def test_a_dry_run_leaves_nothing(api: Api) -> None:
    api.create("configmaps", config_map("one"), dryRun="All")
    api.get("configmaps/one")
    api.create("configmaps", config_map("one", a="1"))
    api.patch("configmaps/one", {"data": {"a": "2"}}, dryRun="All")
    api.delete("configmaps/one", dryRun="All")
    api.get("configmaps/one")
    api.create("configmaps", config_map("two"), dryRun="Some")


def test_a_collection_goes_by_selector(api: Api) -> None:
    for name, tier in (("a", "front"), ("b", "front"), ("c", "back")):
        api.quietly("POST", "configmaps", config_map(name, labels={"tier": tier}))
    gone = api.quietly("DELETE", "configmaps", query={"labelSelector": "tier=front"})
    assert gone.code == 200
    left = api.quietly("GET", "configmaps", query={"labelSelector": "tier"})
    assert left.names == ["c"]


@pytest.mark.parametrize("kind", ["secret", "configmap"])
def test_what_is_immutable_stays(api: Api, kind: str) -> None:
    path = f"{kind}s/one"
    api.create(f"{kind}s", {**config_map("one"), "immutable": True})
    api.patch(path, {"data": {"a": "MQ=="}})
    api.patch(path, {"immutable": False})
    api.patch(path, {"metadata": {"labels": {"a": "b"}}})


FIXED = {
    "selector of a deployment": ("deployments/web", deployment(paused=True), {"spec": {"selector": {"matchLabels": {"app": "x"}}}}),
    "address of a service": ("services/web", service(), {"spec": {"clusterIP": "10.96.99.99"}}),
    "node of a pod": ("pods/one", pod("one"), {"spec": {"nodeName": "x"}}),
    "host network of a pod": ("pods/one", pod("one"), {"spec": {"hostNetwork": True}}),
    "command of a pod": ("pods/one", pod("one"), {"spec": {"containers": [{"name": "app", "command": ["x"]}]}}),
    "type of a secret": ("secrets/one", {"metadata": {"name": "one"}}, {"type": "x/y"}),
    "claim of a stateful set": ("statefulsets/web", deployment(replicas=0, serviceName="web"), {"spec": {"serviceName": "x"}}),
}  # fmt: skip


@pytest.mark.parametrize("what", FIXED)
def test_what_cannot_be_changed(api: Api, what: str) -> None:
    path, body, change = FIXED[what]
    api.quietly("POST", path.split("/")[0], body)
    _say_status(api, path, change)


ALLOWED = {
    "image of a pod": ("pods/one", pod("one"), {"spec": {"containers": [{"name": "app", "image": "y"}]}}),
    "deadline of a pod": ("pods/one", pod("one"), {"spec": {"activeDeadlineSeconds": 9}}),
    "toleration of a pod": ("pods/one", pod("one"), {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}}),
    "port of a service": ("services/web", service(), {"spec": {"ports": [{"port": 81}]}}),
}  # fmt: skip


@pytest.mark.parametrize("what", ALLOWED)
def test_what_can_be_changed(api: Api, what: str) -> None:
    path, body, change = ALLOWED[what]
    api.quietly("POST", path.split("/")[0], body)
    _say_status(api, path, change)


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_what_is_owned_goes_with_its_owner(api: Api, cluster: Cluster, policy: str) -> None:
    owner = api.quietly("POST", "configmaps", config_map("owner")).body
    owned = config_map("owned")
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    owned["metadata"]["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
    api.quietly("POST", "configmaps", owned)
    api.quietly("DELETE", "configmaps/owner", {"propagationPolicy": policy})

    def over() -> bool:
        if api.quietly("GET", "configmaps/owner").code == 200:
            return False
        found = api.quietly("GET", "configmaps/owned")
        if policy == "Orphan":
            return found.code == 200 and not found.body["metadata"].get("ownerReferences")
        return found.code == 404

    cluster.terminal.wait_until(f"{policy} is over", over, seconds=60, every=0.1)


def test_an_owner_that_never_was_takes_what_it_owns(api: Api, cluster: Cluster) -> None:
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "no-such-uid"}
    ]
    api.quietly("POST", "configmaps", owned)
    _await_gone(api, cluster, "configmaps/owned")


def test_a_namespace_on_its_way_out_takes_nothing_more(api: Api, cluster: Cluster) -> None:
    body = config_map("one")
    body["metadata"]["finalizers"] = [HELD]
    api.quietly("POST", "configmaps", body)
    here = f"/api/v1/namespaces/{api.namespace}"
    api.quietly("DELETE", here)
    api.create("configmaps", config_map("two"))
    api.quietly("PATCH", "configmaps/one", {"metadata": {"finalizers": None}},
                content_type="application/merge-patch+json")  # fmt: skip
    _await_gone(api, cluster, here)
    api.create("configmaps", config_map("three"))


def _await_gone(api: Api, cluster: Cluster, path: str) -> None:
    cluster.terminal.wait_until(
        f"{path} is gone",
        lambda: api.quietly("GET", path).code == 404,
        seconds=90,
        every=0.1,
    )


def _patched(api: Api, path: str, change: object) -> Answer:
    """A merge patch that is not compared."""
    return api.quietly("PATCH", path, change, content_type="application/strategic-merge-patch+json")


def _say_status(api: Api, path: str, change: object) -> None:
    """The code, and why not; a whole object has a test of its own."""
    answer = _patched(api, path, change)
    why = answer.body if answer.code >= 400 else "changed"
    api.transcript.note(f"PATCH {path}", answer.code, why)
