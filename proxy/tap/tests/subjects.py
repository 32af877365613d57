"""Requests to match, and watchers that remember."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy.tap.match import All, Predicate
from proxy.tap.registry import Registry, Tap
from proxy.tap.subject import Direction, Event, Subject
from weft.addresses import SocketAddress

VOTE = Subject(
    Direction.OUTBOUND,
    SocketAddress("10.244.0.5", 41234),
    SocketAddress("10.244.0.7", 8080),
    "POST",
    "http",
    "voting-svc:8080",
    "/emojivoto.v1.VotingService/VoteDoughnut",
    headers=(("content-type", b"application/grpc"),),
    source_labels=(("tls", "loopback"),),
    destination_labels=(("tls", "true"), ("deployment", "voting")),
    route_labels=(("route", "vote"),),
)
EVERYTHING = All(())


def subject(**changes: Any) -> Subject:
    """The vote, with changes."""
    return replace(VOTE, **changes)


class Watcher:
    """A tap, what it heard, and whether it was told that it is complete."""

    def __init__(
        self, registry: Registry, limit: int = 100, matches: Predicate = EVERYTHING
    ) -> None:
        self.heard: list[Event] = []
        self.marks: list[str] = []
        self.tap = Tap(limit, matches, self.heard.append, self._finish)
        registry.add(self.tap)

    def _finish(self) -> None:
        self.marks.append("ended")

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]
