"""The proxies behind one viewer, followed as pods come and go."""

import asyncio
from collections.abc import Callable

from tap.merge import Viewer
from tap.query import Query
from tap.streams import Streams
from tap.targets import Found, NothingToTap, Proxy

REFRESH = 1.0
"""Seconds between looks for pods that came or went."""


class Watch:
    """Everything one viewer watches."""

    def __init__(
        self,
        query: Query,
        viewer: Viewer,
        resolve: Callable[[], Found],
        streams: Streams,
        *,
        refresh: float = REFRESH,
    ) -> None:
        """`resolve` says which proxies there are now, or raises NothingToTap."""
        self._query = query
        self._viewer = viewer
        self._resolve = resolve
        self._streams = streams
        self._refresh = refresh
        self._followed: dict[Proxy, Callable[[], None]] = {}
        self._count = 1

    def rate(self) -> int:
        """Requests a second one proxy is asked for: the viewer's rate, divided fairly."""
        return max(1, int(self._query.max_rps / self._count))

    async def run(self) -> None:
        """Follows until cancelled."""
        try:
            while True:
                try:
                    proxies = set(self._resolve().proxies)
                except NothingToTap:
                    proxies = set()
                for gone in self._followed.keys() - proxies:
                    self._followed.pop(gone)()
                # All are known before the first is asked, for they share the rate.
                self._count = max(1, len(proxies))
                fresh = proxies - self._followed.keys()
                for proxy in sorted(fresh, key=lambda one: one.pod):
                    self._followed[proxy] = self._streams.join(
                        proxy, self._query, self._viewer, self.rate
                    )
                await asyncio.sleep(self._refresh)
        finally:
            for leave in self._followed.values():
                leave()
