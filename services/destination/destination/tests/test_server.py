"""The gRPC face over a real connection: streams, their changes, and every error code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from destination.fanout import Fanout
from destination.policy.outbound import OutboundRules
from destination.server import Answers, Config, register_destination, register_policy
from destination.tests.cluster import BASIC, Cluster, endpoint, endpoint_slice, node, pod, service
from kit.kube.objects import Object
from kit.rpc import client
from kit.rpc import server as rpc
from weft.addresses import SocketAddress, parse_networks
from weftapi.proxy import (
    destination_pb2,
    destination_pb2_grpc,
    inbound_pb2,
    inbound_pb2_grpc,
    net_pb2,
    outbound_pb2,
    outbound_pb2_grpc,
)

CODE = grpc.StatusCode
CONFIG = Config(outbound=OutboundRules(parse_networks("10.0.0.0/8")))
NAME = "web.ns.svc.cluster.local"
TOKEN = '{"ns":"ns","nodeName":"node-a","pod":"p"}'
WORKLOAD = '{"ns":"ns","pod":"web-1"}'


class Mesh:
    """A running server over an index the test changes."""

    def __init__(self, cluster: Cluster, channel: grpc.aio.Channel, answers: Answers) -> None:
        self.cluster = cluster
        self.answers = answers
        self.destination: Any = destination_pb2_grpc.DestinationStub(channel)  # type: ignore[no-untyped-call]
        self.inbound: Any = inbound_pb2_grpc.InboundServerPoliciesStub(channel)  # type: ignore[no-untyped-call]
        self.outbound: Any = outbound_pb2_grpc.OutboundPoliciesStub(channel)  # type: ignore[no-untyped-call]

    def put(self, *objects: Object) -> None:
        self.answers.fanout.touched(self.cluster.put(*objects))

    def gone(self, obj: Object) -> None:
        self.answers.fanout.touched(self.cluster.gone(obj))

    def get(self, path: str = f"{NAME}:80", token: str = TOKEN) -> Any:
        return self.destination.Get(
            destination_pb2.GetDestination(path=path, context_token=token), timeout=10
        )

    def profile(self, path: str, token: str = TOKEN) -> Any:
        return self.destination.GetProfile(
            destination_pb2.GetDestination(path=path, context_token=token), timeout=10
        )


def run(script: Callable[[Mesh], Awaitable[None]], *objects: Object, listed: bool = True) -> None:
    async def main() -> None:
        cluster = Cluster(*objects)
        answers = Answers(cluster.index, Fanout(cluster.index), asyncio.Event(), CONFIG)
        if listed:
            answers.listed.set()
        worker = asyncio.ensure_future(answers.fanout.run())
        services = [register_destination(answers), *register_policy(answers)]
        async with (
            asyncio.timeout(20),
            rpc.serve(
                SocketAddress("127.0.0.1", 0),
                services,
                metrics=rpc.Metrics(CollectorRegistry()),
                grace=0.1,
            ) as bound,
            client.channel(str(bound)) as channel,
        ):
            await script(Mesh(cluster, channel, answers))
            answers.fanout.close()
        worker.cancel()

    asyncio.run(main())


def told(update: destination_pb2.Update) -> str:
    """An update in a line."""

    def text(address: net_pb2.TcpAddress) -> str:
        return f"{address.ip.ipv4 & 0xFF}:{address.port}"

    match update.WhichOneof("update"):
        case "add":
            return "add " + " ".join(text(one.addr) for one in update.add.addrs)
        case "remove":
            return "remove " + " ".join(text(one) for one in update.remove.addrs)
    return f"no endpoints, exists {update.no_endpoints.exists}"


async def code(call: Any) -> grpc.StatusCode:
    """How a call fails, unary or stream; what comes before is passed over."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (_all(call) if hasattr(call, "read") else call)
    assert caught.value.details(), "an error explains itself"
    return caught.value.code()


