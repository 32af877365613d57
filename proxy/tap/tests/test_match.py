"""Which requests are meant."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tap.match import (
    All,
    Any,
    Exactly,
    Label,
    Method,
    Network,
    Not,
    Ports,
    Predicate,
    Scheme,
    StartsWith,
)
from proxy.tap.tests.subjects import VOTE, subject

YES, NO = Method("POST"), Method("GET")


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (YES, True),
        (NO, False),
        (Method("post"), False),
        (Scheme("http"), True),
        (Scheme("https"), False),
        (Exactly("authority", "voting-svc:8080"), True),
        (Exactly("authority", "voting-svc"), False),
        (StartsWith("authority", "voting"), True),
        (Exactly("path", "/emojivoto.v1.VotingService/VoteDoughnut"), True),
        (Exactly("path", "/emojivoto.v1.VotingService"), False),
        (StartsWith("path", "/emojivoto.v1.V"), True),
        (StartsWith("path", "/api"), False),
        (StartsWith("path", ""), True),
        (Ports("source", 41234, 41234), True),
        (Ports("source", 0, 1023), False),
        (Ports("destination", 8000, 8080), True),
        (Ports("destination", 8080, 9000), True),
        (Ports("destination", 8081, 9000), False),
        (Network("source", ipaddress.ip_network("10.244.0.0/24")), True),
        (Network("source", ipaddress.ip_network("10.244.0.7/32")), False),
        (Network("destination", ipaddress.ip_network("10.244.0.7/32")), True),
        (Network("destination", ipaddress.ip_network("fd00::/8")), False),
        (Label("destination_labels", "deployment", "voting"), True),
        (Label("destination_labels", "deployment", "emoji"), False),
        (Label("destination_labels", "route", "vote"), False),
        (Label("route_labels", "route", "vote"), True),
        (All(()), True),
        (All((YES, YES)), True),
        (All((YES, NO)), False),
        (Any(()), False),
        (Any((NO, YES)), True),
        (Any((NO, NO)), False),
        (Not(NO), True),
        (Not(YES), False),
        (All((YES, Not(Any((NO, Scheme("https")))))), True),
    ],
)
def test_a_predicate(predicate: Predicate, expected: bool) -> None:
    assert predicate(VOTE) is expected


def test_schemes_are_of_any_case() -> None:
    assert Scheme("http")(subject(scheme="HTTP"))


@given(st.lists(st.booleans()))
def test_all_and_any_are_each_others_opposite(truths: list[bool]) -> None:
    """De Morgan."""
    parts = tuple(YES if truth else NO for truth in truths)
    assert Not(All(parts))(VOTE) == Any(tuple(Not(part) for part in parts))(VOTE)
