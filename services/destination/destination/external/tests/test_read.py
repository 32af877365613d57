"""ExternalWorkloads as values, and what cannot be one. Every fault names its field."""

import logging
from typing import Any

import pytest

from destination.external.read import external_workload as read
from destination.model import WorkloadPort
from destination.policy.fields import FieldError
from destination.tests.cluster import external_workload
from kit.kube.objects import Key, Object
from weft.labels import DEFAULT_INBOUND_POLICY, OPAQUE_PORTS, SKIP_INBOUND_PORTS


def machine(**spec: Any) -> Object:
    obj = external_workload()
    obj["spec"] |= spec
    return obj


def mesh_tls(**fields: Any) -> Object:
    return machine(meshTLS={"identity": "db.test", "serverName": "db.test", **fields})


def test_all_of_it() -> None:
    made = read(
        external_workload(
            "vm-1",
            "192.168.9.1",
            "FD00::0009",
            ports={"http": 8080, "linkerd-proxy": 5143},
            labels={"app": "web", "topology.kubernetes.io/zone": "east"},
            annotations={OPAQUE_PORTS: "http,5432", SKIP_INBOUND_PORTS: "22"},
            ownerReferences=[{"kind": "WorkloadGroup", "name": "vms"}],
        )
    )
    assert (made.key, made.uid) == (Key("ns", "vm-1"), "uid-of-vm-1")
    assert made.ips == ("192.168.9.1", "fd00::9")
    assert made.identity == "spiffe://machines.test/vm-1"
    assert made.server_name == "vm-1.machines.test"
    assert made.owner == ("workloadgroup", "vms")
    assert made.declared == (WorkloadPort("http", 8080), WorkloadPort("linkerd-proxy", 5143))
    assert made.numbers("http") == (8080,)
    assert made.numbers(9) == (9,)
    assert made.opaque_ports is not None
    assert list(made.opaque_ports) == [8080, 5432]
    assert list(made.skip_inbound_ports) == [22]
    assert (made.proxy.inbound, made.proxy.admin, made.proxy.control) == (5143, 4191, 4190)
    assert made.zone == "east"
    assert made.ready


def test_the_least_there_may_be() -> None:
    obj = {"metadata": {"name": "vm"}, "spec": mesh_tls()["spec"]}
    del obj["spec"]["ports"], obj["spec"]["workloadIPs"]
    made = read(obj)
    assert (made.ips, made.declared, made.owner, made.zone) == ((), (), None, "")
    assert made.opaque_ports is None, "the default list applies"
    assert made.proxy.inbound == 4143
    assert not made.ready, "nobody has said that it is"


def test_the_first_version_spells_a_field_otherwise() -> None:
    obj = external_workload()
    obj["spec"]["meshTls"] = obj["spec"].pop("meshTLS")
    assert read(obj) == read(external_workload())


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], False),
        ([{"type": "Ready", "status": "True"}], True),
        ([{"type": "Ready", "status": "False"}], False),
        ([{"type": "Ready", "status": "Unknown"}], False),
        ([{"type": "Healthy", "status": "True"}], False),
        ([{"type": "Healthy", "status": "False"}, {"type": "Ready", "status": "True"}], True),
    ],
)
def test_ready_is_what_its_condition_says(conditions: list[Object], ready: bool) -> None:
    assert read(external_workload() | {"status": {"conditions": conditions}}).ready is ready


def test_a_udp_port_is_no_port_of_the_mesh() -> None:
    made = read(machine(ports=[{"name": "dns", "port": 53, "protocol": "UDP"}]))
    assert made.numbers("dns") == ()
    assert made.declared == (WorkloadPort("dns", 53, "UDP"),)


def test_of_several_owners_none_is_named() -> None:
    two = [{"kind": "A", "name": "a"}, {"kind": "B", "name": "b"}]
    assert read(external_workload(ownerReferences=two)).owner is None


@pytest.mark.parametrize(
    ("obj", "why"),
    [
        (machine(meshTLS={}), "spec.meshTLS.identity: it is missing"),
        (machine(meshTLS={"identity": "a"}), "spec.meshTLS.serverName: it is missing"),
        (machine(meshTLS=None), "spec.meshTLS.identity: it is missing"),
        (machine(meshTls={}), "spec.meshTls.identity: it is missing"),
        (
            mesh_tls(identity="spiffe://no-path"),
            "spec.meshTLS.identity: 'spiffe://no-path' is not an identity: allowed are a DNS name, and "
            "spiffe://TRUST-DOMAIN/PATH",
        ),
        (
            mesh_tls(identity="https://x/y"),
            "spec.meshTLS.identity: 'https://x/y' is not an identity",
        ),
        (
            mesh_tls(serverName="spiffe://x/y"),
            "spec.meshTLS.serverName: 'spiffe://x/y' is not a DNS",
        ),
        (machine(ports=["80"]), "spec.ports[0]: '80' is not an object"),
        (machine(ports=[{"name": "http"}]), "spec.ports[0].port: it is missing"),
        (
            machine(ports=[{"port": 0}]),
            "spec.ports[0].port: 0 is not a port: allowed are 1 to 65535",
        ),
        (machine(ports=[{"port": "80"}]), "spec.ports[0].port: '80' is not a port"),
        (machine(ports=[{"port": True}]), "spec.ports[0].port: True is not a port"),
        (
            machine(ports=[{"port": 80}, {"port": 81, "name": "Http"}]),
            "spec.ports[1].name: 'Http' is not a port's name: allowed are up to 15 of a-z, 0-9",
        ),
        (
            machine(ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]),
            "spec.ports[1].name: 'a' is another port's name already",
        ),
        (
            machine(ports=[{"port": 80, "protocol": "SCTP"}]),
            "spec.ports[0].protocol: 'SCTP' is not one of TCP, UDP",
        ),
        (machine(workloadIPs=[{}]), "spec.workloadIPs[0].ip: it is missing"),
        (machine(workloadIPs=[{"ip": "vm"}]), "spec.workloadIPs[0].ip: 'vm' is not an IP address"),
        (
            machine(workloadIPs=[{"ip": one} for one in ("10.0.0.1", "fd00::1", "fd00::2")]),
            "spec.workloadIPs: 3 are too many: allowed are one IPv4 and one IPv6 address",
        ),
        (
            machine(workloadIPs=[{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]),
            "spec.workloadIPs: 10.0.0.1 and 10.0.0.2 are of one family: allowed are one IPv4 and one",
        ),
        *(
            (
                machine(workloadIPs=[{"ip": one}]),
                f"spec.workloadIPs[0].ip: '{one}' is not an address",
            )
            for one in ("127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.1", "::1", "fe80::1")
        ),
    ],
)
def test_what_cannot_be_one(obj: Object, why: str) -> None:
    with pytest.raises(FieldError) as caught:
        read(obj)
    assert str(caught.value).startswith(why)


def test_two_ports_may_have_no_name() -> None:
    assert len(read(machine(ports=[{"port": 80}, {"port": 81}])).declared) == 2


def test_an_unusable_annotation_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    bad = {DEFAULT_INBOUND_POLICY: "open", OPAQUE_PORTS: "5432,nonsense"}
    with caplog.at_level(logging.WARNING):
        made = read(external_workload(annotations=bad))
    assert made.default_policy == ""
    assert made.opaque_ports is not None
    assert list(made.opaque_ports) == [5432]
    assert len(caplog.records) == 2
