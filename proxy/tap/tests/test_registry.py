"""Watchers come, count and go; the data path pays only while there is something to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tap.match import Method, StartsWith
from proxy.tap.registry import Registry, Tap
from proxy.tap.subject import RequestInit, ResponseEnd
from proxy.tap.tests.subjects import EVERYTHING, VOTE, Watcher, subject

if TYPE_CHECKING:
    from proxy.net.exchange import Call
    from proxy.tap.registry import Observer, Watched


def observe(call: Call, event: str) -> None:
    """Stands in for the observer of one direction."""


def end(watched: Watched | None) -> None:
    assert watched is not None
    watched.end(ResponseEnd(watched.stream, watched.subject, 0.2, 0.1, 5))


def test_nobody_watches() -> None:
    registry = Registry()
    observers: list[Observer] = []
    registry.attach(observers, observe)
    assert observers == []
    assert registry.begin(VOTE) is None


def test_a_watcher_hears_what_it_asked_for() -> None:
    registry = Registry()
    watcher = Watcher(registry, matches=StartsWith("path", "/emojivoto"))
    assert registry.begin(subject(path="/api/list")) is None
    end(registry.begin(VOTE))
    assert watcher.heard == [RequestInit(0, VOTE), ResponseEnd(0, VOTE, 0.2, 0.1, 5)]


def test_requests_are_numbered_across_watchers() -> None:
    registry = Registry()
    posts, all_of_them = Watcher(registry, matches=Method("POST")), Watcher(registry)
    registry.begin(subject(method="GET"))
    registry.begin(VOTE)
    assert [event.stream for event in all_of_them.heard] == [0, 1]
    assert [event.stream for event in posts.heard] == [1]


def test_processes_of_one_proxy_use_no_number_twice() -> None:
    registries = [Registry(first=number, step=3) for number in range(3)]
    watchers = [Watcher(registry) for registry in registries]
    for registry in registries * 2:
        registry.begin(VOTE)
    heard = [[event.stream for event in watcher.heard] for watcher in watchers]
    assert heard == [[0, 3], [1, 4], [2, 5]]


def test_a_watcher_that_is_full_waits_for_what_it_saw_begin() -> None:
    registry = Registry()
    watcher = Watcher(registry)
    said: list[str] = []
    watcher.tap.on_full = lambda: said.append("full")
    watched = registry.begin(VOTE)
    registry.fill(watcher.tap)
    registry.fill(watcher.tap)
    assert registry.begin(VOTE) is None
    assert (said, watcher.marks) == (["full"], [])
    end(watched)
    assert watcher.marks == ["ended"]


def test_a_watcher_that_is_full_and_saw_nothing_has_finished() -> None:
    registry = Registry()
    watcher = Watcher(registry)
    registry.fill(watcher.tap)
    assert watcher.marks == ["ended"]


def test_the_limit_counts_requests_and_the_last_end_completes() -> None:
    registry = Registry()
    watcher = Watcher(registry, limit=2)
    first, second = registry.begin(VOTE), registry.begin(VOTE)
    assert registry.begin(VOTE) is None
    end(second)
    assert "ended" not in watcher.marks
    end(first)
    assert watcher.marks == ["ended"]
    assert watcher.kinds == ["RequestInit", "RequestInit", "ResponseEnd", "ResponseEnd"]


def test_a_watcher_that_left_hears_nothing_more() -> None:
    registry = Registry()
    leaving, staying = Watcher(registry), Watcher(registry)
    watched = registry.begin(VOTE)
    registry.remove(leaving.tap)
    registry.remove(leaving.tap)
    end(watched)
    assert leaving.kinds == ["RequestInit"]
    assert staying.kinds == ["RequestInit", "ResponseEnd"]
    assert leaving.marks == []


def test_the_observer_is_there_exactly_while_something_is_owed() -> None:
    registry = Registry()
    inbound: list[Observer] = []
    outbound: list[Observer] = []
    registry.attach(inbound, observe)
    registry.attach(outbound, observe)
    watcher = Watcher(registry, limit=1)
    assert inbound == outbound == [observe]
    watched = registry.begin(VOTE)
    assert inbound == [observe], "its end is still to be told"
    end(watched)
    assert inbound == outbound == []
    registry.remove(watcher.tap)
    assert len(registry) == 0


def test_a_limit_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="limit 0: allowed are whole numbers from 1"):
        Tap(0, EVERYTHING, lambda event: None, lambda: None)


@given(st.lists(st.sampled_from(["begin", "end", "add", "remove"]), max_size=40))
def test_whatever_happens_the_observer_follows(script: list[str]) -> None:
    """No watcher sees more than its limit; with nothing open and nobody waiting the list is empty."""
    registry = Registry()
    observers: list[Observer] = []
    registry.attach(observers, observe)
    watchers: list[Watcher] = []
    open_requests: list[Watched] = []
    for step in script:
        if step == "add":
            watchers.append(Watcher(registry, limit=2))
        elif step == "remove" and watchers:
            registry.remove(watchers[len(watchers) // 2].tap)
        elif step == "begin":
            watched = registry.begin(VOTE)
            if watched is not None:
                open_requests.append(watched)
        elif step == "end" and open_requests:
            end(open_requests.pop())
    for watched in open_requests:
        end(watched)
    for watcher in watchers:
        assert watcher.kinds.count("RequestInit") <= 2
        assert watcher.kinds.count("ResponseEnd") <= watcher.kinds.count("RequestInit")
        registry.remove(watcher.tap)
    assert observers == []
