"""Errors of proxies, asked over real sockets."""

import asyncio
import json
from typing import Any

import pytest

from web.stats import translate
from web.stats.faults import MAX_ERRORS, FaultsAnswer, answer_faults, read_faults
from web.stats.inventory import Inventory
from web.stats.kinds import Kind
from web.stats.query import QueryError, Question, Ref
from web.stats.tests.cluster import obj, pod
from web.tests.proxies import FakeProxy, serving

POD = Ref(Kind.POD, "emojivoto", "web-1")


def said(number: int, time: str) -> dict[str, Any]:
    """An error as a proxy writes it."""
    return {
        "time": time,
        "side": "outbound",
        "peer": "voting-svc:80",
        "route": "votes",
        "endpoint": "10.0.0.9:80",
        "number": number,
        "error": "connect-refused",
        "cause": "connection refused",
    }


def written(**fields: object) -> str:
    """What `/errors` answers: one error, with these fields."""
    return json.dumps([{**said(2001, "2026-01-01T00:00:02Z"), **fields}])


def cluster(*proxies: FakeProxy) -> Inventory:
    known = Inventory("weft")
    known.put(Kind.DEPLOYMENT, obj("web"))
    known.put(Kind.REPLICA_SET, obj("web-1", owner=("Deployment", "web")))
    for index, proxy in enumerate(proxies):
        owner = ("ReplicaSet", "web-1")
        name = f"web-1-{index}"
        known.put(Kind.POD, pod(name, owner, ip="127.0.0.1", port=proxy.port))
    known.put(Kind.POD, pod("plain", meshed=False))
    known.put(Kind.POD, pod("pending", phase="Pending"))
    return known


def ask(question: Question, *proxies: FakeProxy, limit: int = 0) -> FaultsAnswer:
    async def story() -> FaultsAnswer:
        async with serving(*proxies):
            return await answer_faults(question, limit, cluster(*proxies))

    return asyncio.run(asyncio.wait_for(story(), 20))


def test_errors_of_all_proxies_newest_first() -> None:
    first = FakeProxy(errors=json.dumps([said(2001, "2026-01-01T00:00:02Z")]))
    second = FakeProxy(
        errors=json.dumps([said(3001, "2026-01-01T00:00:03Z"), said(3002, "2026-01-01T00:00:01Z")])
    )
    found = ask(Question("deployment", "emojivoto", "web"), first, second)
    assert [(fault.number, fault.pod.name) for fault in found.faults] == [
        (3001, "web-1-1"),
        (2001, "web-1-0"),
        (3002, "web-1-1"),
    ]
    newest = found.faults[0]
    assert (newest.side, newest.peer, newest.route) == ("outbound", "voting-svc:80", "votes")
    assert (newest.endpoint, newest.cause) == ("10.0.0.9:80", "connection refused")
    assert (found.proxies, found.unanswered) == (2, [])
    assert len(ask(Question("namespace"), first, second, limit=1).faults) == 1


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        (FakeProxy(status=503), "its proxy answered 503"),
        (FakeProxy(errors="{nonsense"), "its answer cannot be read"),
        (FakeProxy(errors='[{"number": "x"}]'), "an error has the number 'x'"),
        (FakeProxy(errors='[{"number": 1, "time": "yesterday"}]'), "its answer cannot be read"),
    ],
)
def test_a_proxy_that_does_not_answer_is_named(proxy: FakeProxy, why: str) -> None:
    found = ask(Question("pod", "emojivoto"), proxy, FakeProxy(errors="[]"))
    assert (found.faults, found.proxies) == ([], 2)
    (silent,) = found.unanswered
    assert silent.pod.name == "web-1-0"
    assert why in silent.reason


