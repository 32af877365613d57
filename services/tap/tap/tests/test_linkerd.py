"""Linkerd's form: its questions are ours, its answers say what ours say."""

import struct
from typing import Any

import pytest

from kit.kube.selectors import parse_selector
from tap import query
from tap.forms import FRAMES, LINES, form_of
from tap.linkerd import Unimplemented, frame, read_body, refusal
from tap.query import Peer, Query, QueryError, Target
from weftapi.viz import tap_pb2, viz_pb2

WEB = Target("emojivoto", "deployment", "web")


def request(**more: Any) -> tap_pb2.TapByResourceRequest:
    made = tap_pb2.TapByResourceRequest(**more)
    resource = made.target.resource
    resource.namespace, resource.type, resource.name = "emojivoto", "deployment", "web"
    return made


def condition(**http: str) -> tap_pb2.TapByResourceRequest.Match:
    match = tap_pb2.TapByResourceRequest.Match
    return match(http=match.Http(**http))


def destinations(kind: str, name: str, namespace: str = "") -> tap_pb2.TapByResourceRequest.Match:
    made = tap_pb2.TapByResourceRequest.Match()
    resource = made.destinations.resource
    resource.namespace, resource.type, resource.name = namespace, kind, name
    return made


def test_a_question_with_everything() -> None:
    made = request(maxRps=7.0)
    made.match.all.matches.extend(
        [
            condition(scheme="https"),
            condition(method="post"),
            condition(authority="voting:80"),
            condition(path="/vote"),
            destinations("deployment", "voting", "emojivoto"),
        ]
    )
    made.extract.http.headers.SetInParent()
    made.target.label_selector = "app=web"
    assert read_body(WEB, made.SerializeToString()) == Query(
        WEB, Peer("emojivoto", "deployment", "voting"), "POST", "/vote", "voting:80", "https", 7.0,
        headers=True, selector=parse_selector("app=web"),
    )  # fmt: skip


def test_a_question_with_nothing_is_the_same_as_ours() -> None:
    assert read_body(WEB, request().SerializeToString()) == query.read_body(WEB, b"{}")


def test_a_namespace_names_itself() -> None:
    made = tap_pb2.TapByResourceRequest()
    made.target.resource.type, made.target.resource.name = "namespace", "emojivoto"
    target = Target("emojivoto", "namespace", "emojivoto")
    assert read_body(target, made.SerializeToString()).target == target


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"any": True}, "only `all`"),
        ({"not": True}, "only `all`"),
    ],
)
def test_matches_that_are_not_flat_are_refused(changed: dict[str, bool], said: str) -> None:
    made = request()
    getattr(made.match, next(iter(changed))).SetInParent()
    with pytest.raises(Unimplemented, match=said):
        read_body(WEB, made.SerializeToString())


def test_conditions_that_cannot_be_met_are_refused() -> None:
    for matches, said in (
        ([condition(method="GET"), condition(method="POST")], "method is there twice"),
        ([tap_pb2.TapByResourceRequest.Match()], "not understood inside `all`"),
        ([condition(scheme="ftp")], "allowed are http and https"),
        ([destinations("secret", "a", "b")], "to.kind 'secret'"),
    ):
        made = request()
        made.match.all.matches.extend(matches)
        with pytest.raises(QueryError, match=said):
            read_body(WEB, made.SerializeToString())


def test_what_is_no_request_or_names_another_target_is_refused() -> None:
    with pytest.raises(QueryError, match="is not a TapByResourceRequest"):
        read_body(WEB, b"\xff\xff\xff")
    with pytest.raises(QueryError, match="target is not what the path names"):
        read_body(Target("emojivoto", "deployment", "voting"), request().SerializeToString())


@pytest.mark.parametrize(
    ("content_type", "body", "form"),
    [
        ("application/json", b"\x0a\x02", LINES),
        ("application/json", b"", LINES),
        ("application/octet-stream", b"", LINES),
        ("application/octet-stream", b' {"maxRps": 1}', LINES),
        ("application/octet-stream", request().SerializeToString(), FRAMES),
        ("application/x-protobuf", request().SerializeToString(), FRAMES),
    ],
)
def test_the_form_of_a_request(content_type: str, body: bytes, form: object) -> None:
    assert form_of(content_type, body) is form


