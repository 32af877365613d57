"""The controller against a small API server: events, evictions, and who leads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from kit.kube.client import Client
from kit.kube.events import Recorder
from kit.kube.objects import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICA_SETS, Object
from kit.lifecycle import Readiness
from proxy_injector.defaults import Installation
from proxy_injector.metrics import Metrics
from proxy_injector.tests.examples import MESH, SETTINGS, pod
from proxy_injector.unmeshed import find
from proxy_injector.unmeshed.controller import EVICTED, MISSED, RESTARTED, Controller, Pace
from proxy_injector.unmeshed.plan import BARE, CREATED_WITHOUT, Choice
from proxy_injector.verdict import Verdict, judged
from proxy_injector.world import KubernetesWorld
from testkit.kube import FakeKube
from testkit.waiting import wait_until
from weft import labels

QUICK = Pace(renew=0.05, look=0.05, gather=0.0, settled=0.0)
SET = {"kind": "ReplicaSet", "name": "web-5f", "uid": "rs", "controller": True}
DEPLOYMENT = {"kind": "Deployment", "name": "web", "uid": "d", "controller": True}
EVICTION = "/api/v1/namespaces/shop/pods/web-1/eviction"


def running(name: str, *owners: Object, uid: str = "", meshed: bool = False) -> Object:
    found = pod()
    found["metadata"] |= {
        "name": name,
        "namespace": "shop",
        "uid": uid or f"uid-{name}",
        "ownerReferences": list(owners),
    }
    if meshed:
        found["spec"]["containers"].append({"name": "linkerd-proxy"})
    ready = {"type": "Ready", "status": "True"}
    return found | {"status": {"phase": "Running", "conditions": [ready]}}


@asynccontextmanager
async def cluster() -> AsyncIterator[FakeKube]:
    """With a namespace that asks for proxies and a Deployment's ReplicaSet."""
    async with FakeKube().serving() as kube:
        asks = {labels.INJECT: labels.INJECT_ENABLED}
        await kube.put(NAMESPACES, {"metadata": {"name": "shop", "annotations": asks}})
        owned = {"name": "web-5f", "namespace": "shop", "ownerReferences": [DEPLOYMENT]}
        await kube.put(REPLICA_SETS, {"metadata": owned})
        await kube.put(DEPLOYMENTS, {"metadata": {"name": "web", "namespace": "shop"}})
        yield kube


@asynccontextmanager
async def controlled(
    client: Client, choice: Choice, readiness: Readiness | None = None
) -> AsyncIterator[CollectorRegistry]:
    """While a controller runs; yields what it counts."""
    registry, recorder = CollectorRegistry(), Recorder(client, "proxy-injector")
    controller = Controller(
        client,
        choice,
        "weft",
        KubernetesWorld(client, Installation(MESH, SETTINGS), native_available=True),
        readiness or Readiness(),
        recorder,
        Metrics(registry),
        QUICK,
    )
    async with asyncio.TaskGroup() as group:
        jobs = [group.create_task(controller.run()), group.create_task(recorder.run())]
        yield registry
        for job in jobs:
            job.cancel()


def said(kube: FakeKube, reason: str) -> dict[tuple[str, str], str]:
    """Messages of one reason by what they are about."""
    return {
        (one["involvedObject"]["kind"], one["involvedObject"]["name"]): one["message"]
        for one in kube.objects(EVENTS)
        if one["reason"] == reason
    }


def names(kube: FakeKube) -> set[str]:
    return {one["metadata"]["name"] for one in kube.objects(PODS)}


def test_report_says_it_of_the_pod_and_its_workload_and_counts() -> None:
    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            await kube.put(PODS, running("web-1", SET))
            await kube.put(PODS, running("web-2", SET))
            await kube.put(PODS, running("bare"))
            async with controlled(client, "report") as registry:
                await wait_until(lambda: len(kube.objects(EVENTS)) == 4)
            found = said(kube, MISSED)
            assert set(found) == {
                ("Pod", "web-1"),
                ("Pod", "web-2"),
                ("Pod", "bare"),
                ("Deployment", "web"),
            }
            assert all(message.endswith(CREATED_WITHOUT) for message in found.values())
            assert {one["type"] for one in kube.objects(EVENTS)} == {"Warning"}
            assert names(kube) == {"web-1", "web-2", "bare"}
            counted = {"namespace": "shop", "injectable": "true"}
            assert registry.get_sample_value("proxy_inject_unmeshed_pods", counted) == 3

    asyncio.run(story())


