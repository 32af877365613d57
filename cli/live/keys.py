"""Keys pressed while a full-screen table is shown; nothing where stdin is no terminal."""

import contextlib
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
    found = ""
    while select.select([sys.stdin], [], [], 0)[0]:
        key = sys.stdin.read(1)
        if not key:
            break
        found += key
    return found
