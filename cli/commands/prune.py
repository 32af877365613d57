"""`mesh prune`."""

import click

from cli.failure import CommandError
from cli.group import MeshCommand
from cli.options import current_globals, output_option


@click.command(cls=MeshCommand)
@output_option("yaml", "json", default="yaml")
def prune(output: str) -> None:
    """Print what to delete after an upgrade.

    Objects that bear the control plane's label and that this version would not make with the
    installation's values: left by an earlier version, or by a value that was switched off. Nothing is
    printed when there is none. A control plane of another version than this command is refused.

    \b
    Examples:
      mesh upgrade | kubectl apply -f - && mesh prune | kubectl delete --ignore-not-found -f -
    """
    from cli.cluster.client import connect
    from cli.commands.inject import write
    from cli.commands.installation import stored_layers
    from cli.manifests.credentials import NO_IDENTITY, Credentials, Webhook
    from cli.manifests.identity import kept_elsewhere
    from cli.manifests.install import control_plane, definitions
    from cli.manifests.leftovers import superfluous
    from cli.manifests.overrides import make_values
    from cli.manifests.versions import another

    chosen = current_globals()
    cluster = connect(chosen)
    stored, remembered = stored_layers(chosen, cluster)
    values = make_values({"namespace": chosen.weft_namespace}, remembered)
    if refusal := another(str(stored.get("version", "")), values.version):
        raise CommandError(
            refusal,
            hint="Use the `mesh` of that version, or upgrade first: `mesh upgrade | kubectl apply -f -`.",
        )
    nothing = Webhook("", "", "")
    unnamed = Credentials(NO_IDENTITY, nothing, nothing, nothing)
    wanted = [*definitions(values), *control_plane(values, unnamed), *kept_elsewhere(values)]
    left = superfluous(cluster, chosen.weft_namespace, wanted)
    if left:
        write(left, output)
    else:
        click.echo("Nothing is left over.", err=True)
