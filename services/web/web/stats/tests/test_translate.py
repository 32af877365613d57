"""Canonical JSON, both ways."""

import json

import pytest

from web.stats import translate
from web.stats.aggregate import Requests, Row, Tcp
from web.stats.backend import Latency
from web.stats.inventory import PodCounts
from web.stats.kinds import Kind
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
