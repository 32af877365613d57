"""Showing steps, running commands, waiting for what they should say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
"""The checkout itself, also when Bazel runs a link to this file elsewhere."""
MESH = (str(ROOT / ".venv/bin/python"), "-m", "cli")
KUBECTL = (str(ROOT / ".venv/bin/kubectl"),)


class StepFailed(Exception):
    """A command that did not do what the story needs; the message shows it and what it said."""


class Terminal:
    """Runs the story's commands against one cluster and tells what it does on stdout."""

    def __init__(self) -> None:
        self.environment: Mapping[str, str] = os.environ
        self.background = ExitStack()
        """What runs until the story is over; closing it ends that."""
        self.dashboard = ""
        """Its URL, while it is served."""
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, and how long it took when it is done."""
        started = time.monotonic()
        self.say(self._styled("1", f"\n▸ {title}"))
        yield
        self.say(self._styled("2", f"  {time.monotonic() - started:.1f} s"))

    def say(self, text: str) -> None:
        print(text, flush=True)

    def elapsed(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._started

    def show(self, *command: str) -> str:
        """Run a command as a person would, its output on the screen; returns what it wrote."""
        self.say(self._styled("36", f"  $ {readable(command)}"))
        output = self.run(*command)
        self.say("".join(f"    {line}\n" for line in output.splitlines()).rstrip("\n"))
        return output

    def run(self, *command: str, given: str | None = None) -> str:
        """Run a command quietly; returns its stdout. Raises StepFailed when it fails."""
        result = subprocess.run(
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=dict(self.environment),
            check=False,
        )
        if result.returncode:
            said = (result.stdout[-4000:] + result.stderr[-4000:]).strip()
            raise StepFailed(f"`{readable(command)}` ended with {result.returncode}:\n{said}")
        return result.stdout

    def wait_until(
        self, what: str, condition: Callable[[], bool], *, seconds: float, every: float = 1.0
    ) -> None:
        """Ask again and again until the condition holds. Raises StepFailed.

        A condition that cannot be asked, for a pod is not there or a command fails, does not hold
        yet; when it never does, the error tells why it could not be asked last.
        """
        deadline = time.monotonic() + seconds
        while not (answer := _ask(condition)).holds:
            if time.monotonic() >= deadline:
                raise StepFailed(f"after {seconds:.0f} s still waiting until {what}{answer.why}")
            time.sleep(every)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a condition holds; `why` follows a sentence, and is empty when it could be asked."""

    holds: bool
    why: str = ""


def _ask(condition: Callable[[], bool]) -> _Answer:
    try:
        return _Answer(condition())
    except (StepFailed, AssertionError) as failure:
        return _Answer(False, f"; {failure}")


def readable(command: Sequence[str]) -> str:
    """The command as a person would type it."""
    words = list(command)
    for program, name in ((MESH, "mesh"), (KUBECTL, "kubectl")):
        if tuple(words[: len(program)]) == program:
            words = [name, *words[len(program) :]]
    return " ".join(words)