async def _all(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


# -- Destination.Get -----------------------------------------------------------------------------
def test_a_stream_tells_all_then_what_changes() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.get()
        first = await stream.read()
        assert told(first) == "add 1:8080"
        assert dict(first.add.metric_labels) == {"namespace": "ns", "service": "web"}
        addr = first.add.addrs[0]
        assert addr.weight == 10_000
        assert addr.tls_identity.server_name.name == addr.tls_identity.dns_like_identity.name
        assert addr.protocol_hint.HasField("h2")
        assert addr.http2.keep_alive.interval.ToSeconds() == 10
        assert addr.http2.keep_alive.while_idle
        assert dict(addr.metric_labels) == {
            "control_plane_ns": "weft",
            "deployment": "web",
            "pod": "web-1",
            "pod_template_hash": "5d4",
            "serviceaccount": "web",
            "zone": "east",
            "zone_locality": "local",
        }

        mesh.put(
            pod("web-2", "10.244.0.2"),
            endpoint_slice(endpoint("10.244.0.1", "web-1"), endpoint("10.244.0.2", "web-2")),
        )
        assert told(await stream.read()) == "add 2:8080"
        mesh.put(endpoint_slice(endpoint("10.244.0.2", "web-2")))
        assert told(await stream.read()) == "remove 1:8080"
        mesh.put(pod("web-2", "10.244.0.2", meshed=False))
        assert told(await stream.read()) == "add 2:8080", "a change of an endpoint"
        mesh.gone(service())
        assert told(await stream.read()) == "remove 2:8080"
        mesh.put(service())
        assert told(await stream.read()) == "add 2:8080", "the stream outlives its Service"

    run(script, *BASIC)


def test_replaced_endpoints_come_before_the_old_go() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.get()
        await stream.read()
        mesh.put(endpoint_slice(endpoint("10.244.0.9")))
        assert [told(await stream.read()) for _ in range(2)] == ["add 9:8080", "remove 1:8080"]

    run(script, *BASIC)


def test_a_service_without_endpoints_says_so() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.get()
        assert told(await stream.read()) == "no endpoints, exists True"
        mesh.put(endpoint_slice(endpoint("10.244.0.1")))
        assert told(await stream.read()) == "add 1:8080"

    run(script, service())


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("10.96.0.1:80", CODE.INVALID_ARGUMENT),
        ("[::1]:80", CODE.INVALID_ARGUMENT),
        ("", CODE.INVALID_ARGUMENT),
        ("web", CODE.INVALID_ARGUMENT),
        ("web.ns.svc.cluster.local:x", CODE.INVALID_ARGUMENT),
        ("web.ns.svc.example.org:80", CODE.INVALID_ARGUMENT),
        ("external.ns.svc.cluster.local:80", CODE.INVALID_ARGUMENT),
        ("none.ns.svc.cluster.local:80", CODE.NOT_FOUND),
        ("web.none.svc.cluster.local:80", CODE.NOT_FOUND),
    ],
)
def test_get_errors(path: str, expected: grpc.StatusCode) -> None:
    async def script(mesh: Mesh) -> None:
        assert await code(mesh.get(path)) is expected

    run(script, *BASIC, service("external", type="ExternalName"))


def test_a_service_that_becomes_external_ends_its_streams() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.get()
        await stream.read()
        mesh.put(service(type="ExternalName"))
        assert await code(stream) is CODE.INVALID_ARGUMENT

    run(script, *BASIC)


@pytest.mark.parametrize(
    ("zone_of_b", "token", "locality"),
    [
        ("east", '{"nodeName":"node-b"}', "local"),
        ("west", '{"nodeName":"node-b"}', "remote"),
        ("", '{"nodeName":"node-b"}', "unknown"),
        ("east", "garbage", "unknown"),
        ("east", "", "unknown"),
    ],
)
def test_zone_locality_is_the_clients(zone_of_b: str, token: str, locality: str) -> None:
    async def script(mesh: Mesh) -> None:
        first = await mesh.get(token=token).read()
        assert first.add.addrs[0].metric_labels["zone_locality"] == locality

    run(script, *BASIC, node("node-b", zone_of_b))


