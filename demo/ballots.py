"""Votes, counted."""

from __future__ import annotations

from collections import Counter


class Ballots:
    """How often each emoji was voted for, since the program started."""

    def __init__(self) -> None:
        self._votes: Counter[str] = Counter()

    def vote(self, shortcode: str) -> None:
        self._votes[shortcode] += 1

    def results(self) -> list[tuple[str, int]]:
        """Most votes first; the same number in alphabetical order."""
        return sorted(self._votes.items(), key=lambda item: (-item[1], item[0]))
