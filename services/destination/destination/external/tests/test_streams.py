"""Machines over a real connection: what a caller hears, and what a machine's own proxy hears."""

from destination.tests.cluster import (
    custom,
    endpoint_slice,
    external_workload,
    machine,
    service,
)
from destination.tests.test_server import CODE, Mesh, code, run, told
from weftapi.proxy import inbound_pb2

IP = "192.168.9.1"
VM = external_workload("vm-1", IP)
WORKLOAD = '{"ns":"ns","external_workload":"vm-1"}'


def test_endpoints_come_and_go_with_the_machine() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.get()
        first = await stream.read()
        assert told(first) == "add 1:8080"
        tls = first.add.addrs[0].tls_identity
        assert tls.uri_like_identity.uri == "spiffe://machines.test/vm-1"
        mesh.put(external_workload("vm-1", IP, identity="vm.example.com"))
        changed = await stream.read()
        assert told(changed) == "add 1:8080"
        name = changed.add.addrs[0].tls_identity.dns_like_identity.name
        assert name == "vm.example.com"
        mesh.gone(VM)
        assert told(await stream.read()) == "remove 1:8080"

    run(script, VM, service(), endpoint_slice(machine(IP)))


def test_the_profile_of_an_address_follows_the_machine() -> None:
    async def script(mesh: Mesh) -> None:
        stream = mesh.profile(f"{IP}:8080")
        assert not (await stream.read()).endpoint.HasField("tls_identity")
        mesh.put(VM)
        known = await stream.read()
        assert known.endpoint.resource_ref.resource.name == "vm-1"
        assert known.endpoint.metric_labels["namespace"] == "ns"
        mesh.put(VM | {"metadata": VM["metadata"] | {"name": "vm-2"}})
        assert await code(stream) is CODE.FAILED_PRECONDITION

    run(script)


def test_the_policies_of_its_ports() -> None:
    async def script(mesh: Mesh) -> None:
        spec = inbound_pb2.PortSpec(workload=WORKLOAD, port=8080)
        stream = mesh.inbound.WatchPort(spec, timeout=10)
        first = await stream.read()
        assert first.labels["kind"] == "default"
        assert first == await mesh.inbound.GetPort(spec, timeout=10)
        selector = {"matchLabels": {"app": "web"}}
        server = custom("Server", "s", {"externalWorkloadSelector": selector, "port": "http"})
        mesh.put(server)
        assert (await stream.read()).labels["name"] == "s"
        mesh.gone(VM)
        assert await code(stream) is CODE.NOT_FOUND

    run(script, VM)


def test_a_pod_and_a_machine_of_one_name_are_two() -> None:
    async def script(mesh: Mesh) -> None:
        of_pod = inbound_pb2.PortSpec(workload='{"ns":"ns","pod":"vm-1"}', port=8080)
        assert await code(mesh.inbound.WatchPort(of_pod, timeout=10)) is CODE.NOT_FOUND
        of_vm = inbound_pb2.PortSpec(workload=WORKLOAD, port=8080)
        assert (await mesh.inbound.WatchPort(of_vm, timeout=10).read()).labels["kind"] == "default"

    run(script, VM)
