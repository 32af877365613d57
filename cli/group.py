"""Click groups that import a command's module only when the command is run or its own help is asked.

Listing commands, completing a name and suggesting one for a typo need the table alone.
"""

import importlib
from collections.abc import Callable, Mapping

import click

from cli.command_table import Absent, Entry
from cli.failure import CommandError
from cli.options import GlobalOption, add_global_flags


class LazyGroup(click.Group):
    """A group over a table of entries; commands get the global flags as they are loaded."""

    def __init__(
        self,
        *,
        entries: Mapping[str, Entry],
        aliases: Mapping[str, str] | None = None,
        absent: Mapping[str, Absent] | None = None,
        elsewhere: Callable[[str], click.Command | None] | None = None,
        **attributes: object,
    ) -> None:
        """`aliases` are other names of commands; they are understood and not listed.

        A name of none of them is looked for `elsewhere`; those `absent` are answered with what there is instead.
        """
        super().__init__(**attributes)  # type: ignore[arg-type]
        self.entries = dict(entries)
        self.aliases = dict(aliases or {})
        self.absent = dict(absent or {})
        self.elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names from the table and of groups added by hand, sorted."""
        return sorted({*self.entries, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns the command, or None when the table has no such name."""
        entry = self.entries.get(self.aliases.get(cmd_name, cmd_name))
        if entry is None:
            return self.commands.get(cmd_name)
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.{entry.attribute} is not a command")
        share_global_flags(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the table's names offered for a mistyped one."""
        name = args[0]
        known = any(name in names for names in (self.entries, self.commands, self.aliases))
        if known or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        if self.elsewhere and (found := self.elsewhere(name)):
            return name, found, args[1:]
        if absent := self.absent.get(name):
            raise CommandError(absent.sentence, hint=absent.instead)
        raise click.NoSuchCommand(name, possibilities=self.list_commands(ctx), ctx=ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table: nothing is imported to print it."""
        rows = [(name, entry.help) for name, entry in self.entries.items()]
        rows += [
            (name, c.get_short_help_str(limit=90))
            for name, c in self.commands.items()
            if not c.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The group's own options, the global ones apart, then the commands."""
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


class MeshCommand(click.Command):
    """A command whose help shows its own options first and the global ones apart."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two sections: what this command does, and how it reaches the cluster."""
        write_options(self, ctx, formatter)


def write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Writes `Options` and `Global options`."""
    own: list[tuple[str, str]] = []
    shared: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            (shared if isinstance(param, GlobalOption) else own).append(record)
    for title, rows in (("Options", own), ("Global options", shared)):
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def share_global_flags(command: click.Command) -> None:
    """Adds the global flags to a command and, if it is a group, to all below it."""
    add_global_flags(command)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            share_global_flags(child)
