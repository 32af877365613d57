"""Endpoints of an authority: what is there, and what is said of each."""

from dataclasses import replace

import pytest

from destination.index import Reader
from destination.model import Client, Endpoint
from destination.resolve import EndpointSet, Rules, endpoints
from destination.tests.cluster import (
    BASIC,
    DOMAIN,
    Cluster,
    custom,
    endpoint,
    endpoint_slice,
    node,
    pod,
    service,
)
from kit.kube.objects import Key, Object
from kit.rpc.status import InvalidArgument
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority
from weft.labels import (
    CONTROL_PLANE_NS_LABEL,
    OPAQUE_PORTS,
    REMOTE_GATEWAY_IDENTITY,
    REMOTE_SERVICE,
    SKIP_INBOUND_PORTS,
)

WEB = ServiceAuthority("web", "ns", 80)
AT = SocketAddress("10.244.0.1", 8080)
RULES = Rules()


def resolve(
    cluster: Cluster, authority: ServiceAuthority = WEB, rules: Rules = RULES
) -> EndpointSet:
    return endpoints(Reader(cluster.index), authority, rules)


def one(cluster: Cluster, authority: ServiceAuthority = WEB, rules: Rules = RULES) -> Endpoint:
    (found,) = resolve(cluster, authority, rules).endpoints.values()
    return found


def ips(cluster: Cluster, authority: ServiceAuthority = WEB, rules: Rules = RULES) -> list[str]:
    return [str(at) for at in resolve(cluster, authority, rules).endpoints]


def test_a_meshed_endpoint() -> None:
    assert one(Cluster(*BASIC)) == Endpoint(
        address=AT,
        labels=(
            ("control_plane_ns", "weft"),
            ("deployment", "web"),
            ("pod", "web-1"),
            ("pod_template_hash", "5d4"),
            ("serviceaccount", "web"),
        ),
        identity=f"web.ns.{DOMAIN}",
        meshed=True,
        h2=True,
        pod=Key("ns", "web-1"),
        node="node-a",
        zone="east",
    )


def test_no_such_service() -> None:
    found = resolve(Cluster())
    assert not found.exists
    assert found.endpoints == {}


def test_a_service_without_endpoints_exists() -> None:
    assert resolve(Cluster(service())) == EndpointSet(Key("ns", "web"))


def test_an_external_name_has_none_by_nature() -> None:
    with pytest.raises(InvalidArgument, match="ExternalName"):
        resolve(Cluster(service(type="ExternalName")))


def test_only_ready_endpoints() -> None:
    slices = endpoint_slice(
        endpoint("10.244.0.1"), endpoint("10.244.0.2", conditions={"ready": False})
    )
    assert ips(Cluster(service(), slices)) == ["10.244.0.1:8080"]


def test_several_slices_are_one_service() -> None:
    more = endpoint_slice(endpoint("10.244.0.2"), name="web-def")
    other = endpoint_slice(endpoint("10.244.0.3"), name="other", service="other")
    assert ips(Cluster(*BASIC, more, other)) == ["10.244.0.1:8080", "10.244.0.2:8080"]


@pytest.mark.parametrize(
    ("port", "expected"),
    [(80, ["10.244.0.1:8080"]), (90, ["10.244.0.1:9090"]), (91, ["10.244.0.1:91"])],
)
def test_ports_by_name_and_undeclared(port: int, expected: list[str]) -> None:
    cluster = Cluster(
        service(ports={"http": 80, "grpc": 90}),
        endpoint_slice(endpoint("10.244.0.1"), ports={"http": 8080, "grpc": 9090}),
    )
    assert ips(cluster, replace(WEB, port=port)) == expected


def test_a_name_with_different_numbers_in_two_slices() -> None:
    cluster = Cluster(
        service(),
        endpoint_slice(endpoint("10.244.0.1"), name="a", ports={"http": 8080}),
        endpoint_slice(endpoint("10.244.0.2"), name="b", ports={"http": 9090}),
    )
    assert ips(cluster) == ["10.244.0.1:8080", "10.244.0.2:9090"]


def test_a_slice_without_the_port_has_no_endpoint() -> None:
    assert ips(Cluster(service(), endpoint_slice(endpoint("10.244.0.1"), ports={"x": 1}))) == []