# --- answers ------------------------------------------------------------------------------------

EVENT: dict[str, Any] = {
    "pod": "emojivoto/web-1",
    "direction": "OUTBOUND",
    "id": "3:7",
    "source": {"ip": "10.0.0.1", "port": 41000, "labels": {"tls": "loopback"}},
    "destination": {"ip": "fd00::1", "port": 8080, "labels": {"pod": "voting-1", "tls": "true"}},
    "route": {"route": "default"},
}


def sent(**what: Any) -> tap_pb2.TapEvent:
    data = frame({"event": {**EVENT, **what}})
    (length,) = struct.unpack("<I", data[:4])
    assert length == len(data) - 4
    return tap_pb2.TapEvent.FromString(data[4:])


def test_a_request_that_begins() -> None:
    headers = [
        {"name": "accept", "text": "*/*"},
        {"name": "cookie", "redacted": True},
        {"name": "x-bin", "binary": "/w=="},
    ]
    found = sent(
        requestInit={
            "method": "PURGE",
            "scheme": "http",
            "authority": "voting:80",
            "path": "/a",
            "headers": headers,
        }
    )
    assert found.proxy_direction == tap_pb2.TapEvent.OUTBOUND
    assert found.source.ip.ipv4 == (10 << 24) + 1
    assert (found.destination.ip.ipv6.first, found.destination.ip.ipv6.last) == (0xFD00 << 48, 1)
    assert dict(found.destination_meta.labels) == {"pod": "voting-1", "tls": "true"}
    assert dict(found.route_meta.labels) == {"route": "default"}
    init = found.http.request_init
    assert (init.id.base, init.id.stream) == (3, 7)
    assert init.method.unregistered == "PURGE"
    assert init.scheme.registered == viz_pb2.Scheme.HTTP
    assert [one.WhichOneof("value") for one in init.headers.headers] == ["value_str", "value_str", "value_bin"]  # fmt: skip
    assert init.headers.headers[1].value_str == "REDACTED"
    assert init.headers.headers[2].value_bin == b"\xff"


def test_its_response_and_its_end() -> None:
    answer = sent(responseInit={"sinceRequest": "1.000250s", "status": 503}).http.response_init
    assert answer.http_status == 503
    assert (answer.since_request_init.seconds, answer.since_request_init.nanos) == (1, 250_000)
    end = {"sinceRequest": "2.000000s", "sinceResponse": "1.000000s", "responseBytes": "12"}
    for how, expected in (
        ({}, None),
        ({"grpcStatus": 0}, "grpc_status_code"),
        ({"resetCode": 8}, "reset_error_code"),
    ):
        last = sent(responseEnd={**end, **how}).http.response_end
        assert last.response_bytes == 12
        assert last.eos.WhichOneof("end") == expected


def test_a_base_of_the_proxys_own_stays_apart() -> None:
    ids = {
        sent(
            id=text, requestInit={"method": "GET", "scheme": "http", "authority": "", "path": "/"}
        ).http.request_init.id.stream
        for text in ("3:7", "3:1.7", "3:2.7")
    }
    assert len(ids) == 3


def test_a_proxy_that_counts_as_high_as_it_can_has_a_frame() -> None:
    """What cannot be framed would end the stream of that proxy for all who watch it."""
    highest = f"{(1 << 32) - 1}.{(1 << 64) - 1}"
    answer = sent(id=f"3:{highest}", responseInit={"sinceRequest": "0.000000s", "status": 200})
    assert answer.http.response_init.id.base == 3


def test_what_linkerd_has_no_words_for_is_left_out() -> None:
    silent: list[dict[str, Any]] = [
        {"started": {"pods": []}},
        {"dropped": "3"},
        {},
        {"trouble": {}},
    ]
    for message in silent:
        assert frame(message) == b""


def test_a_refusal_is_a_frame() -> None:
    assert viz_pb2.ApiError.FromString(refusal("no pods")[4:]).error == "no pods"
