"""docs/reference/cli.md: every command of `mesh` as its help shows it."""

from __future__ import annotations

import click

from cli.main import CONTEXT_SETTINGS, build
from deploy.docs.markdown import page

_INTRODUCTION = "The help of every command. `mesh COMMAND --help` prints the same."
_WIDTH = 100


def write() -> str:
    program = build()
    return page("The mesh command", _INTRODUCTION, *_sections(program, ("mesh",), None))


def _sections(
    command: click.Command, words: tuple[str, ...], parent: click.Context | None
) -> list[str]:
    context = click.Context(
        command,
        info_name=words[-1],
        parent=parent,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=CONTEXT_SETTINGS["help_option_names"],  # type: ignore[arg-type]
    )
    name = " ".join(words)
    sections = [f"## {name}\n\n```text\n{command.get_help(context).rstrip()}\n```"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            if len(words) == 1 or not isinstance(found, click.Group):
                sections += _sections(found, (*words, child), context)
    return sections
