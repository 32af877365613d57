"""One span, and the buffer of those that wait to be exported."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

CAPACITY = 1000
"""Spans that wait; further ones are dropped and counted, for a trace is worth less than memory."""

Value = str | int


class Kind(Enum):
    SERVER = auto()
    CLIENT = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """One request as this proxy saw it."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    state: str
    kind: Kind
    name: str
    begun: int
    """Nanoseconds since 1970."""
    ended: int
    attributes: tuple[tuple[str, Value], ...]
    error: str = ""
    """What went wrong; empty: nothing did."""


class SpanBuffer:
    """First in, first out, and bounded."""

    __slots__ = ("_capacity", "_spans", "dropped")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._spans: deque[Span] = deque()
        self.dropped = 0
        """Spans for which there was no room."""

    def add(self, span: Span) -> None:
        if len(self._spans) >= self._capacity:
            self.dropped += 1
        else:
            self._spans.append(span)

    def take(self) -> list[Span]:
        """Everything that waits."""
        taken = list(self._spans)
        self._spans.clear()
        return taken

    def __len__(self) -> int:
        return len(self._spans)

    def __repr__(self) -> str:
        return f"<SpanBuffer: {len(self)} wait, {self.dropped} dropped>"
