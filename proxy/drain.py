"""The end of the process: accept no more, let what is in progress finish, for so long and no longer."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Protocol

import trio

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger("proxy")


class Direction(Protocol):
    """Inbound or outbound, as far as ending it goes."""

    async def drain(self) -> None:
        """Accept no more, and return when the last connection has ended."""

    def stop(self) -> None:
        """Close what is left."""


class Shutdown:
    """Who wants the process to end, and how urgently."""

    def __init__(self) -> None:
        self.requested = trio.Event()
        self.at_once = trio.Event()
        """Set by a second request: whoever asks twice does not want to wait."""

    def request(self) -> None:
        (self.at_once if self.requested.is_set() else self.requested).set()

    def end_at_once(self) -> None:
        """Do not let anything finish."""
        self.requested.set()
        self.at_once.set()

    async def listen(
        self,
        *numbers: signal.Signals,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take these signals for requests; never returns."""
        with trio.open_signal_receiver(*numbers) as signals:
            task_status.started()
            async for number in signals:
                _log.info("%s", signal.Signals(number).name)
                self.request()


async def drain(directions: Sequence[Direction], grace: float, at_once: trio.Event) -> bool:
    """Drain every direction together; whether all finished in time.

    Connections that are open after `grace` seconds, or when `at_once` is set, are closed.
    """
    finished = False
    with trio.move_on_after(grace):
        async with trio.open_nursery() as nursery:

            async def hurry() -> None:
                await at_once.wait()
                nursery.cancel_scope.cancel()

            async def all_of_them() -> None:
                nonlocal finished
                async with trio.open_nursery() as drains:
                    for direction in directions:
                        drains.start_soon(direction.drain)
                finished = True
                nursery.cancel_scope.cancel()

            nursery.start_soon(hurry)
            nursery.start_soon(all_of_them)
    if not finished:
        _log.warning("connections are still open and are closed now")
    for direction in directions:
        direction.stop()
    return finished
