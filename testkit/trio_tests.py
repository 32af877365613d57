"""Tests that are trio tasks: in real time with a limit, or in virtual time where waiting costs nothing."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec

import trio
import trio.testing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")


def in_trio(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """For tests with real sockets: fails after ten seconds."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def limited() -> None:
            with trio.fail_after(10):
                await test(*args, **kwargs)

        trio.run(limited)  # noqa: TID251

    return run


def in_virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """For tests without real sockets: the clock jumps whenever all tasks wait."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def body() -> None:
            await test(*args, **kwargs)

        trio.run(body, clock=trio.testing.MockClock(autojump_threshold=0))  # noqa: TID251

    return run


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; put a deadline around it."""
    while not condition():  # noqa: ASYNC110 (the conditions are plain state without an event)
        await trio.sleep(0.002)
