"""Slices written by the replica that leads: the whole service against the fake API."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from destination.app import SLICE_LEASE, serve
from destination.external.slices import CONTROLLER, MANAGED_BY_LABEL
from destination.tests.cluster import endpoint_slice, external_workload
from destination.tests.cluster import service as plain
from destination.tests.test_statuses import settings
from kit.kube.objects import (
    ENDPOINT_SLICES,
    EXTERNAL_WORKLOADS,
    LEASES,
    SERVICES,
    Object,
)
from kit.lifecycle import Process
from testkit.kube import FakeKube
from testkit.waiting import wait_until

pytestmark = pytest.mark.slow


def service(name: str = "web", **spec: Any) -> Object:
    obj = plain(name, selector={"app": name}, **spec)
    obj["metadata"]["uid"] = f"uid-of-{name}"
    obj["spec"]["ports"] = [{"name": "http", "port": 80, "targetPort": "http"}]
    return obj


class Api:
    """What the API server has."""

    def __init__(self, kube: FakeKube, registry: CollectorRegistry) -> None:
        self.kube = kube
        self._registry = registry

    @property
    def slices(self) -> list[Object]:
        return self.kube.objects(ENDPOINT_SLICES)

    @property
    def addresses(self) -> list[str]:
        """Of all slices, each with a mark where it is not ready."""
        return sorted(
            each["addresses"][0] + ("" if each["conditions"]["ready"] else " unready")
            for one in self.slices
            for each in one["endpoints"]
        )

    def count(self, result: str) -> float:
        named = "destination_slice_writes_total", {"result": result}
        return self._registry.get_sample_value(*named) or 0.0

    def writes(self) -> list[str]:
        """To slices, as the API server saw them."""
        return [
            method
            for method, path in self.kube.requests
            if "/endpointslices" in path and method != "GET"
        ]


def told(script: Callable[[Api], Awaitable[None]], *before: tuple[Any, Object]) -> None:
    async def story() -> None:
        process, registry = Process(), CollectorRegistry()
        async with FakeKube().serving() as kube, kube.client() as client:
            for resource, obj in before:
                await kube.put(resource, obj)
            running = asyncio.ensure_future(serve(process, settings(), client, registry))
            try:
                await wait_until(lambda: bool(kube.requests) or running.done())
                await wait_until(lambda: process.readiness.is_ready or running.done())
                await script(Api(kube, registry))
            finally:
                process.stop()
                with suppress(asyncio.CancelledError):
                    await running

    asyncio.run(asyncio.wait_for(story(), 60))


def test_slices_follow_machines_and_services() -> None:
    async def script(api: Api) -> None:
        kube = api.kube
        await wait_until(lambda: api.addresses == ["192.168.0.1"])
        (made,) = api.slices
        assert made["metadata"]["labels"][MANAGED_BY_LABEL] == CONTROLLER
        assert made["metadata"]["name"].startswith("linkerd-external-web-")
        await wait_until(lambda: api.count("created") == 1)
        assert api.writes() == ["POST"]

        second = external_workload("vm-2", "192.168.0.2", ready=False)
        await kube.put(EXTERNAL_WORKLOADS, second)
        await wait_until(lambda: api.addresses == ["192.168.0.1", "192.168.0.2 unready"])
        second["status"]["conditions"][0]["status"] = "True"
        await kube.put(EXTERNAL_WORKLOADS, second)
        await wait_until(lambda: api.addresses == ["192.168.0.1", "192.168.0.2"])
        assert api.writes() == ["POST", "PATCH", "PATCH"]

        await kube.remove(EXTERNAL_WORKLOADS, "vm-1", "ns")
        await wait_until(lambda: api.addresses == ["192.168.0.2"])
        changed = service()
        changed["spec"]["selector"] = {"app": "other"}
        await kube.put(SERVICES, changed)
        await wait_until(lambda: api.slices == [])
        await kube.put(SERVICES, service())
        await wait_until(lambda: api.addresses == ["192.168.0.2"])
        await kube.remove(SERVICES, "web", "ns")
        await wait_until(lambda: api.slices == [])
        assert api.count("failed") == 0

    told(
        script,
        (SERVICES, service()),
        (EXTERNAL_WORKLOADS, external_workload("vm-1", "192.168.0.1")),
    )


def test_what_others_do_to_a_slice_is_put_right() -> None:
    async def script(api: Api) -> None:
        kube = api.kube
        await wait_until(lambda: len(api.slices) == 1)
        (spoilt,) = api.slices
        name = spoilt["metadata"]["name"]
        await kube.put(ENDPOINT_SLICES, spoilt | {"endpoints": []})
        await wait_until(lambda: api.addresses == ["192.168.0.1"])
        await kube.remove(ENDPOINT_SLICES, name, "ns")
        await wait_until(lambda: api.addresses == ["192.168.0.1"])
        assert api.slices[0]["metadata"]["name"] != name

    told(
        script,
        (SERVICES, service()),
        (EXTERNAL_WORKLOADS, external_workload("vm-1", "192.168.0.1")),
    )


def test_slices_of_others_are_left_alone() -> None:
    """Those that Kubernetes makes of the same Service's pods, and those of nobody."""

    async def script(api: Api) -> None:
        others = [one["metadata"]["name"] for one in api.slices]
        await wait_until(lambda: len(api.slices) == 3)
        await api.kube.remove(EXTERNAL_WORKLOADS, "vm-1", "ns")
        await wait_until(lambda: len(api.slices) == 2)
        assert [one["metadata"]["name"] for one in api.slices] == others
        assert api.writes() == ["POST", "DELETE"]

    kubernetes, nobody = endpoint_slice(name="web-abc"), endpoint_slice(name="web-def")
    marks = kubernetes["metadata"]["labels"]
    marks[MANAGED_BY_LABEL] = "endpointslice-controller.k8s.io"
    told(
        script,
        (ENDPOINT_SLICES, kubernetes),
        (ENDPOINT_SLICES, nobody),
        (SERVICES, service()),
        (EXTERNAL_WORKLOADS, external_workload("vm-1", "192.168.0.1")),
    )


