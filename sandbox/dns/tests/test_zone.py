"""What the Kubernetes DNS specification promises, name by name."""

from typing import Any

import pytest

from sandbox.apiserver.objects import Obj
from sandbox.dns.records import make_records
from sandbox.dns.wire import Question, Rcode, Srv, Type, name_of, name_text
from sandbox.dns.zone import TTL, Zone


def service(name: str, cluster_ip: str = "None", **spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": cluster_ip, "ports": ports, **spec},
    }


def endpoint(address: str, ready: bool | None = True, hostname: str = "") -> Obj:
    conditions = {} if ready is None else {"ready": ready}
    found: Obj = {"addresses": [address], "conditions": conditions}
    return found | ({"hostname": hostname} if hostname else {})


def piece(owner: str, *endpoints: Obj, family: str = "IPv4") -> Obj:
    return {
        "metadata": {
            "name": f"{owner}-x", "namespace": "default",
            "labels": {"kubernetes.io/service-name": owner},
        },
        "addressType": family,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }  # fmt: skip


ZONE = Zone(
    "cluster.local",
    make_records(
        [{"metadata": {"name": "default"}}, {"metadata": {"name": "shop"}}],
        [
            service("web", "10.96.0.9"),
            service("db"),
            service("empty"),
            {"metadata": {"name": "out", "namespace": "default"},
             "spec": {"type": "ExternalName", "externalName": "example.com"}},
        ],
        [
            piece("web", endpoint("10.244.0.5")),
            piece(
                "db",
                endpoint("10.244.0.7", hostname="db-0"),
                endpoint("10.244.0.8"),
                endpoint("10.244.0.9", ready=False, hostname="db-9"),
                endpoint("10.244.0.10", ready=None, hostname="db-2"),
            ),
            piece("empty", endpoint("10.244.0.20", ready=False)),
            piece("db", endpoint("fd00::1"), family="IPv6"),
        ],
    ),
)  # fmt: skip


def ask(name: str, type_: Type = Type.A) -> list[str] | str:
    """The data in the answer, or what the answer says instead."""
    answer = ZONE.answer(Question(name_of(name), type_))
    if not answer.answers:
        assert [r.type for r in answer.authority] == [Type.SOA]
        return "NXDOMAIN" if answer.rcode is Rcode.NXDOMAIN else "NODATA"
    assert {record.ttl for record in answer.answers} == {TTL}
    return [shown(record.data) for record in answer.answers]


