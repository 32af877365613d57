"""Services and slices -> fronts -> the table's text."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from sandbox.apiserver.objects import Obj
from sandbox.services.plan import Endpoint, Front, Plan, make_plan
from sandbox.services.ruleset import render

GOLDEN = Path(__file__).with_name("ruleset.golden")


def service(name: str = "web", **spec: Any) -> Obj:
    wanted = {"clusterIP": "10.96.0.9", "ports": [{"name": "http", "port": 80}]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {**wanted, **spec}}


def endpoint(address: str, **conditions: bool) -> Obj:
    return {"addresses": [address], "conditions": conditions}


def piece(*endpoints: Obj, owner: str = "web", **fields: Any) -> Obj:
    return {
        "metadata": {
            "name": f"{owner}-x", "namespace": "default",
            "labels": {"kubernetes.io/service-name": owner},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": list(endpoints),
        **fields,
    }  # fmt: skip


READY = {"ready": True, "serving": True, "terminating": False}
LEAVING = {"ready": False, "serving": True, "terminating": True}
SICK = {"ready": False, "serving": False, "terminating": False}


def leads_to(*endpoints: Obj) -> list[str]:
    (front,) = make_plan([service()], [piece(*endpoints)]).fronts
    return [f"{e.address}:{e.port}" for e in front.endpoints]


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([], []),
        ([endpoint("10.244.0.5", **READY)], ["10.244.0.5:8080"]),
        ([endpoint("10.244.0.5")], ["10.244.0.5:8080"]),
        ([endpoint("10.244.0.5", **SICK)], []),
        ([endpoint("10.244.0.5", **READY), endpoint("10.244.0.6", **LEAVING)], ["10.244.0.5:8080"]),
        ([endpoint("10.244.0.5", **SICK), endpoint("10.244.0.6", **LEAVING)], ["10.244.0.6:8080"]),
        ([endpoint("10.244.0.6", **READY), endpoint("10.244.0.5", **READY)], ["10.244.0.5:8080", "10.244.0.6:8080"]),
    ],
    ids=["none", "ready", "no condition", "sick", "leaving beside ready", "only leaving", "sorted"],
)  # fmt: skip
def test_which_endpoints_answer(endpoints: list[Obj], expected: list[str]) -> None:
    assert leads_to(*endpoints) == expected


@pytest.mark.parametrize(
    "of",
    [
        service(clusterIP="None"),
        service(clusterIP=""),
        service(type="ExternalName", externalName="x"),
        service(clusterIP="fd00::1"),
        service(ports=[{"port": 80, "protocol": "SCTP"}]),
    ],
)
def test_what_has_no_front(of: Obj) -> None:
    assert make_plan([of], [piece(endpoint("10.244.0.5"))]).fronts == ()


def test_ports_go_by_name_and_protocol() -> None:
    ports = [
        {"name": "http", "port": 80},
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    slices = [
        piece(endpoint("10.244.0.5")),
        piece(endpoint("10.244.0.6"), ports=[{"name": "dns", "port": 5353, "protocol": "UDP"}]),
        piece(endpoint("10.244.0.7"), owner="other"),
        piece(endpoint("fd00::1"), addressType="IPv6"),
    ]
    found = {
        front.name: [f"{e.address}:{e.port}/{front.protocol}" for e in front.endpoints]
        for front in make_plan([service(ports=ports)], slices).fronts
    }
    assert found == {
        "default/web:http": ["10.244.0.5:8080/tcp"],
        "default/web:dns": ["10.244.0.6:5353/udp"],
        "default/web:dns-tcp": [],
    }


def test_further_ways_in() -> None:
    of = service(
        type="LoadBalancer",
        externalIPs=["192.0.2.7"],
        sessionAffinity="ClientIP",
        ports=[{"name": "http", "port": 80, "nodePort": 30080}],
    )
    of["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.8"}, {"hostname": "x"}]}}
    (front,) = make_plan([of], []).fronts
    assert [str(address) for address in front.addresses] == ["10.96.0.9", "192.0.2.7", "192.0.2.8"]
    assert front.node_port == 30080
    assert front.affinity_seconds == 10800


def front(name: str, address: str, *pods: str, **fields: Any) -> Front:
    endpoints = tuple(Endpoint(IPv4Address(pod), 8080) for pod in pods)
    wanted = {"protocol": "tcp", "port": 80, **fields}
    return Front(name, addresses=(IPv4Address(address),), endpoints=endpoints, **wanted)


def test_the_text_of_a_table() -> None:
    """Golden: run with the file removed to write it anew."""
    fronts = (
        front("default/none:80", "10.96.0.3"),
        front("default/one:80", "10.96.0.4", "10.244.0.5"),
        front("default/two:80", "10.96.0.5", "10.244.0.5", "10.244.0.6", node_port=30080),
        front("kube-system/sticky:dns", "10.96.0.10", "10.244.0.7", "10.244.0.8",
              protocol="udp", port=53, affinity_seconds=10800),
    )  # fmt: skip
    pods = frozenset(IPv4Address(f"10.244.0.{n}") for n in (5, 6, 7, 8))
    text = render(Plan(fronts, pods), IPv4Network("10.96.0.0/16"))
    if not GOLDEN.exists():
        GOLDEN.write_text(text)
        pytest.fail(f"{GOLDEN.name} was missing: written anew, look at it")
    assert text == GOLDEN.read_text()