def test_a_cluster_that_is_as_it_should_be_is_not_written_to() -> None:
    """A new leader finds what the last one wrote; a machine that is not usable changes nothing."""
    known: list[Object] = []
    vm = external_workload("vm-1", "192.168.0.1")

    async def first(api: Api) -> None:
        await wait_until(lambda: len(api.slices) == 1)
        known.extend(api.slices)

    async def second(api: Api) -> None:
        bad = external_workload("vm-1", "192.168.0.1", identity="no name")
        await api.kube.put(EXTERNAL_WORKLOADS, bad)
        marker = service("marker")
        await api.kube.put(SERVICES, marker)
        marked = external_workload("vm-2", "192.168.0.2", labels={"app": "marker"})
        await api.kube.put(EXTERNAL_WORKLOADS, marked)
        await wait_until(lambda: api.addresses == ["192.168.0.1", "192.168.0.2"])
        assert api.writes() == ["POST"], "the marker's alone"

    told(first, (SERVICES, service()), (EXTERNAL_WORKLOADS, vm))
    told(
        second,
        (SERVICES, service()),
        (EXTERNAL_WORKLOADS, vm),
        *((ENDPOINT_SLICES, one) for one in known),
    )


def test_a_write_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("destination.rounds.LOOK_AGAIN", 0.1)

    async def script(api: Api) -> None:
        api.kube.fail_with["POST", ENDPOINT_SLICES.path("ns")] = (500, "no")
        await api.kube.put(EXTERNAL_WORKLOADS, external_workload("vm-1", "192.168.0.1"))
        await wait_until(lambda: api.count("failed") >= 2)
        api.kube.fail_with.clear()
        await wait_until(lambda: api.addresses == ["192.168.0.1"])

    told(script, (SERVICES, service()))


def test_a_write_that_somebody_was_faster_with() -> None:
    """A conflict: what is there is read, and the next write is made from it."""

    async def script(api: Api) -> None:
        await wait_until(lambda: len(api.slices) == 1)
        api.kube.fail_with["PATCH", ENDPOINT_SLICES.path("ns")] = (409, "modified")
        await api.kube.put(EXTERNAL_WORKLOADS, external_workload("vm-2", "192.168.0.2"))
        path = ENDPOINT_SLICES.path("ns", api.slices[0]["metadata"]["name"])
        await wait_until(lambda: ("GET", path) in api.kube.requests)
        api.kube.fail_with.clear()
        await wait_until(lambda: api.addresses == ["192.168.0.1", "192.168.0.2"])
        assert api.count("failed") == 0

    told(
        script,
        (SERVICES, service()),
        (EXTERNAL_WORKLOADS, external_workload("vm-1", "192.168.0.1")),
    )


def test_another_leads() -> None:
    lease = {
        "metadata": {"name": SLICE_LEASE, "namespace": "weft"},
        "spec": {"holderIdentity": "other", "leaseDurationSeconds": 30},
    }

    async def script(api: Api) -> None:
        path = LEASES.path("weft", SLICE_LEASE)
        await wait_until(lambda: api.kube.requests.count(("GET", path)) >= 2)
        assert api.writes() == []
        await api.kube.remove(LEASES, SLICE_LEASE, "weft")
        await wait_until(lambda: api.addresses == ["192.168.0.1"])

    told(
        script,
        (LEASES, lease),
        (SERVICES, service()),
        (EXTERNAL_WORKLOADS, external_workload("vm-1", "192.168.0.1")),
    )
