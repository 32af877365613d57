"""A value that changes, and those who want to hear of it."""

from __future__ import annotations

from collections.abc import Callable

Cancel = Callable[[], None]
"""Ends a watch; calling it twice is harmless."""


class Watchers:
    """Callbacks run on every change, in the order they were added.

    A callback may cancel itself or others while being run.
    """

    __slots__ = ("_callbacks",)

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], None]] = {}

    def add(self, callback: Callable[[], None]) -> Cancel:
        key = object()
        self._callbacks[key] = callback

        def cancel() -> None:
            self._callbacks.pop(key, None)

        return cancel

    def notify(self) -> None:
        for key, callback in list(self._callbacks.items()):
            if key in self._callbacks:
                callback()

    def __len__(self) -> int:
        return len(self._callbacks)
