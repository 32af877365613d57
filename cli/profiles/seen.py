"""Requests as tap shows them -> routes. Pure."""

from cli.live.event import Event, is_inbound, printable
from cli.profiles.document import Route

HELD_BACK = "REDACTED"
"""How a path ends of which tap does not show the rest."""


class Seen:
    """A route for each method and path that was received."""

    def __init__(self, limit: int) -> None:
        """With `limit` routes it is full, and takes no other."""
        self._limit = limit
        self._found: dict[str, Route] = {}

    @property
    def full(self) -> bool:
        return len(self._found) >= self._limit

    @property
    def routes(self) -> list[Route]:
        """In the order of their names."""
        return sorted(self._found.values(), key=lambda route: route.name)

    def take(self, event: Event) -> None:
        """Queries are no part of a path; what is held back or cannot be written as it came is left out."""
        init = event.get("requestInit")
        if init is None or not is_inbound(event):
            return
        method, path = str(init.get("method", "")), str(init.get("path", "")).partition("?")[0]
        name = f"{method} {path}"
        whole = path.startswith("/") and not path.endswith(HELD_BACK) and printable(name) == name
        if method and whole and not self.full:
            self._found.setdefault(name, Route(name, method, path))