def test_answers_wait_for_the_whole_picture() -> None:
    async def script(mesh: Mesh) -> None:
        reading = asyncio.ensure_future(mesh.get().read())
        unary = asyncio.ensure_future(
            _get_port(mesh, inbound_pb2.PortSpec(workload=WORKLOAD, port=80))
        )
        await mesh.profile("not an authority:x").code()  # a call that needs no picture is through
        assert not reading.done()
        mesh.put(*BASIC)
        mesh.answers.listed.set()
        assert told(await reading) == "add 1:8080"
        assert (await unary).labels["kind"] == "default"

    run(script, listed=False)


async def _get_port(mesh: Mesh, spec: inbound_pb2.PortSpec) -> inbound_pb2.Server:
    answer: inbound_pb2.Server = await mesh.inbound.GetPort(spec, timeout=10)
    return answer


def test_a_subscriber_that_does_not_read_delays_nobody() -> None:
    """Two streams of one view over real connections; one is not read while the other follows."""

    async def script(mesh: Mesh) -> None:
        stuck, reader = mesh.get(), mesh.get()
        assert told(await stuck.read()) == told(await reader.read()) == "add 1:8080"
        for number in range(2, 200):
            mesh.put(endpoint_slice(endpoint(f"10.244.0.{number}")))
            added, removed = [told(await reader.read()) for _ in range(2)]
            assert added == f"add {number}:8080"
            assert removed == f"remove {number - 1}:8080"
        known = {"1:8080"}
        while known != {"199:8080"}:
            kind, *addresses = told(await stuck.read()).split()
            known = known | set(addresses) if kind == "add" else known - set(addresses)

    run(script, *BASIC)


def test_subscribers_of_one_view_share_its_bytes() -> None:
    async def script(mesh: Mesh) -> None:
        streams = [mesh.get() for _ in range(20)]
        first = [await stream.read() for stream in streams]
        assert len(mesh.answers.fanout) == 1
        assert mesh.answers.fanout.subscribers == 20
        mesh.put(endpoint_slice(endpoint("10.244.0.9")))
        second = [await stream.read() for stream in streams]
        assert mesh.answers.fanout.refreshed == 1
        for same in (first, second):
            assert all(one == same[0] for one in same)
        for stream in streams:
            stream.cancel()

    run(script, *BASIC)


def test_streams_end_without_an_error_when_the_service_stops() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.get()
        await stream.read()
        mesh.answers.fanout.close()
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is CODE.OK

    run(script, *BASIC)


# -- Destination.GetProfile ----------------------------------------------------------------------
def test_a_profile_and_its_changes() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.profile("10.96.0.1:80")
        first = await stream.read()
        assert (first.fully_qualified_name, first.opaque_protocol) == (NAME, False)
        mesh.put(service(annotations={"config.linkerd.io/opaque-ports": "80"}))
        assert (await stream.read()).opaque_protocol
        mesh.gone(service())
        assert (await stream.read()).endpoint.addr.port == 80, "nobody's address any more"

    run(script, *BASIC)


def test_a_pods_profile_follows_the_pod() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.profile("10.244.0.1:8080")
        first = await stream.read()
        assert first.endpoint.tls_identity.dns_like_identity.name.startswith("web.ns.")
        mesh.put(pod("web-1", "10.244.0.1", meshed=False))
        second = await stream.read()
        assert not second.endpoint.HasField("tls_identity")

    run(script, *BASIC)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", CODE.INVALID_ARGUMENT),
        ("example.com:80", CODE.INVALID_ARGUMENT),
        ("10.96.0.1:99999", CODE.INVALID_ARGUMENT),
        ("none.ns.svc.cluster.local:80", CODE.NOT_FOUND),
        ("web-9.web.ns.svc.cluster.local:80", CODE.NOT_FOUND),
        ("10.96.0.1:80", CODE.FAILED_PRECONDITION),
    ],
)
def test_profile_errors(path: str, expected: grpc.StatusCode) -> None:
    async def script(mesh: Mesh) -> None:
        assert await code(mesh.profile(path)) is expected

    run(script, *BASIC, service("other", "10.96.0.1"))