def shown(data: object) -> str:
    match data:
        case Srv():
            return f"{data.priority} {data.weight} {data.port} {name_text(data.target)}"
        case tuple():
            return name_text(data)
    return str(data)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web.default.svc.cluster.local", ["10.96.0.9"]),
        ("WEB.Default.svc.CLUSTER.local", ["10.96.0.9"]),
        ("db.default.svc.cluster.local", ["10.244.0.7", "10.244.0.8", "10.244.0.10"]),
        ("db-0.db.default.svc.cluster.local", ["10.244.0.7"]),
        ("10-244-0-8.db.default.svc.cluster.local", ["10.244.0.8"]),
        ("db-9.db.default.svc.cluster.local", "NXDOMAIN"),
        ("10-244-0-7.db.default.svc.cluster.local", "NXDOMAIN"),
        ("empty.default.svc.cluster.local", "NXDOMAIN"),
        ("web-0.web.default.svc.cluster.local", "NXDOMAIN"),
        ("web.shop.svc.cluster.local", "NXDOMAIN"),
        ("web.nowhere.svc.cluster.local", "NXDOMAIN"),
        ("web.default.cluster.local", "NXDOMAIN"),
        ("default.svc.cluster.local", "NODATA"),
        ("shop.svc.cluster.local", "NODATA"),
        ("nowhere.svc.cluster.local", "NXDOMAIN"),
        ("svc.cluster.local", "NODATA"),
        ("pod.cluster.local", "NODATA"),
        ("cluster.local", "NODATA"),
        ("10-244-0-5.default.pod.cluster.local", ["10.244.0.5"]),
        ("10-244-0-555.default.pod.cluster.local", "NXDOMAIN"),
        ("10-244-0-5.nowhere.pod.cluster.local", "NXDOMAIN"),
        ("_tcp.web.default.svc.cluster.local", "NODATA"),
        ("_sctp.web.default.svc.cluster.local", "NXDOMAIN"),
        ("_http._tcp.web.default.svc.cluster.local", "NODATA"),
        ("out.default.svc.cluster.local", ["example.com."]),
        ("a.out.default.svc.cluster.local", "NXDOMAIN"),
        ("emoji.shop.svc.cluster.local.default.svc.cluster.local", "NXDOMAIN"),
    ],
)
def test_addresses(name: str, expected: list[str] | str) -> None:
    assert ask(name) == expected


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("_http._tcp.web.default.svc.cluster.local", Type.SRV, ["0 100 80 web.default.svc.cluster.local."]),
        ("_dns._udp.web.default.svc.cluster.local", Type.SRV, ["0 100 53 web.default.svc.cluster.local."]),
        ("_http._udp.web.default.svc.cluster.local", Type.SRV, "NXDOMAIN"),
        ("_none._tcp.web.default.svc.cluster.local", Type.SRV, "NXDOMAIN"),
        ("_http._tcp.db.default.svc.cluster.local", Type.SRV, [
            "0 33 8080 db-0.db.default.svc.cluster.local.",
            "0 33 8080 10-244-0-8.db.default.svc.cluster.local.",
            "0 33 8080 db-2.db.default.svc.cluster.local.",
        ]),
        ("web.default.svc.cluster.local", Type.AAAA, "NODATA"),
        ("nope.default.svc.cluster.local", Type.AAAA, "NXDOMAIN"),
        ("dns-version.cluster.local", Type.TXT, ["1.1.0"]),
        ("cluster.local", Type.NS, ["ns.dns.cluster.local."]),
        ("9.0.96.10.in-addr.arpa", Type.PTR, ["web.default.svc.cluster.local."]),
        ("7.0.244.10.in-addr.arpa", Type.PTR, ["db-0.db.default.svc.cluster.local."]),
        ("7.0.244.10.in-addr.arpa", Type.A, "NODATA"),
    ],
)  # fmt: skip
def test_other_types(name: str, type_: Type, expected: list[str] | str) -> None:
    assert ask(name, type_) == expected


def test_a_service_without_a_port_name_still_answers_srv_at_its_own_name() -> None:
    assert "0 100 80 web.default.svc.cluster.local." in ask(
        "web.default.svc.cluster.local", Type.SRV
    )


def test_srv_brings_its_targets_addresses_along() -> None:
    asked = Question(name_of("_http._tcp.db.default.svc.cluster.local"), Type.SRV)
    additional = ZONE.answer(asked).additional
    assert {str(record.data) for record in additional} == {
        "10.244.0.7", "10.244.0.8", "10.244.0.10",
    }  # fmt: skip


def test_the_answer_keeps_the_case_it_was_asked_in() -> None:
    asked = name_of("Web.Default.svc.cluster.local")
    assert ZONE.answer(Question(asked, Type.A)).answers[0].name == asked


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("web.default.svc.cluster.local", True),
        ("cluster.LOCAL", True),
        ("example.com", False),
        ("local", False),
        ("xcluster.local", False),
        ("", False),
        ("9.0.96.10.in-addr.arpa", True),
        ("1.1.1.1.in-addr.arpa", False),
        ("x.in-addr.arpa", False),
        ("in-addr.arpa", False),
    ],
)
def test_what_is_ours_to_answer(name: str, ours: bool) -> None:
    assert ZONE.owns(name_of(name)) is ours
