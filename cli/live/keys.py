"""Keys pressed while a full-screen table is shown; nothing where stdin is no terminal."""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator

Pressed = Callable[[], str]


@contextlib.contextmanager
def keys() -> Iterator[Pressed]:
    """Asks for what was pressed since the last time, without waiting; puts the terminal back."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield _pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed() -> str:
    """Around what Python's own reader keeps back: `select` does not see what lies there."""
    found = b""
    stdin = sys.stdin.fileno()
    while select.select([stdin], [], [], 0)[0]:
        keys = os.read(stdin, 1024)
        if not keys:
            break
        found += keys
    return found.decode(errors="replace")
