"""Paths and bodies, read and refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.observe import request
from tap.query import PLURALS, Peer, Query, QueryError, Target, read_body, read_path
from weftapi.proxy.tap_pb2 import ObserveRequest

WEB = Target("shop", "deployment", "web")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("shop",), Target("shop", "namespace", "shop")),
        (("shop", "deployments", "web"), WEB),
        (("shop", "services", "web-svc"), Target("shop", "service", "web-svc")),
        (("shop", "pods", "web.1"), Target("shop", "pod", "web.1")),
    ],
)
def test_paths(parts: tuple[str, ...], expected: Target) -> None:
    assert read_path(*parts) == expected
    assert PLURALS[expected.plural] == expected.kind


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (("shop", "secrets", "x"), "cannot be tapped: allowed are namespaces, pods"),
        (("shop", "deployments", "../x"), "is not the name of a deployment"),
        (("shop", "deployments", "%2e%2e"), "is not the name of a deployment"),
        (("Shop",), "is not the name of a namespace"),
        (("shop", "namespaces", "other"), "namespace 'other' is not 'shop'"),
    ],
)
def test_bad_paths(parts: tuple[str, ...], why: str) -> None:
    with pytest.raises(QueryError, match=why):
        read_path(*parts)


def test_an_empty_body_means_everything() -> None:
    assert read_body(WEB, b"") == Query(WEB, max_rps=100.0)


def test_a_whole_body() -> None:
    body = {
        "target": {"namespace": "shop", "kind": "deployment", "name": "web"},
        "to": {"namespace": "shop", "kind": "service", "name": "voting"},
        "method": "post", "pathPrefix": "/vote", "authority": "voting:80", "scheme": "HTTP",
        "maxRps": 5, "headers": True, "somethingNewer": 1,
    }  # fmt: skip
    assert read_body(WEB, json.dumps(body).encode()) == Query(
        WEB, Peer("shop", "service", "voting"), "POST", "/vote", "voting:80", "http", 5.0, True
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("[]", "not a TapRequest"),
        ("{", "not a TapRequest"),
        ("[" * 100_000, "not a TapRequest"),
        ('{"maxRps": -1}', "max_rps -1"),
        ('{"maxRps": "NaN"}', "max_rps nan"),
        ('{"scheme": "ftp"}', "scheme 'ftp': allowed are http and https"),
        ('{"pathPrefix": "a\\u001b[2J"}', "path_prefix: allowed"),
        ('{"to": {"kind": "secret"}}', "to.kind 'secret': allowed are namespace"),
        ('{"to": {"kind": "pod", "name": "x"}}', "to.namespace is required"),
        ('{"to": {"kind": "pod", "namespace": "A b"}}', "is not a name"),
        ('{"to": {"kind": "namespace", "namespace": "a", "name": "b"}}', "'b' is not 'a'"),
        ('{"target": {"kind": "pod", "name": "x"}}', "target is not what the path names"),
    ],
)
def test_bad_bodies(body: str, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        read_body(WEB, body.encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(QueryError):
        assert read_body(WEB, body).target == WEB


def test_nothing_asked_matches_everything() -> None:
    message = request(Query(WEB), 7)
    assert message.limit == 7
    assert message.match.WhichOneof("match") == "all"
    assert not message.match.all.matches
    assert not message.HasField("extract")


def test_everything_asked_becomes_one_conjunction() -> None:
    query = Query(
        WEB, Peer("shop", "service", "voting"), "POST", "/vote", "voting:80", "https", 5.0, True
    )
    message = request(query, 1)
    parts = [
        one.http.WhichOneof("match") if one.HasField("http") else
        f"{one.destination_label.key}={one.destination_label.value}"
        for one in message.match.all.matches
    ]  # fmt: skip
    assert parts == ["namespace=shop", "service=voting", "method", "scheme", "authority", "path"]
    assert message.extract.http.HasField("headers")


def test_a_namespace_as_peer_is_one_label() -> None:
    message = request(Query(WEB, Peer("shop", "namespace", "shop")), 1)
    assert len(message.match.all.matches) == 1


def test_a_strange_method_is_passed_on() -> None:
    match = request(Query(WEB, method="PURGE"), 1).match.all.matches[0]
    assert match == ObserveRequest.Match(
        http=ObserveRequest.Match.Http(method={"unregistered": "PURGE"})
    )
