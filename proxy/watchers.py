"""Who wants to hear of a change, and is told whatever becomes of the others.

Callbacks run inside whatever brought the change: the stream of a control plane that many share, or the task that
renews the certificate. What one of them raises is a fault of its own. Let through, it would keep the change from
those after it, and end the stream, its task and with that the process. So each is contained: logged, with what
it heard of and where it failed.

Cancellation is no fault (trio.Cancelled is no Exception), and goes through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")

Cancel = Callable[[], None]
"""Ends a watch; calling it twice is harmless."""

_log = logging.getLogger("proxy.watchers")


def tell(news: str, callback: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call, and contain what is raised. `news` says for the log what the callback is told of."""
    try:
        callback(*args, **kwargs)
    except Exception:
        name = getattr(callback, "__qualname__", None) or repr(callback)
        _log.exception("%s: %s failed, and others go on", news, name)


class Watchers:
    """Callbacks run on every change, in the order they were added.

    A callback may cancel itself or others while being run. What it raises is contained.
    """

    __slots__ = ("_callbacks", "_news")

    def __init__(self, news: str) -> None:
        """`news`: what they hear of, for the log."""
        self._news = news
        self._callbacks: dict[object, Callable[[], object]] = {}

    def add(self, callback: Callable[[], object]) -> Cancel:
        key = object()
        self._callbacks[key] = callback

        def cancel() -> None:
            self._callbacks.pop(key, None)

        return cancel

    def notify(self) -> None:
        for key, callback in list(self._callbacks.items()):
            if key in self._callbacks:
                tell(self._news, callback)

    def __len__(self) -> int:
        return len(self._callbacks)
