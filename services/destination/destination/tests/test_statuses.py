"""Statuses written back: by the leader only, again after a failure, and when a kind is installed."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from destination.app import serve
from destination.settings import DestinationSettings
from destination.tests.cluster import BASIC, service
from destination.tests.routes import egress, route, to
from destination.tests.test_app import RESOURCES
from kit.kube.objects import EGRESS_NETWORKS, HTTP_ROUTES, LEASES, SERVICES, Object
from kit.lifecycle import Process
from testkit.kube import FakeKube
from testkit.ports import free_ports
from testkit.waiting import wait_until


def settings() -> DestinationSettings:
    api, policy, admin = free_ports(3)
    return DestinationSettings.load(
        {
            "WEFT_ADDR": f"127.0.0.1:{api}",
            "WEFT_POLICY_ADDR": f"127.0.0.1:{policy}",
            "WEFT_ADMIN_ADDR": f"127.0.0.1:{admin}",
        }
    )


def reasons(obj: Object) -> list[str]:
    parents = obj.get("status", {}).get("parents", [])
    return [one["reason"] for entry in parents for one in entry["conditions"]]


@pytest.mark.slow
def test_the_leader_writes() -> None:
    async def story() -> None:
        first, registry = Process(), CollectorRegistry()
        async with FakeKube().serving() as kube, kube.client() as client:
            for obj in BASIC:
                await kube.put(RESOURCES[obj["kind"]], obj)

            def found() -> Any:
                return kube.objects(HTTP_ROUTES)[0]

            await kube.put(HTTP_ROUTES, route("HTTPRoute", "split", to("web", "web-v2")))
            await kube.put(EGRESS_NETWORKS, egress())
            running = asyncio.ensure_future(serve(first, settings(), client, registry))
            await wait_until(lambda: reasons(found()) == ["Accepted", "BackendNotFound"])
            await wait_until(lambda: "status" in kube.objects(EGRESS_NETWORKS)[0])
            await kube.put(SERVICES, service("web-v2", "10.96.0.2"))
            await wait_until(lambda: reasons(found()) == ["Accepted", "ResolvedRefs"])
            written = "destination_status_patches_total", {"result": "written"}
            await wait_until(lambda: registry.get_sample_value(*written) == 3)

            first.stop()
            await running
            leases = {one["metadata"]["name"]: one["spec"] for one in kube.objects(LEASES)}
            assert leases["policy-controller-write"]["holderIdentity"] == ""

    asyncio.run(asyncio.wait_for(story(), 30))


@pytest.mark.slow
def test_another_leads() -> None:
    async def story() -> None:
        process, registry = Process(), CollectorRegistry()
        async with FakeKube().serving() as kube, kube.client() as client:
            lease: Object = {
                "metadata": {"name": "policy-controller-write", "namespace": "weft"},
                "spec": {"holderIdentity": "other", "leaseDurationSeconds": 30},
            }
            await kube.put(LEASES, lease)
            await kube.put(HTTP_ROUTES, route("HTTPRoute", "split", to("web")))
            running = asyncio.ensure_future(serve(process, settings(), client, registry))
            await wait_until(lambda: process.readiness.is_ready)
            await wait_until(
                lambda: ("GET", LEASES.path("weft", lease["metadata"]["name"])) in kube.requests
            )
            process.stop()
            await running
            assert not any(
                method == "PATCH" and path.endswith("/status") for method, path in kube.requests
            )
            assert kube.objects(LEASES)[0]["spec"]["holderIdentity"] == "other"

    asyncio.run(asyncio.wait_for(story(), 30))
