"""All controllers on a real store, with a kubelet that makes every pod ready at once."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sandbox.apiserver.errors import ForbiddenError
from sandbox.apiserver.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from sandbox.apiserver.store import Store
from sandbox.apiserver.watch import Change
from sandbox.controllers.deployment import REVISION
from sandbox.controllers.loop import Worker
from sandbox.controllers.objects import (
    Object,
    annotations,
    condition_true,
    deleting,
    name,
    spec,
    status,
)
from sandbox.controllers.tests import builders as b
from sandbox.controllers.wiring import controllers


class Cluster:
    """Store, workers, and a kubelet. ``refuse`` makes creations fail with that message."""

    def __init__(self) -> None:
        self.store = Store()
        self.events: list[str] = []
        self.refuse: str | None = None
        self.phase = "Running"
        self.most_pods = 0
        self.least_ready = 10**6
        self._addresses = (f"10.244.0.{n}" for n in itertools.count(2))
        self.workers = [Worker(c, self.store, self, self._event) for c in controllers("THE CA")]

    async def create(self, kind: Kind, obj: Object) -> Object:
        await asyncio.sleep(0)  # admission takes a moment, in which others run
        if kind is POD and self.refuse:
            raise ForbiddenError(self.refuse)
        return self.store.create(kind, obj)

    def _event(self, about: Object, kind: str, reason: str, message: str) -> None:
        self.events.append(f"{kind} {reason} {message}")

    def _kubelet(self, kind: Kind, change: Change) -> None:
        if kind is POD:
            alive = [p for p in self.store.list(POD) if not deleting(p)]
            self.most_pods = max(self.most_pods, len(alive))
        pod = change.after
        if kind is not POD or pod is None or not spec(pod).get("nodeName"):
            return
        where = (str(pod["metadata"]["namespace"]), name(pod))
        if deleting(pod):
            self.store.delete(POD, *where, grace=0)
        elif not status(pod).get("phase"):
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": b.ago(0)}
            found = {"phase": self.phase, "podIP": next(self._addresses), "conditions": [ready]}
            self.store.merge(POD, *where, {"status": found})

    def start(self) -> None:
        self.store.observe(self._kubelet)
        self.store.create(NODE, {"metadata": {"name": "sandbox"}})
        for worker in self.workers:
            worker.start()
        for ns in ("default", "shop"):
            made = {"metadata": {"name": ns}, "spec": {"finalizers": ["kubernetes"]}}
            self.store.create(NAMESPACE, made)

    async def settle(self) -> None:
        for _ in range(2000):
            await asyncio.sleep(0)
            if all(worker.idle for worker in self.workers):
                return
        raise AssertionError(f"never at rest: {[w for w in self.workers if not w.idle]}")

    def names(self, kind: Kind, namespace: str = "default") -> list[str]:
        return [name(obj) for obj in self.store.list(kind, namespace)]

    def deployment(self) -> Object:
        return self.store.get(DEPLOYMENT, "default", "web")


Script = Callable[[Cluster], Awaitable[None]]


def run(script: Script) -> None:
    async def main() -> None:
        cluster = Cluster()
        cluster.start()
        try:
            await cluster.settle()
            await script(cluster)
        finally:
            for worker in cluster.workers:
                worker.stop()
            await asyncio.sleep(0)

    asyncio.run(main())


def web(**fields: Any) -> Object:
    return b.deployment(**fields)


def test_a_deployment_comes_up_and_says_so() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web(replicas=3))
        await c.settle()
        assert len(c.names(POD)) == 3
        assert status(c.deployment())["availableReplicas"] == 3
        assert condition_true(c.deployment(), "Available")
        (progress,) = [
            x for x in status(c.deployment())["conditions"] if x["type"] == "Progressing"
        ]
        assert progress["reason"] == "NewReplicaSetAvailable"
        assert annotations(c.deployment())[REVISION] == "1"

    run(script)


@pytest.mark.parametrize(
    ("surge", "unavailable", "most"), [(1, 0, 5), ("25%", "25%", 5), (0, 1, 4), ("100%", 0, 8)]
)
def test_a_rolling_update_stays_in_bounds_and_ends(
    surge: int | str, unavailable: int | str, most: int
) -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web(replicas=4, strategy=b.rolling(surge, unavailable)))
        await c.settle()
        c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"template": b.template("web:2")}})
        await c.settle()
        assert c.most_pods <= most
        images = [spec(p)["containers"][0]["image"] for p in c.store.list(POD, "default")]
        assert images == ["web:2"] * 4
        assert sorted(spec(rs)["replicas"] for rs in c.store.list(REPLICA_SET)) == [0, 4]
        assert annotations(c.deployment())[REVISION] == "2"

    run(script)


def test_going_back_finds_the_old_replicaset_again() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web())
        await c.settle()
        first = c.names(REPLICA_SET)
        for image in ("web:2", "web:1"):
            c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"template": b.template(image)}})
            await c.settle()
        back = c.store.get(REPLICA_SET, "default", first[0])
        assert spec(back)["replicas"] == 3
        assert annotations(back)[REVISION] == "3"
        assert annotations(back)["deployment.kubernetes.io/revision-history"] == "1"
        assert len(c.names(REPLICA_SET)) == 2

    run(script)


def test_recreate_lets_the_old_go_before_the_new_comes() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web(replicas=3, strategy={"type": "Recreate"}))
        await c.settle()
        c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"template": b.template("web:2")}})
        await c.settle()
        assert c.most_pods == 3
        images = {spec(p)["containers"][0]["image"] for p in c.store.list(POD, "default")}
        assert images == {"web:2"}
        assert len(c.names(POD)) == 3

    run(script)


def test_scaling_pausing_and_resuming() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web(replicas=2))
        await c.settle()
        c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"replicas": 5}})
        await c.settle()
        assert len(c.names(POD)) == 5
        change = {"spec": {"paused": True, "replicas": 1, "template": b.template("web:2")}}
        c.store.merge(DEPLOYMENT, "default", "web", change)
        await c.settle()
        images = [spec(p)["containers"][0]["image"] for p in c.store.list(POD, "default")]
        assert images == ["web:1"]
        c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"paused": None}})
        await c.settle()
        images = [spec(p)["containers"][0]["image"] for p in c.store.list(POD, "default")]
        assert images == ["web:2"]

    run(script)


def test_history_is_kept_to_its_limit() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web(revisionHistoryLimit=1))
        for image in ("web:1", "web:2", "web:3", "web:4"):
            c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"template": b.template(image)}})
            await c.settle()
        revisions = sorted(annotations(rs)[REVISION] for rs in c.store.list(REPLICA_SET))
        assert revisions == ["3", "4"]

    run(script)


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_deleting_a_deployment_takes_its_pods_along(propagation: Any) -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web())
        await c.settle()
        c.store.delete(DEPLOYMENT, "default", "web", propagation=propagation)
        await c.settle()
        assert c.names(DEPLOYMENT) == c.names(REPLICA_SET) == c.names(POD) == []

    run(script)


def test_orphans_stay_and_are_adopted_again() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web())
        await c.settle()
        before = c.names(POD)
        c.store.delete(DEPLOYMENT, "default", "web", propagation="Orphan")
        await c.settle()
        assert c.names(DEPLOYMENT) == []
        assert c.names(POD) == before
        c.store.create(DEPLOYMENT, web())
        await c.settle()
        assert c.names(POD) == before
        assert len(c.names(REPLICA_SET)) == 1

    run(script)


def test_an_owner_of_an_unknown_kind_is_not_taken_for_gone() -> None:
    async def script(c: Cluster) -> None:
        ref = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "x", "uid": "u"}
        meta = {"name": "kept", "namespace": "default", "ownerReferences": [ref]}
        c.store.create(CONFIG_MAP, {"metadata": meta})
        gone = {**ref, "apiVersion": "v1", "kind": "Secret"}
        meta = {"name": "lost", "namespace": "default", "ownerReferences": [gone]}
        c.store.create(CONFIG_MAP, {"metadata": meta})
        await c.settle()
        assert c.names(CONFIG_MAP) == ["kept", "kube-root-ca.crt"]

    run(script)


def test_a_deleted_pod_is_replaced() -> None:
    async def script(c: Cluster) -> None:
        c.store.create(DEPLOYMENT, web(replicas=2))
        await c.settle()
        victim = c.names(POD)[0]
        c.store.delete(POD, "default", victim)
        await c.settle()
        assert len(c.names(POD)) == 2
        assert victim not in c.names(POD)

    run(script)


def test_a_refused_pod_is_told_on_the_deployment() -> None:
    async def script(c: Cluster) -> None:
        c.refuse = "pods are not welcome"
        c.store.create(DEPLOYMENT, web(replicas=1))
        for _ in range(200):
            await asyncio.sleep(0)
        assert condition_true(c.deployment(), "ReplicaFailure")
        assert "Warning FailedCreate Error creating: pods are not welcome" in c.events
        c.refuse = None
        for worker in c.workers:
            for key in list(worker._timers):
                worker.enqueue(key)
        await c.settle()
        assert status(c.deployment())["availableReplicas"] == 1
        assert not condition_true(c.deployment(), "ReplicaFailure")

    run(script)


def test_a_service_follows_its_pods() -> None:
    async def script(c: Cluster) -> None:
        ports = [{"port": 80, "targetPort": 8080, "name": "http"}]
        found = {"selector": {"app": "web"}, "clusterIP": "10.96.0.9", "ports": ports}
        meta = {"name": "web", "namespace": "default"}
        c.store.create(SERVICE, {"metadata": meta, "spec": found})
        c.store.create(DEPLOYMENT, web(replicas=2))
        await c.settle()
        (piece,) = c.store.list(ENDPOINT_SLICE, "default")
        addresses = {e["addresses"][0] for e in piece["endpoints"]}
        assert addresses == {status(p)["podIP"] for p in c.store.list(POD, "default")}
        assert piece["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        c.store.merge(DEPLOYMENT, "default", "web", {"spec": {"replicas": 0}})
        await c.settle()
        (piece,) = c.store.list(ENDPOINT_SLICE, "default")
        assert piece["endpoints"] == []
        assert c.store.get(ENDPOINTS, "default", "web")["subsets"] == []
        c.store.delete(SERVICE, "default", "web")
        await c.settle()
        assert c.names(ENDPOINT_SLICE) == c.names(ENDPOINTS) == []

    run(script)


def test_every_namespace_has_its_things_and_loses_them_with_itself() -> None:
    async def script(c: Cluster) -> None:
        assert c.names(SERVICE_ACCOUNT, "shop") == ["default"]
        assert c.names(CONFIG_MAP, "shop") == ["kube-root-ca.crt"]
        bundle = c.store.get(CONFIG_MAP, "shop", "kube-root-ca.crt")
        assert bundle["data"] == {"ca.crt": "THE CA"}
        c.store.delete(CONFIG_MAP, "shop", "kube-root-ca.crt")
        await c.settle()
        assert c.names(CONFIG_MAP, "shop") == ["kube-root-ca.crt"]
        shop = web()
        shop["metadata"]["namespace"] = "shop"
        c.store.create(DEPLOYMENT, shop)
        await c.settle()
        c.store.delete(NAMESPACE, "", "shop")
        await c.settle()
        assert c.store.find(NAMESPACE, "", "shop") is None
        left = [
            obj
            for kind in c.store.registry.storable()
            if kind.namespaced
            for obj in c.store.list(kind, "shop")
        ]
        assert left == []

    run(script)


def test_a_job_runs_to_its_completions() -> None:
    async def script(c: Cluster) -> None:
        c.phase = "Succeeded"
        made = {
            "metadata": {"name": "sum", "namespace": "default"},
            "spec": {"completions": 3, "parallelism": 2, "template": b.template()},
        }
        c.store.create(JOB, made)
        await c.settle()
        job = c.store.get(JOB, "default", "sum")
        assert condition_true(job, "Complete")
        assert status(job)["succeeded"] == 3
        assert "active" not in status(job)
        assert len(c.names(POD)) == 3

    run(script)


def test_pods_wait_for_a_node_that_will_have_them() -> None:
    async def script(c: Cluster) -> None:
        wanted = b.template()["spec"] | {"nodeSelector": {"disk": "fast"}}
        template = {**b.template(), "spec": wanted}
        c.store.create(DEPLOYMENT, web(replicas=1, template=template))
        await c.settle()
        (waiting,) = c.store.list(POD, "default")
        (condition,) = status(waiting)["conditions"]
        assert condition["reason"] == "Unschedulable"
        c.store.merge(NODE, "", "sandbox", {"metadata": {"labels": {"disk": "fast"}}})
        await c.settle()
        (placed,) = c.store.list(POD, "default")
        assert spec(placed)["nodeName"] == "sandbox"

    run(script)
