"""Keys of a terminal, which here is a pseudo-terminal's other end."""

import os
import sys
from collections.abc import Iterator

import pytest

from cli.live.keys import keys


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where to type."""
    typed, terminal = os.openpty()
    with open(terminal, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield typed
    os.close(typed)


def test_every_key_since_the_last_time_is_told(keyboard: int) -> None:
    with keys() as pressed:
        assert pressed() == ""
        os.write(keyboard, b"xq")
        assert pressed() == "xq"
        os.write(keyboard, b"\x1b[C")
        assert pressed() == "\x1b[C"
        assert pressed() == ""


def test_without_a_terminal_nothing_is_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with keys() as pressed:
            assert pressed() == ""
