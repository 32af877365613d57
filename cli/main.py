"""The `mesh` program: global flags, one command, an exit code."""

import io
import sys

from cli.command_table import ABSENT, ABSENT_OF_EXTENSIONS, ALIASES, COMMANDS, EXTENSIONS
from cli.external import find
from cli.group import LazyGroup
from cli.options import global_flags

HELP = """Weft: a service mesh that speaks Linkerd's language.

\b
A first tour:
  mesh check --pre                          can this cluster take the mesh?
  mesh install | kubectl apply -f -         install the control plane
  mesh check                                is it healthy?
  kubectl get deploy -o yaml | mesh inject - | kubectl apply -f -
  mesh stat deploy -n emojivoto             success rate, requests, latency

Commands that make manifests write them to stdout and never apply them; messages go to stderr.
`mesh COMMAND --help` shows a command's own flags and examples. Where there is no such command, an
executable mesh-COMMAND or linkerd-COMMAND of the PATH is run instead.
"""

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def build() -> LazyGroup:
    """The program with every command of the table, those of the PATH, and Linkerd's extension names as aliases."""
    program = LazyGroup(
        name="mesh",
        entries=COMMANDS,
        aliases=ALIASES,
        absent=ABSENT,
        elsewhere=find,
        help=HELP,
        params=list(global_flags()),
        context_settings=CONTEXT_SETTINGS,
        subcommand_metavar="COMMAND [ARGS]...",
    )
    for extension, names in EXTENSIONS.items():
        aliases = LazyGroup(
            name=extension,
            entries={name: COMMANDS[name] for name in names},
            absent=ABSENT_OF_EXTENSIONS[extension],
            help=f"The commands Linkerd keeps under `{extension}`; here they need no prefix.",
        )
        program.add_command(aliases)
    return program


def main() -> None:
    """Runs `mesh` with this process's arguments and ends the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Whatever the locale says: manifests are UTF-8, and results have signs that others lack.
            stream.reconfigure(encoding="utf-8")
    build()(prog_name="mesh")
