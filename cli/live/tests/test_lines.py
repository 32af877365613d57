"""An event as a line and as a document."""

import json

import pytest

from cli.live.documents import build, document
from cli.live.event import grpc_name, microseconds, printable
from cli.live.lines import line
from cli.live.tests.events import BOT, DOCUMENT, Json, end, event, request, response

ENDS = "src=10.0.0.1:41000 dst=10.0.0.2:8080 tls=true"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (event(**request("/p")), f"req id=1:0 proxy=in  {ENDS} :method=GET :authority=web:80 :path=/p"),
        (event(outbound=True, **request("/p", "POST")), f"req id=1:0 proxy=out {ENDS} :method=POST :authority=web:80 :path=/p"),
        (event(**response(404)), f"rsp id=1:0 proxy=in  {ENDS} :status=404 latency=1234µs"),
        (event(**end()), f"end id=1:0 proxy=in  {ENDS} duration=12µs response-length=5B"),
        (event(**end(grpcStatus=0)), f"end id=1:0 proxy=in  {ENDS} grpc-status=OK duration=12µs response-length=5B"),
        (event(**end(grpcStatus=14)), f"end id=1:0 proxy=in  {ENDS} grpc-status=Unavailable duration=12µs response-length=5B"),
        (event(**end(resetCode=8)), f"end id=1:0 proxy=in  {ENDS} reset-error=8 duration=12µs response-length=5B"),
        ({}, "??? id= proxy=??? src=?:0 dst=?:0 tls="),
    ],
)  # fmt: skip
def test_a_line(found: Json, expected: str) -> None:
    assert line(found) == expected


def test_wide_adds_what_is_known() -> None:
    text = line(event(**response()), wide=True)
    assert text.endswith(
        "latency=1234µs src_deployment=vote-bot src_namespace=emojivoto src_pod=vote-bot-1 "
        "dst_deployment=web dst_namespace=emojivoto dst_pod=web-1 rt_route=default rt_route_kind=default"
    )


def test_addresses_of_version_6() -> None:
    found = event(**response())
    found["source"] = {"ip": "fd00::1", "port": 80, "labels": {"tls": "disabled"}}
    assert "src=[fd00::1]:80" in line(found)
    assert "tls=disabled" in line(found)


def test_a_request_cannot_write_on_the_terminal() -> None:
    text = line(event(**request("/a\x1b[2J\nreq id=9:9\u202e")), wide=True)
    assert text.isprintable()
    assert r":path=/a\x1b[2J\nreq id=9:9\u202e" in text


def test_small_readers() -> None:
    assert printable("grün\t") == r"grün\t"
    assert grpc_name(16) == "Unauthenticated"
    assert grpc_name(99) == "Code(99)"
    assert [microseconds(one) for one in ("1.5s", "0s", None, "x")] == [1_500_000, 0, 0, 0]


# --- documents ------------------------------------------------------------------------------


def test_a_request_as_a_document() -> None:
    found = event("3:7", **request("/p"))
    found["requestInit"]["headers"] = [
        {"name": "a", "text": "1"},
        {"name": "b", "binary": "/wA="},
        {"name": "cookie", "redacted": True},
    ]
    assert build(found) == {
        **DOCUMENT,
        "requestInitEvent": {
            "id": {"base": 3, "stream": 7},
            "method": "GET", "scheme": "http", "authority": "web:80", "path": "/p",
            "headers": [
                {"name": "a", "valueStr": "1"},
                {"name": "b", "valueBin": "/wA="},
                {"name": "cookie", "valueStr": "REDACTED"},
            ],
        },
    }  # fmt: skip


def test_a_response_as_a_document() -> None:
    assert build(event(**response()))["responseInitEvent"] == {
        "id": {"base": 1, "stream": 0},
        "sinceRequestInit": {"seconds": 0, "nanos": 1_234_000},
        "httpStatus": 200,
        "headers": [],
    }


@pytest.mark.parametrize(
    ("how", "extra"),
    [({}, {}), ({"grpcStatus": 0}, {"grpcStatusCode": 0}), ({"resetCode": 8}, {"resetErrorCode": 8})],
)  # fmt: skip
def test_an_end_as_a_document(how: dict[str, int], extra: dict[str, int]) -> None:
    assert build(event(**end(1.5, **how)))["responseEndEvent"] == {
        "id": {"base": 1, "stream": 0},
        "sinceRequestInit": {"seconds": 1, "nanos": 500_000_000},
        "sinceResponseInit": {"seconds": 0, "nanos": 12_000},
        "responseBytes": 5,
        "trailers": [],
        **extra,
    }


def test_an_id_that_is_none_is_0() -> None:
    found = build(event("²:²", **request("/p")))
    assert found["requestInitEvent"]["id"] == {"base": 0, "stream": 0}


def test_documents_are_plain_ascii() -> None:
    text = document(event(**request("/\x1b\u2028")))
    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text)["source"]["metadata"] == BOT
