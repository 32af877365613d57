"""`mesh diagnostics`."""

from cli.command_table import DIAGNOSTICS
from cli.group import LazyGroup

HELP = """Look into the mesh: what proxies are told, what they count, and why requests fail.

\b
Examples:
  mesh diagnostics why deploy/web -n emojivoto
  mesh diagnostics endpoints voting-svc.emojivoto.svc.cluster.local:8080
  mesh diagnostics policy -n emojivoto svc/voting-svc 8080
"""

diagnostics = LazyGroup(
    name="diagnostics",
    entries=DIAGNOSTICS,
    aliases={"cp-metrics": "controller-metrics", "ep": "endpoints"},
    help=HELP,
    subcommand_metavar="COMMAND [ARGS]...",
)
