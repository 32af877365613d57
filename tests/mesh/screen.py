"""A program on a terminal of its own, as a person sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HOME = "\x1b[H"
"""With this a full-screen program begins each picture."""
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")


class Screen:
    """What stands on the screen, and the keyboard."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._process = process
        self._written = b""

    def picture(self) -> list[str]:
        """The lines of the newest whole picture; none before the first."""
        self._read()
        text = self._written.decode("utf-8", "replace")
        pictures = text.split(HOME)[1:]
        whole = pictures[-2] if len(pictures) > 1 else ""
        return [line.rstrip() for line in _SEQUENCE.sub("", whole).replace("\r", "").split("\n")]

    def wait_until(
        self, what: str, condition: Callable[[list[str]], bool], *, seconds: float
    ) -> list[str]:
        """The first picture of which the condition holds. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while not condition(picture := self.picture()):
            assert time.monotonic() < deadline, f"{what}: {picture}"
            assert self._process.poll() is None, self._written[-2000:]
            select.select([self._master], [], [], 0.5)
        return picture

    def press(self, key: str) -> int:
        """Returns the program's exit code: the key is to end it."""
        os.write(self._master, key.encode())
        self.wait_end(seconds=10)
        return self._process.returncode

    def wait_end(self, *, seconds: float) -> str:
        """Everything it wrote until it ended by itself. Raises AssertionError."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self._read()
            select.select([self._master], [], [], 0.1)
        self._read()
        return _SEQUENCE.sub("", self._written.decode("utf-8", "replace"))

    def _read(self) -> None:
        while select.select([self._master], [], [], 0)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                return
            if not data:
                return
            self._written += data


@contextmanager
def screen(
    command: Sequence[str], environment: Mapping[str, str], columns: int, rows: int = 24
) -> Iterator[Screen]:
    """The program runs until the block ends at the latest."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    without = {
        name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")
    }
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave,
        env={**without, "TERM": "xterm-256color"}, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Screen(master, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        os.close(master)
