"""Statuses written back: by the leader only, again after a failure, and when a kind is installed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from destination.app import serve
from destination.policy.status import CONTROLLER
from destination.settings import DestinationSettings
from destination.tests.cluster import BASIC, service
from destination.tests.routes import WEB, egress, route, to
from destination.tests.test_app import RESOURCES
from kit.kube import config
from kit.kube.client import Client
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


class Late(Client):
    """Its first patch arrives when somebody else has just written."""

    before: Callable[[], Awaitable[object]] | None = None

    async def patch(self, *args: Any, **kwargs: Any) -> Object:
        before = self.before
        if args[0].kind == "HTTPRoute" and before is not None:
            self.before = None
            await before()
        return await super().patch(*args, **kwargs)


@pytest.mark.slow
def test_what_another_controller_wrote_meanwhile_stays() -> None:
    """Its entry is in the same list as ours, and our watch had not told of it."""
    made = route("HTTPRoute", "split", to("web"), parents=[{"name": "gw"}, WEB])
    entry = {"parentRef": {"name": "gw"}, "controllerName": "example.com/gw", "conditions": []}

    async def story() -> None:
        process, registry = Process(), CollectorRegistry()
        async with FakeKube().serving() as kube, Late(config.plain(kube.url)) as client:
            for obj in BASIC:
                await kube.put(RESOURCES[obj["kind"]], obj)
            await kube.put(HTTP_ROUTES, made)
            theirs = {**made, "status": {"parents": [entry]}}
            client.before = lambda: kube.put(HTTP_ROUTES, theirs)
            running = asyncio.ensure_future(serve(process, settings(), client, registry))

            def controllers() -> list[str]:
                (found,) = kube.objects(HTTP_ROUTES)
                parents = found.get("status", {}).get("parents", [])
                return [one["controllerName"] for one in parents]

            await wait_until(lambda: controllers() == ["example.com/gw", CONTROLLER])
            assert client.before is None
            failed = "destination_status_patches_total", {"result": "failed"}
            assert not registry.get_sample_value(*failed)
            process.stop()
            await running

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
