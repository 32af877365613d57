"""Canonical JSON, both ways."""

import json

import pytest

from web.stats import translate
from web.stats.aggregate import Requests, Row, Tcp
from web.stats.backend import Latency
from web.stats.edges import Edge, EdgesAnswer
from web.stats.inventory import PodCounts
from web.stats.kinds import Kind
from web.stats.links import End
from web.stats.query import QueryError, Question, Ref


def test_a_whole_request() -> None:
    body = {
        "resource": {"kind": "deployment", "namespace": "emojivoto", "name": "web"},
        "labelSelector": "app=web",
        "window": "90.500s",
        "to": {"kind": "service", "namespace": "emojivoto", "name": "voting-svc"},
        "tcp": True,
        "skipTraffic": True,
    }
    assert translate.read_request(json.dumps(body).encode()) == Question(
        "deployment",
        "emojivoto",
        "web",
        "app=web",
        90.5,
        to=("service", "emojivoto", "voting-svc"),
        tcp=True,
        traffic=False,
    )


def test_defaults_and_from() -> None:
    assert translate.read_request(b"{}") == Question("")
    asked = translate.read_request(b'{"resource": {"kind": "pod"}, "from": {"kind": "job"}}')
    assert asked.from_ == ("job", "", "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "request: not the JSON of a StatRequest"),
        (b"\xff", "request: not the JSON"),
        (b"[]", "request: not the JSON"),
        (b'{"kind": "pod"}', "kind"),
        (b'{"window": "1m"}', "window"),
        (b'{"resource": 5}', "resource"),
        (b'{"to": {}, "from": {}}', "peer"),
        (b"[" * 10_000, "request"),
    ],
)
def test_what_is_no_request(body: bytes, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        translate.read_request(body)


def test_a_response_writes_zeros_and_leaves_out_the_unknown() -> None:
    rows = [
        Row(
            Ref(Kind.POD, "emojivoto", "web-1"),
            "Running",
            PodCounts(1, 1),
            Requests(9, 0, 0.15, Latency(1.0, None, 3.5)),
            Tcp(0, 1.5, 2.5),
        ),
        Row(Ref(Kind.SERVICE, "emojivoto", "web-svc")),
    ]
    assert translate.write_response(rows, 60.0, 12.5, "embedded") == {
        "rows": [
            {
                "resource": {"namespace": "emojivoto", "kind": "pod", "name": "web-1"},
                "status": "Running",
                "pods": {"meshed": 1, "running": 1, "failed": 0},
                "requests": {
                    "success": "9",
                    "failure": "0",
                    "rps": 0.15,
                    "latencyMsP50": 1.0,
                    "latencyMsP99": 3.5,
                },
                "tcp": {
                    "openConnections": "0",
                    "readBytesPerSecond": 1.5,
                    "writeBytesPerSecond": 2.5,
                },
            },
            {
                "resource": {"namespace": "emojivoto", "kind": "service", "name": "web-svc"},
                "status": "",
            },
        ],
        "window": "60s",
        "observed": "12.500s",
        "backend": "embedded",
    }


def test_an_edges_request() -> None:
    body = b'{"resource": {"kind": "pod", "namespace": "a", "name": "b"}, "window": "30s"}'
    assert translate.read_edges_request(body) == Question("pod", "a", "b", window=30.0)
    with pytest.raises(QueryError, match="not the JSON of a EdgesRequest"):
        translate.read_edges_request(b'{"tcp": true}')


def test_an_edges_response() -> None:
    web, voting = End(Kind.DEPLOYMENT, "a", "web"), End(Kind.DEPLOYMENT, "a", "voting")
    secured = Edge(
        web, voting, "web.a.x", "voting.a.x", "", True, Requests(3, 1, 0.1, Latency()), Tcp(1, 2, 3)
    )
    plain = Edge(None, voting, "", "", "no_tls_from_remote", False, None, None)
    found = translate.write_edges(EdgesAnswer([secured, plain], 60.0, 40.0, "embedded"))
    assert found["observed"] == "40s"
    first, second = found["edges"]
    assert first["source"] == {"namespace": "a", "kind": "deployment", "name": "web"}
    assert (first["clientId"], first["serverId"], first["secured"]) == (
        "web.a.x",
        "voting.a.x",
        True,
    )
    assert first["requests"]["success"] == "3"
    assert first["tcp"]["openConnections"] == "1"
    assert not {"source", "requests", "tcp"} & set(second)
    assert second["noTlsReason"] == "no_tls_from_remote"
