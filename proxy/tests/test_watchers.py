"""Whoever is told of a change is told, whatever becomes of the others."""

from typing import TYPE_CHECKING

import pytest
import trio

from proxy.watchers import Watchers, tell
from testkit.trio_tests import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable


def broken() -> None:
    raise RuntimeError("a bug of its own")


def test_watchers_may_cancel_each_other_while_being_told() -> None:
    watchers = Watchers("news")
    calls: list[str] = []
    cancels: list[Callable[[], None]] = []

    def first() -> None:
        calls.append("first")
        for cancel in cancels:
            cancel()

    cancels.append(watchers.add(first))
    cancels.append(watchers.add(lambda: calls.append("second")))
    watchers.notify()
    watchers.notify()
    assert calls == ["first"]
    assert len(watchers) == 0


def test_one_that_fails_keeps_the_news_from_nobody(caplog: pytest.LogCaptureFixture) -> None:
    watchers = Watchers("endpoints of web:80")
    heard: list[str] = []
    watchers.add(lambda: heard.append("before"))
    cancel = watchers.add(broken)
    watchers.add(lambda: heard.append("after"))
    watchers.notify()
    watchers.notify()
    assert heard == ["before", "after"] * 2
    cancel()
    watchers.notify()
    assert len(caplog.records) == 2
    assert caplog.messages[0] == "endpoints of web:80: broken failed, and others go on"
    assert "RuntimeError: a bug of its own" in caplog.text


def test_what_has_no_name_is_named_as_it_shows_itself(caplog: pytest.LogCaptureFixture) -> None:
    class Callback:
        def __call__(self, news: str) -> None:
            raise ValueError(news)

        def __repr__(self) -> str:
            return "<Callback>"

    tell("a look-up", Callback(), "bad")
    assert caplog.messages == ["a look-up: <Callback> failed, and others go on"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_fault_goes_through(end: type[BaseException]) -> None:
    def ending() -> None:
        raise end

    with pytest.raises(end):
        tell("news", ending)


@in_virtual_time
async def test_cancellation_goes_through() -> None:
    """Only trio may make a Cancelled: the callback raises the one that ends the task around it."""
    caught: list[trio.Cancelled] = []
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cancelled:
            caught.append(cancelled)

            def cancelling() -> None:
                raise caught[0]

            tell("news", cancelling)
            caught.clear()
    assert scope.cancelled_caught
    assert caught, "nothing after it was reached"
