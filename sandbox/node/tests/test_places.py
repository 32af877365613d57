"""Addresses, mounts, cgroups, and the files in /etc: what is read and written around a pod."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from sandbox.node.addresses import AddressPool, NoAddressError, mac_of
from sandbox.node.cgroups import own_path
from sandbox.node.etc_files import hostname, hosts, resolv_conf
from sandbox.node.mounts import mounted_below
from sandbox.node.network import veth_name


def test_addresses_go_round_before_one_comes_again() -> None:
    pool = AddressPool(IPv4Network("10.0.0.0/29"))
    taken = [pool.take() for _ in range(5)]
    assert [str(one) for one in taken] == [f"10.0.0.{number}" for number in range(2, 7)]
    with pytest.raises(NoAddressError, match="all addresses of"):
        pool.take()
    pool.free(taken[3])
    pool.free(taken[0])
    assert [pool.take(), pool.take()] == [taken[0], taken[3]]


def test_the_pod_network_holds_a_thousand() -> None:
    pool = AddressPool()
    assert len({pool.take() for _ in range(1000)}) == 1000


def test_names_of_interfaces_fit_the_kernel() -> None:
    assert veth_name(IPv4Address("10.244.255.254")) == "wv0af4fffe"
    assert mac_of(IPv4Address("10.244.0.2")) == "02:58:0a:f4:00:02"


def test_mounts_are_listed_deepest_first() -> None:
    table = "\n".join(
        f"1 0 0:1 / {point} rw - ext4 x rw" for point in ("/", "/a", "/a/b", "/ab", "/a/c\\040d")
    )
    assert mounted_below(Path("/a"), table) == [Path("/a/c d"), Path("/a/b"), Path("/a")]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("9:name=systemd:/\n4:memory:/x/y\n0::/\n", "x/y"),
        ("4:cpu,memory:/\n", ""),
        ("0::/user.slice\n", ""),
    ],
)
def test_our_place_among_cgroups(text: str, path: str) -> None:
    assert own_path(text) == path


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web-1", "namespace": "shop"}, "spec": spec}


def test_hosts() -> None:
    one = pod(
        hostname="db", subdomain="pg", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]
    )
    lines = hosts(one, "10.244.0.9").splitlines()
    assert "10.244.0.9\tdb.pg.shop.svc.cluster.local\tdb" in lines
    assert lines[-1] == "1.2.3.4\ta\tb"
    assert "10.244.0.9\tweb-1" in hosts(pod(), "10.244.0.9").splitlines()


def test_hostnames_are_cut_to_what_the_kernel_takes() -> None:
    assert len(hostname({"metadata": {"name": "x" * 62 + "-" + "y" * 20}, "spec": {}})) == 62


CLUSTER = (
    "search shop.svc.cluster.local svc.cluster.local cluster.local\n"
    "nameserver 10.96.0.10\noptions ndots:5\n"
)
HOST = "# ours\nnameserver 9.9.9.9\nsearch example.org\noptions edns0 ndots:2\n"
HOSTS_OWN = "search example.org\nnameserver 9.9.9.9\noptions edns0 ndots:2\n"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({}, CLUSTER),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, HOSTS_OWN),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, CLUSTER),
        ({"dnsPolicy": "Default"}, HOSTS_OWN),
        (
            {
                "dnsPolicy": "None",
                "dnsConfig": {
                    "nameservers": ["1.1.1.1"],
                    "searches": ["x"],
                    "options": [{"name": "ndots", "value": "1"}, {"name": "edns0"}],
                },
            },
            "search x\nnameserver 1.1.1.1\noptions ndots:1 edns0\n",
        ),
        (
            {"dnsConfig": {"options": [{"name": "ndots", "value": "2"}]}},
            CLUSTER.replace("ndots:5", "ndots:2"),
        ),
    ],
)
def test_resolv_conf(spec: dict[str, Any], text: str) -> None:
    assert resolv_conf(pod(**spec), HOST) == text