HUGE = {labels.CLOSE_WAIT_TIMEOUT: "9" * 400}


@pytest.mark.parametrize("fails", [False, True])
def test_a_pod_that_cannot_be_judged_is_told_of_and_the_others_looked_after(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged_or_not(installed: Installation, pod: Object, *others: Any, **more: Any) -> Verdict:
        if fails and pod["metadata"]["name"] == "odd":
            raise OverflowError("too large")
        return judged(installed, pod, *others, **more)

    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            odd = running("odd")
            odd["metadata"]["annotations"] = HUGE
            await kube.put(PODS, odd)
            await kube.put(PODS, running("bare"))
            async with controlled(client, "report"):
                await wait_until(lambda: len(kube.objects(EVENTS)) == 2)
            found = said(kube, MISSED)
            assert found["Pod", "bare"].endswith(CREATED_WITHOUT)
            why = "it could not be judged" if fails else f"annotation {labels.CLOSE_WAIT_TIMEOUT}"
            assert why in found["Pod", "odd"]

    monkeypatch.setattr(find, "judged", judged_or_not)
    asyncio.run(story())


def test_another_leader_says_nothing_twice() -> None:
    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            await kube.put(PODS, running("web-1", SET))
            for number in (1, 2):
                async with controlled(client, "report"):
                    await wait_until(
                        lambda number=number: (  # type: ignore[misc]
                            kube.requests.count(("POST", "/api/v1/namespaces/shop/events"))
                            == 2 * number
                        )
                    )
            assert len(kube.objects(EVENTS)) == 2

    asyncio.run(story())


def test_restart_evicts_one_after_the_other_and_reports_the_bare_pod() -> None:
    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            for name in ("web-1", "web-2"):
                await kube.put(PODS, running(name, SET))
            await kube.put(PODS, running("bare"))
            async with controlled(client, "restart") as registry:
                await wait_until(lambda: names(kube) == {"web-2", "bare"})
                await wait_until(lambda: ("Pod", "bare") in said(kube, MISSED))
                assert names(kube) == {"web-2", "bare"}
                await kube.put(PODS, running("web-3", SET, meshed=True))
                await wait_until(lambda: names(kube) == {"web-3", "bare"})
                await wait_until(lambda: len(said(kube, RESTARTED)) == 3)
            assert said(kube, MISSED)["Pod", "bare"].endswith(BARE)
            assert said(kube, RESTARTED)["Pod", "web-1"] == EVICTED
            assert ("Deployment", "web") in said(kube, RESTARTED)
            outcome = {"outcome": "evicted"}
            assert registry.get_sample_value("proxy_inject_unmeshed_evictions_total", outcome) == 2

    asyncio.run(story())


def test_a_refused_eviction_is_reported_in_the_servers_words() -> None:
    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            kube.fail_with["POST", EVICTION] = (429, "it would violate the disruption budget")
            await kube.put(PODS, running("web-1", SET))
            async with controlled(client, "restart"):
                await wait_until(lambda: ("Pod", "web-1") in said(kube, MISSED))
            assert "it would violate the disruption budget" in said(kube, MISSED)["Pod", "web-1"]
            assert names(kube) == {"web-1"}
            assert kube.requests.count(("POST", EVICTION)) == 1

    asyncio.run(story())


def test_nobody_is_evicted_while_this_process_is_not_ready() -> None:
    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            readiness = Readiness()
            listening = readiness.require("webhook listening")
            await kube.put(PODS, running("web-1", SET))
            await kube.put(PODS, running("bare"))
            async with controlled(client, "restart", readiness):
                await wait_until(lambda: ("Pod", "bare") in said(kube, MISSED))
                assert ("POST", EVICTION) not in kube.requests
                listening.meet()
                await wait_until(lambda: names(kube) == {"bare"})

    asyncio.run(story())


def test_ignore_asks_for_nothing() -> None:
    async def story() -> None:
        async with cluster() as kube, kube.client() as client:
            await kube.put(PODS, running("web-1", SET))
            kube.requests.clear()
            async with controlled(client, "ignore"):
                await asyncio.sleep(0.05)  # in which it would have asked for the Lease
            assert kube.requests == []

    asyncio.run(story())
