"""Values as messages: addresses, hints, and messages of a bounded size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination import requests
from destination.diff import Difference
from destination.model import Endpoint
from destination.translate.endpoints import LARGEST, Http2Client, updates, weighted_addr
from destination.translate.net import by_default, duration, ip, network, resource, tcp_address
from kit.kube.objects import Key
from weft.addresses import SocketAddress, parse_network
from weftapi.proxy import destination_pb2 as pb

AT = SocketAddress("10.0.0.1", 80)
HTTP2 = Http2Client()


@given(st.ip_addresses(), st.integers(1, 65_535))
def test_addresses_survive_the_wire(address: object, port: int) -> None:
    at = SocketAddress(str(address), port)
    assert requests.address(tcp_address(at)) == at


def test_addresses_are_big_endian_numbers() -> None:
    assert ip("10.0.0.1").ipv4 == 0x0A000001
    v6 = ip("fd00::1").ipv6
    assert (v6.first, v6.last) == (0xFD00 << 48, 1)
    assert network(parse_network("10.0.0.0/8")).prefix_len == 8


def test_metadata_and_durations() -> None:
    assert by_default("x").default == "x"
    assert resource("core", "Pod", "p", "ns", 80).resource.port == 80
    assert duration(0.025).nanos == 25_000_000


def hint(endpoint: Endpoint) -> str:
    said = weighted_addr(endpoint, "", HTTP2).protocol_hint
    port = said.opaque_transport.inbound_port
    return f"{said.WhichOneof('protocol')} {port}"


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint(AT), "None 0"),
        (Endpoint(AT, meshed=True, h2=True), "h2 0"),
        (Endpoint(AT, meshed=True, opaque=True, opaque_transport=4143), "opaque 4143"),
        (Endpoint(AT, meshed=True, h2=True, opaque_transport=4143), "h2 4143"),
        (Endpoint(AT, meshed=True, opaque_transport=4143), "None 4143"),
    ],
)
def test_protocol_hints(endpoint: Endpoint, expected: str) -> None:
    assert hint(endpoint) == expected


def test_a_plain_address_carries_nothing_else() -> None:
    assert weighted_addr(Endpoint(AT), "", HTTP2) == pb.WeightedAddr(
        addr=tcp_address(AT), weight=10_000
    )


def test_an_endpoint_of_another_cluster_is_told_what_the_service_is_called_there() -> None:
    message = weighted_addr(Endpoint(AT, authority="web.ns.svc.east.example:80"), "", HTTP2)
    assert message.authority_override.authority_override == "web.ns.svc.east.example:80"


def test_keep_alive_is_for_proxies_and_can_be_turned_off() -> None:
    meshed = Endpoint(AT, meshed=True)
    params = weighted_addr(meshed, "", Http2Client(20.0, 5.0)).http2.keep_alive
    assert (params.interval.ToSeconds(), params.timeout.ToSeconds()) == (20, 5)
    assert not weighted_addr(meshed, "", Http2Client(interval=0.0)).HasField("http2")
    assert not weighted_addr(Endpoint(AT), "", HTTP2).HasField("http2")


def test_no_change_is_no_message() -> None:
    assert updates(Difference(), Key("ns", "web"), "", HTTP2) == ()


def test_a_large_set_is_several_messages_below_the_limit_of_clients() -> None:
    many = tuple(
        Endpoint(
            SocketAddress(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 65_000),
            labels=tuple((f"label_{k}", "x" * 63) for k in range(6)),
            identity="a" * 63 + "." + "b" * 63 + ".serviceaccount.identity.weft.cluster.local",
            meshed=True,
            pod=Key("n" * 63, "p" * 63),
        )
        for n in range(LARGEST + 1)
    )
    first, second = updates(Difference(add=many), Key("ns", "web"), "", HTTP2)
    assert (len(first.add.addrs), len(second.add.addrs)) == (LARGEST, 1)
    assert first.ByteSize() < 4 << 20
