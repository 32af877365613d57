"""What destination answers about machines: endpoints, profiles and policies."""

from dataclasses import replace

import pytest

from destination.index import Reader
from destination.model import Client, Endpoint
from destination.policy.inbound import InboundPolicy, InboundRules, inbound
from destination.profiles import Profile, profile
from destination.resolve import Rules, endpoints
from destination.tests.cluster import (
    Cluster,
    custom,
    endpoint,
    endpoint_slice,
    external_workload,
    machine,
    pod,
    service,
)
from destination.translate.endpoints import Http2Client, weighted_addr
from kit.kube.objects import Key, Object
from kit.rpc.status import FailedPrecondition, NotFound
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority
from weft.labels import (
    DEFAULT_INBOUND_POLICY,
    OPAQUE_PORTS,
    REQUIRE_IDENTITY_INBOUND_PORTS,
    SKIP_INBOUND_PORTS,
)
from weft.names import CLUSTER_DOMAIN
from weftapi.proxy import destination_pb2 as pb

IP = "192.168.9.1"
AT = SocketAddress(IP, 8080)
RULES = Rules()
VM = external_workload("vm-1", IP)
LISTED = (service(), endpoint_slice(machine(IP, zone="east")))


def resolved(*objects: Object, rules: Rules = RULES) -> list[Endpoint]:
    found = endpoints(Reader(Cluster(*objects).index), ServiceAuthority("web", "ns", 80), rules)
    return list(found.endpoints.values())


def one(*objects: Object, rules: Rules = RULES) -> Endpoint:
    (found,) = resolved(*LISTED, *(objects or (VM,)), rules=rules)
    return found


def said(endpoint: Endpoint, zone: str = "east") -> pb.WeightedAddr:
    return weighted_addr(endpoint, zone, Http2Client())


# -- endpoints -----------------------------------------------------------------------------------
def test_an_endpoint() -> None:
    owned = external_workload(ownerReferences=[{"kind": "WorkloadGroup", "name": "vms"}])
    assert one(owned) == Endpoint(
        address=AT,
        labels=(("external_workload", "vm-1"), ("workloadgroup", "vms")),
        identity="spiffe://machines.test/vm-1",
        server_name="vm-1.machines.test",
        meshed=True,
        h2=True,
        external_workload=Key("ns", "vm-1"),
        zone="east",
    )


def test_its_message() -> None:
    message = said(one())
    assert message.tls_identity.uri_like_identity.uri == "spiffe://machines.test/vm-1"
    assert message.tls_identity.server_name.name == "vm-1.machines.test"
    assert message.protocol_hint.HasField("h2")
    assert message.http2.keep_alive.while_idle
    assert dict(message.metric_labels) == {
        "external_workload": "vm-1",
        "zone": "east",
        "zone_locality": "local",
    }
    at = message.resource_ref.resource
    assert (at.group, at.kind) == ("workload.linkerd.io", "ExternalWorkload")
    assert (at.namespace, at.name, at.port) == ("ns", "vm-1", 8080)


def test_an_identity_that_is_a_name() -> None:
    tls = said(one(external_workload(identity="vm.example.com"))).tls_identity
    assert tls.dns_like_identity.name == "vm.example.com"
    assert tls.server_name.name == "vm-1.machines.test"


def test_a_machine_not_seen_yet_is_left_out_rather_than_called_in_plaintext() -> None:
    cluster = Cluster(*LISTED)
    reader = Reader(cluster.index)
    found = endpoints(reader, ServiceAuthority("web", "ns", 80), RULES)
    assert found.endpoints == {}
    assert cluster.put(VM) & reader.facts, "and its coming is heard of"


def test_a_machine_and_a_pod_of_one_service() -> None:
    more = endpoint_slice(endpoint("10.244.0.1", "web-1"), name="pods")
    found = resolved(*LISTED, VM, pod(), more)
    assert [str(each.address) for each in found] == ["10.244.0.1:8080", "192.168.9.1:8080"]
    assert [each.identity for each in found] == [
        "web.ns.serviceaccount.identity.weft.cluster.local",
        "spiffe://machines.test/vm-1",
    ]


SERVER = custom(
    "Server",
    "s",
    {"externalWorkloadSelector": {"matchLabels": {"app": "web"}}, "port": "http"}
    | {"proxyProtocol": "opaque"},
)
OF_PODS = custom("Server", "p", {"podSelector": {}, "port": 8080, "proxyProtocol": "opaque"})


@pytest.mark.parametrize(
    ("objects", "opaque"),
    [
        ((VM,), False),
        ((VM, SERVER), True),
        ((VM, OF_PODS), False),
        ((external_workload(labels={"app": "db"}), SERVER), False),
        ((external_workload(annotations={OPAQUE_PORTS: "http"}),), True),
        ((external_workload(annotations={OPAQUE_PORTS: "9"}),), False),
    ],
)
def test_opaque_ports(objects: tuple[Object, ...], opaque: bool) -> None:
    found = one(*objects)
    assert (found.opaque, found.h2) == (opaque, not opaque)
    assert found.opaque_transport == (4143 if opaque else 0)


