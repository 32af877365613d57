"""The whole service against the fake API: listed, ready, following the cluster, stopped."""

import asyncio
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from destination.app import serve
from destination.settings import DestinationSettings
from destination.tests.cluster import BASIC, custom, endpoint, endpoint_slice, pod
from destination.tests.test_server import NAME, WORKLOAD, told
from kit.kube.objects import ENDPOINT_SLICES, NODES, PODS, SERVERS, SERVICES
from kit.lifecycle import Process
from kit.rpc import client
from testkit.kube import FakeKube
from testkit.ports import free_ports
from testkit.waiting import wait_until
from weftapi.proxy import (
    destination_pb2,
    destination_pb2_grpc,
    inbound_pb2,
    inbound_pb2_grpc,
)

RESOURCES = {"Node": NODES, "Pod": PODS, "Service": SERVICES, "EndpointSlice": ENDPOINT_SLICES}


@pytest.mark.slow
def test_the_story() -> None:
    api, policy, admin = free_ports(3)
    settings = DestinationSettings.load(
        {
            "WEFT_ADDR": f"127.0.0.1:{api}",
            "WEFT_POLICY_ADDR": f"127.0.0.1:{policy}",
            "WEFT_ADMIN_ADDR": f"127.0.0.1:{admin}",
            "WEFT_UNREADY_GRACE": "200ms",
        }
    )

    async def story() -> None:
        process, registry = Process(), CollectorRegistry()
        async with (
            FakeKube().serving() as kube,
            kube.client() as kubernetes,
            aiohttp.ClientSession(f"http://127.0.0.1:{admin}") as session,
            client.channel(f"127.0.0.1:{api}") as channel,
            client.channel(f"127.0.0.1:{policy}") as policies,
        ):
            for obj in BASIC:
                await kube.put(RESOURCES[obj["kind"]], obj)
            kube.absent.add("/apis/linkerd.io/")
            kube.fail_with["GET", PODS.path()] = (403, "no")
            service = asyncio.ensure_future(serve(process, settings, kubernetes, registry))
            await wait_until(lambda: process.readiness.missing == ("pods listed",))
            async with session.get("/ready") as response:
                assert (response.status, await response.text()) == (503, "pods listed\n")

            destination: Any = destination_pb2_grpc.DestinationStub(channel)  # type: ignore[no-untyped-call]
            inbound: Any = inbound_pb2_grpc.InboundServerPoliciesStub(policies)  # type: ignore[no-untyped-call]
            get = destination.Get(
                destination_pb2.GetDestination(path=f"{NAME}:80"), wait_for_ready=True, timeout=20
            )
            kube.fail_with.clear()
            assert told(await get.read()) == "add 1:8080"
            async with session.get("/ready") as response:
                assert response.status == 200

            watch = inbound.WatchPort(
                inbound_pb2.PortSpec(workload=WORKLOAD, port=8080), wait_for_ready=True, timeout=20
            )
            assert (await watch.read()).labels["kind"] == "default"
            server = custom("Server", "s", {"podSelector": {}, "port": 8080})
            await kube.put(SERVERS, server)
            assert (await watch.read()).labels["kind"] == "server"
            bad = custom("Server", "s", {"podSelector": {}, "port": 8080, "proxyProtocol": "?"})
            await kube.put(SERVERS, bad)
            unreadable = "destination_objects_unreadable_total", {"kind": "servers"}
            await wait_until(lambda: registry.get_sample_value(*unreadable) == 1)

            kube.drop_watches()
            kube.expire()
            await kube.put(PODS, pod("web-2", "10.244.0.2"))
            both = endpoint("10.244.0.1", "web-1"), endpoint("10.244.0.2", "web-2")
            await kube.put(ENDPOINT_SLICES, endpoint_slice(*both))
            assert told(await get.read()) == "add 2:8080"

            unready = (one | {"conditions": {"ready": False}} for one in both)
            await kube.put(ENDPOINT_SLICES, endpoint_slice(*unready))
            kept = "destination_services_kept_total"
            await wait_until(lambda: registry.get_sample_value(kept) == 1)
            assert told(await get.read()) == "remove 1:8080 2:8080", "when their time is over"

            async with session.get("/metrics") as response:
                text = await response.text()
            assert 'destination_cache_objects{kind="pods"} 2.0' in text
            assert "destination_subscribers 2.0" in text

            process.stop()
            await service
            assert (await get.code()).name == "OK"
            assert (await watch.code()).name == "OK"

    asyncio.run(asyncio.wait_for(story(), 30))