def test_a_stateful_pod_by_name() -> None:
    cluster = Cluster(
        service(ip=None),
        endpoint_slice(
            endpoint("10.244.0.1", hostname="web-0"), endpoint("10.244.0.2", hostname="web-1")
        ),
    )
    assert ips(cluster, replace(WEB, hostname="web-1")) == ["10.244.0.2:8080"]
    assert ips(cluster, replace(WEB, hostname="web-2")) == []
    assert len(ips(cluster)) == 2


def test_an_endpoint_that_is_no_pod_is_an_address_only() -> None:
    cluster = Cluster(service(), endpoint_slice(endpoint("10.9.9.9")))
    assert one(cluster) == Endpoint(SocketAddress("10.9.9.9", 8080), node="node-a")


GATEWAY = "gateway.multicluster.serviceaccount.identity.weft.east.example"
MIRRORED = {REMOTE_SERVICE: "web.ns.svc.east.example", REMOTE_GATEWAY_IDENTITY: GATEWAY}


def test_a_mirrored_service_leads_to_a_gateway() -> None:
    mirror = endpoint_slice(endpoint("10.9.9.9"), ports={"http": 4143}, annotations=MIRRORED)
    plain = Endpoint(SocketAddress("10.9.9.9", 4143), node="node-a")
    led = replace(plain, authority="web.ns.svc.east.example:80", identity=GATEWAY, meshed=True)
    cluster = Cluster(service(), mirror)
    assert one(cluster) == replace(led, h2=True)
    assert one(cluster, rules=Rules(h2_upgrade=False)) == led


def test_what_another_cluster_calls_it_is_said_without_a_gateways_identity_too() -> None:
    said = {REMOTE_SERVICE: "web.ns.svc.east.example"}
    found = one(Cluster(service(), endpoint_slice(endpoint("10.9.9.9"), annotations=said)))
    assert (found.authority, found.identity, found.meshed, found.h2) == (
        "web.ns.svc.east.example:80", "", False, False,
    )  # fmt: skip


def test_a_pod_of_a_mirrored_service_is_the_pod() -> None:
    marked = endpoint_slice(endpoint("10.244.0.1", "web-1"), annotations=MIRRORED)
    assert one(Cluster(*BASIC, marked)) == one(Cluster(*BASIC))


def test_a_pod_not_seen_yet_is_left_out_rather_than_called_in_plaintext() -> None:
    cluster = Cluster(service(), endpoint_slice(endpoint("10.244.0.1", "web-1")))
    assert ips(cluster) == []
    reader = Reader(cluster.index)
    endpoints(reader, WEB, RULES)
    assert cluster.put(pod("web-1")) & reader.facts, "and its coming is heard of"


def test_an_unmeshed_pod() -> None:
    found = one(Cluster(*BASIC, pod(meshed=False)))
    assert not found.meshed
    assert found.identity == ""
    assert not found.h2
    assert dict(found.labels) == {"pod": "web-1", "serviceaccount": "web"}


def test_a_pod_of_another_mesh_has_no_identity_of_ours() -> None:
    found = one(Cluster(*BASIC, pod(meshed=False, labels={CONTROL_PLANE_NS_LABEL: "linkerd"})))
    assert found.meshed
    assert found.h2
    assert found.identity == ""


def test_a_skipped_port_is_not_meshed() -> None:
    found = one(Cluster(*BASIC, pod(annotations={SKIP_INBOUND_PORTS: "8000-9000"})))
    assert (found.meshed, found.identity, found.h2) == (False, "", False)
    assert ("control_plane_ns", "weft") in found.labels


SERVER = custom("Server", "s", {"podSelector": {}, "port": 8080, "proxyProtocol": "opaque"})


@pytest.mark.parametrize(
    ("objects", "opaque"),
    [
        ([], False),
        ([pod(annotations={OPAQUE_PORTS: "8080"})], True),
        ([pod(annotations={OPAQUE_PORTS: "9"})], False),
        ([SERVER], True),
    ],
)
def test_opaque_ports(objects: list[Object], opaque: bool) -> None:
    found = one(Cluster(*BASIC, *objects))
    assert (found.opaque, found.h2) == (opaque, not opaque)
    assert found.opaque_transport == (4143 if opaque else 0)