def test_where_its_proxy_listens() -> None:
    elsewhere = external_workload(ports={"http": 8080, "linkerd-proxy": 5143})
    rules = replace(RULES, transport_header=True)
    assert one(elsewhere, rules=rules).opaque_transport == 5143
    assert one(VM, rules=rules).opaque_transport == 4143


def test_a_port_that_goes_by_the_proxy() -> None:
    found = one(external_workload(annotations={SKIP_INBOUND_PORTS: "8080"}))
    assert (found.meshed, found.identity, found.server_name) == (False, "", "")


def test_h2_upgrade_can_be_turned_off() -> None:
    assert not one(VM, rules=replace(RULES, h2_upgrade=False)).h2


# -- profiles ------------------------------------------------------------------------------------
def at(target: SocketAddress, *objects: Object) -> Profile:
    return profile(Reader(Cluster(*objects).index), target, Client(), RULES, CLUSTER_DOMAIN)


def test_the_profile_of_its_address() -> None:
    found = at(AT, VM)
    assert found.endpoint is not None
    assert found.endpoint.identity == "spiffe://machines.test/vm-1"
    assert (found.namespace, found.opaque) == ("ns", False)


@pytest.mark.parametrize("ready", [True, False])
def test_whoever_has_its_address_may_call_it(ready: bool) -> None:
    found = at(AT, external_workload("vm-1", IP, ready=ready)).endpoint
    assert found is not None
    assert found.external_workload == Key("ns", "vm-1")


def test_a_port_that_it_does_not_declare_is_an_address_like_any() -> None:
    other = SocketAddress(IP, 9)
    assert at(other, VM) == Profile(endpoint=Endpoint(other))


def test_a_pod_with_the_address_comes_first() -> None:
    found = at(AT, VM, pod("web-1", IP)).endpoint
    assert found is not None
    assert found.pod == Key("ns", "web-1")


def test_two_machines_with_one_address() -> None:
    with pytest.raises(FailedPrecondition, match="several ExternalWorkloads: ns/vm-1, ns/vm-2"):
        at(AT, VM, external_workload("vm-2", IP))


def test_an_opaque_port_of_an_address() -> None:
    assert at(AT, VM, SERVER).opaque


# -- policies ------------------------------------------------------------------------------------
def ask(*objects: Object, port: int = 8080, rules: InboundRules | None = None) -> InboundPolicy:
    reader = Reader(Cluster(*objects).index)
    return inbound(reader, Key("ns", "vm-1"), port, rules or InboundRules(), external=True)


def namespace(policy: str) -> Object:
    meta = {"name": "ns", "annotations": {DEFAULT_INBOUND_POLICY: policy}}
    return {"kind": "Namespace", "metadata": meta}


def test_there_is_none() -> None:
    with pytest.raises(NotFound, match="unknown server"):
        ask(pod("vm-1"))


@pytest.mark.parametrize(
    ("own", "namespaces", "cluster", "expected"),
    [
        ("deny", "audit", "all-authenticated", "deny"),
        ("", "audit", "all-authenticated", "audit"),
        ("", "", "all-authenticated", "all-authenticated"),
        ("", "nonsense", "all-authenticated", "all-authenticated"),
    ],
)
def test_the_nearest_default_policy(own: str, namespaces: str, cluster: str, expected: str) -> None:
    vm = external_workload(annotations={DEFAULT_INBOUND_POLICY: own} if own else {})
    answer = ask(vm, namespace(namespaces), rules=InboundRules(cluster))
    assert (answer.kind, answer.name) == ("default", expected)


def test_a_namespaces_policy_is_heard_of() -> None:
    cluster = Cluster(VM)
    reader = Reader(cluster.index)
    inbound(reader, Key("ns", "vm-1"), 8080, InboundRules(), external=True)
    assert cluster.put(namespace("deny")) & reader.facts


def test_ports_that_require_identity() -> None:
    vm = external_workload(annotations={REQUIRE_IDENTITY_INBOUND_PORTS: "http"})
    assert ask(vm).name == "all-authenticated"
    assert ask(vm, port=9).name == "all-unauthenticated"


def test_a_server_of_machines() -> None:
    answer = ask(VM, SERVER)
    assert (answer.kind, answer.name, answer.protocol) == ("server", "s", "opaque")
    assert ask(VM, OF_PODS).kind == "default", "one of pods is not of machines"
    assert ask(external_workload(labels={}), SERVER).kind == "default"


def test_a_server_of_machines_is_of_no_pod() -> None:
    reader = Reader(Cluster(pod("vm-1", labels={"app": "web"}), SERVER).index)
    assert inbound(reader, Key("ns", "vm-1"), 8080, InboundRules()).kind == "default"


def test_opaque_ports_of_the_default_policy() -> None:
    vm = external_workload(ports={"db": 5432})
    assert ask(vm, port=5432).protocol == "opaque"
    assert ask(vm, port=8080).protocol == "detect"


def test_nobody_probes_it() -> None:
    assert ask(VM).probe_paths == ()
