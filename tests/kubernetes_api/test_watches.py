"""Watches: where they begin, what they tell, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kubernetes_api.samples import config_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kubernetes_api.api import Api

Json = dict[str, Any]


def _told(events: Iterator[Json], count: int) -> list[str]:
    """The next events, in two words each."""
    return [
        f"{one['type']} {one['object']['metadata'].get('name', '')}".strip()
        for one in _next(events, count)
    ]


def _next(events: Iterator[Json], count: int) -> list[Json]:
    return [next(events) for _ in range(count)]


def _since(api: Api) -> str:
    return api.quietly("GET", "configmaps").version


def test_from_a_list_on(api: Api) -> None:
    before = api.quietly("POST", "configmaps", config_map("early")).version
    with api.watch("configmaps", resourceVersion=_since(api)) as events:
        made = api.quietly("POST", "configmaps", config_map("one", a="1"))
        api.quietly("PUT", "configmaps/one", {**made.body, "data": {"a": "2"}})
        api.quietly("DELETE", "configmaps/one")
        seen = _next(events, 3)
    assert [one["type"] for one in seen] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in seen]
    assert int(before) < versions[0] == int(made.version) < versions[1] < versions[2], (
        "a deletion has a version of its own"
    )
    assert seen[2]["object"]["data"] == {"a": "2"}
    api.transcript.note("watch", None, seen)


def test_what_was_there_comes_first_when_no_version_is_named(api: Api) -> None:
    for name in ("a", "b"):
        api.quietly("POST", "configmaps", config_map(name, labels={"mine": "yes"}))
    for version in ({}, {"resourceVersion": "0"}):
        with api.watch("configmaps", labelSelector="mine=yes", **version) as events:
            assert _told(events, 2) == ["ADDED a", "ADDED b"]


def test_a_version_in_the_past_is_replayed(api: Api) -> None:
    since = _since(api)
    for name in ("a", "b"):
        api.quietly("POST", "configmaps", config_map(name))
    api.quietly("DELETE", "configmaps/a")
    with api.watch("configmaps", resourceVersion=since) as events:
        assert _told(events, 3) == ["ADDED a", "ADDED b", "DELETED a"]


def test_a_selector_is_entered_and_left(api: Api) -> None:
    made = api.quietly("POST", "configmaps", config_map("one")).body
    with api.watch("configmaps", resourceVersion=_since(api), labelSelector="in=yes") as events:
        for labels in ({"in": "yes"}, {"in": "yes", "x": "y"}, {"in": "no"}, {"in": "yes"}):
            body = config_map("one", labels=labels)
            assert api.quietly("PUT", "configmaps/one", body).code == 200
        api.quietly("DELETE", "configmaps/one")
        told = _told(events, 5)
    assert made
    assert told == ["ADDED one", "MODIFIED one", "DELETED one", "ADDED one", "DELETED one"]


def test_one_object_by_its_name(api: Api) -> None:
    since = _since(api)
    for name in ("a", "b"):
        api.quietly("POST", "configmaps", config_map(name))
    api.quietly("DELETE", "configmaps/b")
    for path, query in (("configmaps", {"fieldSelector": "metadata.name=b"}),):
        with api.watch(path, resourceVersion=since, **query) as events:
            assert _told(events, 2) == ["ADDED b", "DELETED b"]


def test_a_list_that_is_streamed(api: Api) -> None:
    """It ends with a bookmark that says so; after that come changes."""
    for name in ("a", "b"):
        api.quietly("POST", "configmaps", config_map(name, labels={"mine": "yes"}))
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "labelSelector": "mine=yes",
    }
    with api.watch("configmaps", **query) as events:
        seen = _next(events, 3)
        api.quietly("POST", "configmaps", config_map("c", labels={"mine": "yes"}))
        assert _told(events, 1) == ["ADDED c"]
    assert [one["type"] for one in seen] == ["ADDED", "ADDED", "BOOKMARK"]
    mark = seen[2]["object"]
    assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["metadata"]["resourceVersion"]) >= int(
        seen[1]["object"]["metadata"]["resourceVersion"]
    )
    api.transcript.note("bookmark", None, {"kind": mark["kind"], "has": sorted(mark)})


@pytest.mark.parametrize(
    "query",
    [
        {"sendInitialEvents": "true"},
        {"sendInitialEvents": "true", "allowWatchBookmarks": "true"},
        {"resourceVersionMatch": "NotOlderThan"},
        {"resourceVersion": "x"},
        {
            "sendInitialEvents": "true",
            "resourceVersionMatch": "Exact",
            "allowWatchBookmarks": "true",
        },
    ],
    ids=str,
)
def test_what_cannot_be_watched(api: Api, query: Json) -> None:
    found = api.quietly("GET", "configmaps", query={"watch": "1", "timeoutSeconds": "1", **query})
    api.transcript.note(
        str(query), found.code, found.body.get("reason") if found.code >= 400 else ""
    )


def test_a_watch_ends_in_time(api: Api) -> None:
    with api.watch("configmaps", resourceVersion=_since(api), timeoutSeconds="1") as events:
        assert list(events) == []


def test_a_version_that_is_forgotten(api: Api, widgets: None) -> None:
    """Of a kind that came later than the version: nobody remembers what was before."""
    with api.watch("widgets", resourceVersion="1") as events:
        (seen,) = _next(events, 1)
        assert list(events) == [], "nothing comes after an error"
    assert seen["type"] == "ERROR"
    status = seen["object"]
    assert status.pop("message").startswith("too old resource version: 1 (")
    api.transcript.note("watch", None, status)
    listed = api.quietly("GET", "widgets")
    with api.watch("widgets", resourceVersion=listed.version) as events:
        api.quietly(
            "POST",
            "widgets",
            {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}},
        )
        assert _told(events, 1) == ["ADDED one"]


def test_a_watch_can_be_a_table(api: Api) -> None:
    since = _since(api)
    api.quietly("POST", "configmaps", config_map("one", a="1"))
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    query = {"watch": "1", "timeoutSeconds": "1", "resourceVersion": since}
    lines = api.http.get(api.url("configmaps"), params=query, headers=accept).text.splitlines()
    import json

    (event,) = map(json.loads, lines)
    table = event["object"]
    api.transcript.note("watch", None, [event["type"], table["kind"], table["rows"][0]["cells"]])