def test_default_opaque_ports_and_an_empty_annotation() -> None:
    database = (
        service(ports={"db": 5432}),
        endpoint_slice(endpoint("10.244.0.1", "web-1"), ports={"db": 5432}),
    )
    at = replace(WEB, port=5432)
    assert one(Cluster(pod(), *database), at).opaque
    assert not one(Cluster(pod(annotations={OPAQUE_PORTS: ""}), *database), at).opaque


@pytest.mark.parametrize(("port", "inbound"), [(8080, 4143), (4143, 0), (4191, 0), (4190, 0)])
def test_transport_header_mode_spares_the_proxys_own_ports(port: int, inbound: int) -> None:
    cluster = Cluster(*BASIC, endpoint_slice(endpoint("10.244.0.1", "web-1"), ports={"http": port}))
    assert one(cluster, rules=replace(RULES, transport_header=True)).opaque_transport == inbound


def test_h2_upgrade_can_be_turned_off() -> None:
    assert not one(Cluster(*BASIC), rules=replace(RULES, h2_upgrade=False)).h2


V6 = endpoint_slice(endpoint("fd00::1", "web-1"), name="web-v6", family="IPv6")
IPV6 = replace(RULES, ipv6=True)


def test_one_family_is_used() -> None:
    assert ips(Cluster(*BASIC, V6)) == ["10.244.0.1:8080"]
    assert ips(Cluster(*BASIC, V6), rules=IPV6) == ["[fd00::1]:8080"]
    assert ips(Cluster(*BASIC), rules=IPV6) == ["10.244.0.1:8080"]


def test_a_pod_with_one_address_stays_beside_pods_with_two() -> None:
    """As while a cluster is made dual-stack: pods that were there before have no IPv6 address."""
    older = [
        pod("web-0", "10.244.0.9"),
        endpoint_slice(endpoint("10.244.0.9", "web-0"), name="web-older"),
    ]
    found = ips(Cluster(*BASIC, *older, V6), rules=IPV6)
    assert sorted(found) == ["10.244.0.9:8080", "[fd00::1]:8080"]


def test_an_address_of_a_family_that_is_off_is_nobodys() -> None:
    unready = endpoint("10.244.0.1", "web-1", conditions={"ready": False})
    assert ips(Cluster(*BASIC[:3], endpoint_slice(unready), V6)) == []


def test_addresses_of_nobody_known_are_all_used() -> None:
    slices = (
        endpoint_slice(endpoint("192.0.2.1")),
        endpoint_slice(endpoint("2001:db8::1"), name="6", family="IPv6"),
    )
    assert len(ips(Cluster(service(), *slices), rules=IPV6)) == 2


def test_local_traffic_stays_on_the_node() -> None:
    cluster = Cluster(
        service(internalTrafficPolicy="Local"),
        endpoint_slice(endpoint("10.244.0.1"), endpoint("10.244.0.2", nodeName="node-b")),
    )
    found = resolve(cluster)
    assert list(found.visible_to(Client(node="node-b"), "")) == [SocketAddress("10.244.0.2", 8080)]
    assert found.visible_to(Client(), "") == {}


def hinted(ip: str, *zones: str) -> Object:
    return endpoint(ip, hints={"forZones": [{"name": zone} for zone in zones]})


@pytest.mark.parametrize(
    ("zone", "third", "count"),
    [
        ("east", "west", 2),
        ("west", "west", 2),
        ("north", "west", 3),
        ("", "west", 3),
        ("east", "", 3),
    ],
)
def test_zone_hints_count_only_when_all_have_them(zone: str, third: str, count: int) -> None:
    last = hinted("10.244.0.3", third) if third else endpoint("10.244.0.3")
    slices = endpoint_slice(
        hinted("10.244.0.1", "east"), hinted("10.244.0.2", "east", "west"), last
    )
    found = resolve(Cluster(service(), slices))
    assert len(found.visible_to(Client(node="n"), zone)) == count


def test_zones_come_from_the_slice_or_the_node() -> None:
    said = endpoint_slice(endpoint("10.244.0.1", "web-1", zone="west"))
    assert one(Cluster(*BASIC, said)).zone == "west"
    assert one(Cluster(*BASIC, node(zone="north"))).zone == "north"
