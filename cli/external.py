"""Other programs as commands: `mesh NAME` runs the executable `mesh-NAME`, or `linkerd-NAME`, of the PATH.

It takes this process's place, so its output and exit code are the command's own. Names that `mesh` has itself
are never looked for. A name is a word, not a path, and only absolute folders of the PATH count: nobody runs
by accident what lies in the folder they happen to be in.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from cli.failure import CommandError
from cli.options import given_globals

PREFIXES = ("mesh-", "linkerd-")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class External(click.Command):
    """Hands everything that follows its name on, unread."""

    def __init__(self, name: str, program: Path) -> None:
        super().__init__(name, add_help_option=False)
        self.program = program

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Nothing is an option of ours, `--help` neither."""
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> Any:
        """Does not return. Global flags that stood before the name come first."""
        execute(self.program, [*given_globals(), *ctx.args])


def find(name: str) -> External | None:
    """The first program of that name."""
    if not NAME.fullmatch(name):
        return None
    folders = [one for one in os.get_exec_path() if os.path.isabs(one)]
    for prefix in PREFIXES:
        if found := shutil.which(prefix + name, path=os.pathsep.join(folders)):
            return External(name, Path(found))
    return None


def execute(program: Path, arguments: list[str]) -> NoReturn:
    """Replaces this process. Raises CommandError when the program cannot be run."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execv(program, [str(program), *arguments])  # noqa: S606 (no shell: the arguments stay what they are)
    except OSError as error:
        raise CommandError(f"cannot run {program}: {error.strerror}") from None
