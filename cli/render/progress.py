"""One line on stderr that says what is being waited for; nothing where stderr is no terminal."""

import sys
from collections.abc import Callable

CLEAR = "\r\x1b[K"
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress:
    """A line that is written over itself."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        if write is None and sys.stderr.isatty():
            write = sys.stderr.write
        self._write = write
        self._turn = 0

    def show(self, text: str) -> None:
        """Replaces the line."""
        if self._write is None:
            return
        frame = FRAMES[self._turn % len(FRAMES)]
        self._turn += 1
        self._write(f"{CLEAR}{frame} {text.splitlines()[0][:150]}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Takes the line away."""
        if self._write is not None and self._turn:
            self._write(CLEAR)
            sys.stderr.flush()