ABSURD = {
    "nested": ("[" * 100_000, "it is nested too deeply"),
    "nested inside": (
        '[{"number": 1, "time": ' + "[" * 900 + "]" * 900 + "}]",
        "its answer cannot be read",
    ),
    "number": (written(number=10**12), "an error has the number 1000000000000"),
    "negative number": (written(number=-1), "an error has the number -1"),
    "no number": (written(number=True), "an error has the number True"),
    "count": (written(count=10**20), "an error has the count 1000"),
    "digits": ('[{"number": ' + "9" * 5_000 + "}]", "its answer cannot be read"),
    "half a pair": (written(cause="\ud800"), r"an error's cause is no text: '\ud800'"),
    "half a pair as time": (written(time="\ud800"), "an error's time is no text"),
    "too late": (written(time="9999-12-31T23:59:59-23:59"), "allowed are the years 1 to 9999"),
    "rounded up": (written(time="9999-12-31T23:59:59.9999Z"), "allowed are the years 1 to 9999"),
    "too early": (written(first="0001-01-01T00:00:00+23:00"), "allowed are the years 1 to 9999"),
    "no zone": (written(time="0001-01-01T00:00:00"), "its answer cannot be read"),
}


@pytest.mark.parametrize("case", ABSURD)
def test_what_no_answer_can_hold_is_one_proxy_s_own_failure(case: str) -> None:
    """And the others' errors are told."""
    body, why = ABSURD[case]
    good = FakeProxy(errors=written())
    found = ask(Question("pod", "emojivoto"), FakeProxy(errors=body, chunk=1 << 20), good)
    told = translate.write_errors(found)
    assert [error["pod"]["name"] for error in told["errors"]] == ["web-1-1"]
    (silent,) = told["unanswered"]
    assert silent["pod"]["name"] == "web-1-0"
    assert why in silent["reason"]
    json.dumps(told, ensure_ascii=False).encode()  # as it is sent


def test_the_reason_is_short_whatever_a_proxy_said() -> None:
    (silent,) = ask(Question("pod"), FakeProxy(errors=written(number="x" * 10_000))).unanswered
    assert len(silent.reason) == 300


def test_the_largest_an_answer_can_hold_is_told() -> None:
    largest = written(number=2**32 - 1, count=2**32 - 1, time="9999-12-31T23:59:59Z")
    found = FaultsAnswer(read_faults(POD, largest.encode()), 1, [])
    (told,) = translate.write_errors(found)["errors"]
    assert (told["count"], told["time"]) == (4294967295, "9999-12-31T23:59:59Z")


def test_a_proxy_that_is_gone_is_named() -> None:
    async def story() -> FaultsAnswer:
        proxy = FakeProxy()
        async with serving(proxy):
            known = cluster(proxy)
        return await answer_faults(Question("pod"), 0, known)

    (silent,) = asyncio.run(story()).unanswered
    assert silent.reason == "Connection refused"


def test_too_long_an_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.stats.faults.MAX_BYTES", 100)
    (silent,) = ask(Question("pod"), FakeProxy(errors=" " * 101)).unanswered
    assert silent.reason == "its proxy answered more than 100 bytes"


def test_an_answer_of_nothing_is_no_errors() -> None:
    assert read_faults(POD, b"[]") == []


@pytest.mark.parametrize(
    ("question", "limit", "why"),
    [
        (Question("all"), 0, "proxies are in pods"),
        (Question("service", "a"), 0, "proxies are in pods"),
        (Question("pod"), MAX_ERRORS + 1, "limit: 1001 is not allowed: from 0"),
        (Question("pod", "", "web"), 0, "resource.name: must be empty when all namespaces"),
    ],
)
def test_what_cannot_be_asked(question: Question, limit: int, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        ask(question, limit=limit)


def test_equal_errors_are_one_with_a_count() -> None:
    one = said(2001, "2026-01-01T00:00:02Z")
    counted = {**one, "first": "2026-01-01T00:00:00Z", "count": 9}
    first, again = read_faults(POD, json.dumps([one, counted]).encode())
    assert (first.count, first.first) == (1, first.at)
    assert (again.count, again.at - again.first) == (9, 2.0)
    with pytest.raises(ValueError, match="count"):
        read_faults(POD, json.dumps([{**one, "count": 0}]).encode())
