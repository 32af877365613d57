"""A page's data again and again."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from web.pages.snapshots import Snapshots
from web.pages.stream import event, events
from web.pages.tests.world import Standing, away, world
from web.pages.views import Namespace, Namespaces, View


def some(
    count: int, view: View, backend: Standing | None = None
) -> list[tuple[str, dict[str, object]]]:
    slept: list[float] = []

    async def pause(seconds: float) -> bool:
        slept.append(seconds)
        return True

    async def take(stream: AsyncIterator[bytes]) -> list[bytes]:
        return [await anext(stream) for _ in range(count)]

    found = asyncio.run(take(events(Snapshots(world(backend)), view, 5.0, pause)))
    assert slept == [5.0] * (count - 1)
    return [_read(one) for one in found]


def _read(raw: bytes) -> tuple[str, dict[str, object]]:
    name, data, *end = raw.decode().split("\n")
    assert end == ["", ""]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_the_first_event_has_the_past_too() -> None:
    (first, one), (second, other) = some(2, Namespaces())
    assert (first, second) == ("page", "page")
    assert "past" in one
    assert "past" not in other


@pytest.mark.parametrize(
    ("view", "backend", "status", "said"),
    [
        (Namespace("gone"), None, 404, "there is no namespace gone"),
        (Namespaces(), away(), 503, "prometheus: refused"),
    ],
)
def test_a_problem_does_not_end_it(
    view: View, backend: Standing | None, status: int, said: str
) -> None:
    for name, data in some(2, view, backend):
        assert (name, data) == ("problem", {"error": said, "status": status})


def test_a_defect_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    broken = Standing()
    broken.error = RuntimeError("secret")
    ((name, data),) = some(1, Namespaces(), broken)
    assert (name, data["status"]) == ("problem", 500)
    assert "secret" not in str(data)
    assert "a page could not be made" in caplog.text


def test_an_event_is_two_lines_and_an_empty_one() -> None:
    assert event("page", {"a": "x\ny"}) == b'event: page\ndata: {"a":"x\\ny"}\n\n'


def test_it_ends_when_it_is_told_to() -> None:
    async def pause(_: float) -> bool:
        return False

    async def story() -> list[bytes]:
        return [one async for one in events(Snapshots(world()), Namespaces(), 5.0, pause)]

    assert len(asyncio.run(story())) == 1
