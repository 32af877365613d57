"""Requests as tap shows them, as routes."""

from cli.live.tests.events import call
from cli.profiles.seen import Seen


def seen(*calls: object, limit: int = 20) -> list[str]:
    found = Seen(limit)
    for parts in calls:
        for event in parts:  # type: ignore[attr-defined]
            found.take(event)
    return [route.name for route in found.routes]


def test_each_method_and_path_once_in_order() -> None:
    calls = [call(path="/b"), call(path="/a"), call(path="/b"), call(path="/b", method="PUT")]
    assert seen(*calls) == ["GET /a", "GET /b", "PUT /b"]


def test_only_what_is_received() -> None:
    assert seen(call(path="/sent", outbound=True)) == []


def test_a_query_is_no_part_of_a_path() -> None:
    assert seen(call(path="/a?b=1"), call(path="/a?b=2"), call(path="/a")) == ["GET /a"]


def test_what_makes_no_route_is_left_out() -> None:
    odd = ["", "*", "host:80", "/reset/REDACTED", "/a\x1b[1m"]
    assert seen(*(call(path=path) for path in odd), call(path="/"), call(path="/x", method="")) == [
        "GET /"
    ]


def test_a_limit() -> None:
    found = Seen(2)
    for path in ("/b", "/c"):
        assert not found.full
        found.take(call(path=path)[0])
    assert found.full
    found.take(call(path="/a")[0])
    assert [route.path for route in found.routes] == ["/b", "/c"]
