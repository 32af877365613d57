"""Tasks of the trio guest, started and ended by code that may run on either side.

The data path calls `Discovery` from the reactor, outside of any trio task, where trio's own calls
must not be made. `run_sync_soon` may be called from anywhere, so every start and every
cancellation goes through it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

Cancel = Callable[[], None]


class Tasks:
    """A nursery others can add to."""

    def __init__(self, nursery: trio.Nursery) -> None:
        """To be made inside the task that owns the nursery."""
        self._nursery = nursery
        self._token = trio.lowlevel.current_trio_token()

    def start(self, run: Callable[[], Awaitable[None]], name: str) -> Cancel:
        """Run `run()` soon, until it returns or the returned function is called."""
        scope = trio.CancelScope()

        async def body() -> None:
            with scope:
                await run()

        self.soon(lambda: self._nursery.start_soon(body, name=name))
        return lambda: self.soon(scope.cancel)

    def soon(self, call: Callable[[], object]) -> None:
        """Make a call from inside trio; nothing happens once trio has ended."""
        try:
            self._token.run_sync_soon(call)
        except trio.RunFinishedError:
            return