# -- InboundServerPolicies -----------------------------------------------------------------------
def test_a_ports_policy_and_its_changes() -> None:
    async def script(mesh: Mesh) -> None:
        spec = inbound_pb2.PortSpec(workload=WORKLOAD, port=8080)
        stream = mesh.inbound.WatchPort(spec, timeout=10)
        first = await stream.read()
        assert first.labels["name"] == "all-unauthenticated"
        assert first == await _get_port(mesh, spec)
        mesh.put(pod("web-1", annotations={"config.linkerd.io/default-inbound-policy": "deny"}))
        assert (await stream.read()).labels["name"] == "deny"
        mesh.gone(pod("web-1"))
        assert await code(stream) is CODE.NOT_FOUND

    run(script, *BASIC)


@pytest.mark.parametrize(
    ("workload", "port", "expected"),
    [
        (WORKLOAD, 0, CODE.INVALID_ARGUMENT),
        (WORKLOAD, 65_536, CODE.INVALID_ARGUMENT),
        ("", 80, CODE.INVALID_ARGUMENT),
        ("{", 80, CODE.INVALID_ARGUMENT),
        ('{"ns":"ns"}', 80, CODE.INVALID_ARGUMENT),
        ('{"ns":"ns","pod":"none"}', 80, CODE.NOT_FOUND),
        ('{"ns":"ns","external_workload":"vm"}', 80, CODE.NOT_FOUND),
    ],
)
def test_inbound_errors(workload: str, port: int, expected: grpc.StatusCode) -> None:
    async def script(mesh: Mesh) -> None:
        spec = inbound_pb2.PortSpec(workload=workload, port=port)
        assert await code(mesh.inbound.WatchPort(spec, timeout=10)) is expected
        assert await code(mesh.inbound.GetPort(spec, timeout=10)) is expected

    run(script, *BASIC)


# -- OutboundPolicies ----------------------------------------------------------------------------
def spec(
    ip: int | None = 0x0A600001, port: int = 80, authority: str = "", workload: str = WORKLOAD
) -> outbound_pb2.TrafficSpec:
    if authority:
        return outbound_pb2.TrafficSpec(source_workload=workload, authority=authority)
    if ip is None:
        return outbound_pb2.TrafficSpec(source_workload=workload)
    at = net_pb2.TcpAddress(ip=net_pb2.IPAddress(ipv4=ip), port=port)
    return outbound_pb2.TrafficSpec(source_workload=workload, addr=at)


def test_a_targets_policy_and_its_changes() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.outbound.Watch(spec(), timeout=10)
        first = await stream.read()
        assert first.protocol.HasField("detect")
        assert first == await mesh.outbound.Get(spec(authority=f"{NAME}:80"), timeout=10)
        mesh.put(service(app_protocol="http"))
        assert (await stream.read()).protocol.HasField("http1")
        mesh.gone(service())
        assert await code(stream) is CODE.NOT_FOUND

    run(script, *BASIC)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (spec(ip=None), CODE.INVALID_ARGUMENT),
        (spec(port=0), CODE.INVALID_ARGUMENT),
        (spec(workload="?"), CODE.INVALID_ARGUMENT),
        (spec(authority=f"{NAME}:x"), CODE.INVALID_ARGUMENT),
        (spec(authority="example.com:80"), CODE.NOT_FOUND),
        (spec(authority="10.96.0.1:80"), CODE.NOT_FOUND),
        (spec(authority=f"none.{NAME}:80"), CODE.NOT_FOUND),
        (spec(authority="none.ns.svc.cluster.local"), CODE.NOT_FOUND),
        (spec(ip=0x0AF40001, port=8080), CODE.NOT_FOUND),
    ],
)
def test_outbound_errors(request_: outbound_pb2.TrafficSpec, expected: grpc.StatusCode) -> None:
    async def script(mesh: Mesh) -> None:
        assert await code(mesh.outbound.Watch(request_, timeout=10)) is expected
        assert await code(mesh.outbound.Get(request_, timeout=10)) is expected

    run(script, *BASIC)
