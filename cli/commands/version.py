"""`mesh version`."""

import click

from cli.group import MeshCommand
from cli.options import current_globals
from weft.version import VERSION

UNAVAILABLE = "unavailable"


@click.command(cls=MeshCommand)
@click.option("--client", is_flag=True, help="Only this command's version; asks no cluster.")
@click.option("--short", is_flag=True, help="Only the numbers.")
def version(client: bool, short: bool) -> None:
    """Print the versions of the command and the control plane.

    The control plane's version is `unavailable` when there is no cluster or no control plane in it;
    that is not an error.

    \b
    Examples:
      mesh version
      mesh version --client --short
    """
    click.echo(VERSION if short else f"Client version: {VERSION}")
    if client:
        return
    server = server_version()
    click.echo(server if short else f"Server version: {server}")


def server_version() -> str:
    """The version the installed control plane was made with, or `unavailable`."""
    from cli.cluster.client import connect
    from cli.cluster.errors import ClusterError
    from cli.cluster.installed import read_installed

    chosen = current_globals()
    try:
        installed = read_installed(connect(chosen), chosen.weft_namespace)
    except ClusterError:
        return UNAVAILABLE
    return installed.version if installed is not None else UNAVAILABLE
