"""What callers send: understood, or refused with words."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from destination import requests
from destination.model import Client
from destination.requests import Workload
from kit.kube.objects import Key
from kit.rpc.status import InvalidArgument, RpcError
from weft.addresses import SocketAddress
from weft.authority import ServiceAuthority
from weftapi.proxy import net_pb2

DOMAIN = "cluster.local"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web.ns.svc.cluster.local:8080", ServiceAuthority("web", "ns", 8080)),
        ("web.ns.svc.cluster.local", ServiceAuthority("web", "ns", 80)),
        ("WEB.ns.svc.cluster.local.:8080", ServiceAuthority("web", "ns", 8080)),
        ("web-0.web.ns.svc.cluster.local:1", ServiceAuthority("web", "ns", 1, "web-0")),
    ],
)
def test_authorities(text: str, expected: ServiceAuthority) -> None:
    assert requests.authority(text, DOMAIN) == expected
    assert requests.target(text, DOMAIN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":80",
        "web",
        "web.ns",
        "web.ns.svc",
        "web.ns.svc.other.local:80",
        "a.b.c.ns.svc.cluster.local",
        "web..svc.cluster.local",
        "web.ns.svc.cluster.local:0",
        "web.ns.svc.cluster.local:65536",
        "web.ns.svc.cluster.local:http",
        "web.ns.svc.cluster.local:",
        "we b.ns.svc.cluster.local",
        "example.com:80",
        "10.0.0.1:80",
        "[::1]:80",
    ],
)
def test_bad_authorities(text: str) -> None:
    with pytest.raises(InvalidArgument):
        requests.authority(text, DOMAIN)


def test_targets_may_be_addresses() -> None:
    assert requests.target("10.0.0.1:8080", DOMAIN) == SocketAddress("10.0.0.1", 8080)
    assert requests.target("10.0.0.1", DOMAIN) == SocketAddress("10.0.0.1", 80)
    assert requests.target("[FD00::1]:1", DOMAIN) == SocketAddress("fd00::1", 1)
    with pytest.raises(InvalidArgument):
        requests.target("10.0.0.256:80", DOMAIN)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", Client()),
        ('{"ns":"a","nodeName":"n","pod":"p"}', Client("a", "n", "p")),
        ('{"ns":"a"}', Client("a")),
        ("ns:a", Client("a")),
        ("garbage", Client()),
        ("[]", Client()),
        ("null", Client()),
        ("[" * 100_000, Client()),
    ],
)
def test_context_tokens_only_refine(token: str, expected: Client) -> None:
    assert requests.client(token) == expected


@pytest.mark.parametrize("text", ['{"ns":"a","pod":"p-1"}', "a:p-1"])
def test_workloads(text: str) -> None:
    assert requests.workload(text) == Workload(Key("a", "p-1"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a:",
        ":p",
        "A:p",
        "{",
        "{}",
        '{"ns":"a"}',
        '{"pod":"p"}',
        '{"ns":1,"pod":[]}',
        "a:b:c",
    ],
)
def test_bad_workloads(text: str) -> None:
    with pytest.raises(InvalidArgument, match="workload"):
        requests.workload(text)


def test_external_workloads() -> None:
    text = '{"ns":"a","external_workload":"vm"}'
    assert requests.workload(text) == Workload(Key("a", "vm"), external=True)


@pytest.mark.parametrize("number", [0, 65_536, 4_294_967_295])
def test_bad_ports(number: int) -> None:
    with pytest.raises(InvalidArgument, match=str(number)):
        requests.port(number)


def test_addresses() -> None:
    v4 = net_pb2.TcpAddress(ip=net_pb2.IPAddress(ipv4=0x0A000001), port=80)
    v6 = net_pb2.IPAddress(ipv6=net_pb2.IPv6(first=0xFD00 << 48, last=1))
    assert requests.address(v4) == SocketAddress("10.0.0.1", 80)
    assert requests.address(net_pb2.TcpAddress(ip=v6, port=1)) == SocketAddress("fd00::1", 1)
    with pytest.raises(InvalidArgument, match="no IP"):
        requests.address(net_pb2.TcpAddress(port=80))


@given(st.text(max_size=80))
def test_no_text_is_a_crash(text: str) -> None:
    requests.client(text)
    for read in (requests.workload, lambda one: requests.target(one, DOMAIN)):
        with contextlib.suppress(RpcError):
            read(text)
