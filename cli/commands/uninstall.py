"""`mesh uninstall`."""

import click

from cli.group import MeshCommand
from cli.options import current_globals, output_option


@click.command(cls=MeshCommand)
@click.option("-f", "--force", is_flag=True, help="Print even while meshed pods are left.")
@output_option("yaml", "json", default="yaml")
def uninstall(force: bool, output: str) -> None:
    """Print what to delete to remove the control plane.

    Every object the installation made is printed, cluster-wide ones and custom resource definitions
    included (deleting a definition deletes its resources). Meshed pods lose their certificates and
    discovery when the control plane goes, so pods that are still meshed are an error.

    \b
    Examples:
      mesh uninstall | kubectl delete -f -
    """
    from cli.cluster.client import connect
    from cli.commands.inject import write
    from cli.manifests.leftovers import installed_objects, refuse_while_meshed

    chosen = current_globals()
    cluster = connect(chosen)
    if not force:
        refuse_while_meshed(cluster, chosen.weft_namespace)
    write(installed_objects(cluster, chosen.weft_namespace), output)
