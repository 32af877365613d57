"""`mesh list`."""

import click

from cli.group import MeshCommand
from cli.options import current_globals
from cli.stats.flags import check_where, where_options


@click.command("list", cls=MeshCommand)
@where_options
def list_pods(namespace: str | None, all_namespaces: bool) -> None:
    """List the meshed pods, by whether their requests can be watched.

    By `mesh tap`, `mesh top`, `mesh profile --tap` and the dashboard. The annotation
    viz.linkerd.io/disable-tap: "true", on a pod or a namespace, keeps them from it.

    \b
    Examples:
      mesh list -n emojivoto
      mesh list -A
    """
    check_where((), namespace, all_namespaces)
    chosen = current_globals()

    from cli.cluster.client import connect
    from cli.cluster.current_namespace import current_namespace
    from cli.cluster.paths import NAMESPACES, PODS, find, items
    from cli.live.tappable import sorted_out
    from weft.labels import CONTROL_PLANE_NS_LABEL

    cluster = connect(chosen)
    home = None if all_namespaces else namespace or current_namespace(chosen)
    pods = items(cluster, PODS, home, f"{CONTROL_PLANE_NS_LABEL}={chosen.weft_namespace}")
    around = items(cluster, NAMESPACES) if home is None else [find(cluster, NAMESPACES, home) or {}]
    metadata = [one.get("metadata") or {} for one in around]
    annotations = {one.get("name", ""): one.get("annotations") or {} for one in metadata}
    found = sorted_out(pods, annotations)
    if not found:
        click.echo("No meshed pods found", err=True)
    texts = [
        "\n".join([kind.value, *(f"\t* {name}" for name in names)]) for kind, names in found.items()
    ]
    if texts:
        click.echo("\n\n".join(texts))
