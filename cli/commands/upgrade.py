"""`mesh upgrade`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.commands.installation import Wishes, destination, emit, stored_layers, wishes
from cli.failure import CommandError
from cli.group import MeshCommand
from cli.options import current_globals, output_option

Json = dict[str, Any]


@click.command(cls=MeshCommand)
@destination
@click.option(
    "--diff",
    is_flag=True,
    help="Say what would change in the cluster, in words, instead of printing manifests.",
)
@click.option("--force", is_flag=True, help="Print although running pods would break.")
@wishes
@output_option("yaml", "json", default="yaml")
def upgrade(
    only_crds: bool,
    skip_crds: bool,
    output_dir: Path | None,
    diff: bool,
    force: bool,
    output: str,
    **flags: Any,
) -> None:
    """Print the manifests of the installed control plane in this command's version.

    Trust anchors, issuer, the webhook's certificate and the values chosen at installation are kept; flags
    change them, and are kept from then on. What would break running pods is refused: an issuer their trust
    anchors do not cover, another trust domain, a control plane that is newer than this command.

    \b
    Examples:
      mesh upgrade --diff
      mesh upgrade | kubectl apply -f -
      mesh prune | kubectl delete -f -                # what the new version no longer has
      mesh upgrade --ha | kubectl apply -f -
      mesh upgrade --identity-trust-anchors-file both.crt | kubectl apply -f -
    """  # fmt: skip
    if only_crds and skip_crds:
        raise click.UsageError("--crds and --skip-crds leave nothing to print")
    from cli.cluster.client import connect
    from cli.cluster.paths import PODS, items
    from cli.manifests.existing import read_existing
    from cli.manifests.identity import kept_elsewhere
    from cli.manifests.install import control_plane, definitions, with_anchors
    from cli.manifests.overrides import make_values
    from cli.manifests.upgrade import plan
    from weft import labels

    chosen = current_globals()
    namespace = chosen.weft_namespace
    cluster = connect(chosen)
    stored, remembered = stored_layers(chosen, cluster)
    layers = [*remembered, *Wishes.taken_from(flags).layers()]
    values = make_values({"namespace": namespace}, layers)
    pods = items(cluster, PODS, selector=f"{labels.CONTROL_PLANE_NS_LABEL}={namespace}")
    made = plan(values, stored, read_existing(cluster, namespace), pods, datetime.now(UTC))
    tell(made.warnings, made.refusals, force=force)
    documents: list[Json] = []
    if not skip_crds:
        documents += definitions(values)
    if not only_crds:
        documents += control_plane(with_anchors(values, made.credentials), made.credentials)
    if diff:
        tell_differences(cluster, documents)
        if not (only_crds or skip_crds):
            tell_leftovers(cluster, namespace, [*documents, *kept_elsewhere(values)])
    else:
        emit(documents, output, output_dir, complete=not (only_crds or skip_crds))


def tell(warnings: Sequence[str], refusals: Sequence[str], *, force: bool) -> None:
    """Warnings to stderr. Raises CommandError with what is refused."""
    if refusals and not force:
        raise CommandError(
            "\n".join(refusals), hint="To print the manifests nevertheless, add --force."
        )
    for warning in (*warnings, *refusals):
        click.echo(f"Warning: {warning}", err=True)


def tell_differences(cluster: Any, documents: Sequence[Json]) -> None:
    """One paragraph for each object that would change, and a count."""
    from cli.cluster.paths import find
    from cli.manifests.differences import compare
    from cli.manifests.kinds import BY_NAME

    changed = created = 0
    for manifest in documents:
        kind = BY_NAME[manifest["apiVersion"], manifest["kind"]]
        metadata = manifest["metadata"]
        live = find(cluster, kind.resource, metadata["name"], metadata.get("namespace"))
        difference = compare(manifest, live)
        if difference is not None:
            click.echo(str(difference))
            created, changed = created + (live is None), changed + (live is not None)
    same = len(documents) - changed - created
    click.echo(
        f"{same} objects stay as they are, {changed} would change, {created} would be created."
    )


def tell_leftovers(cluster: Any, namespace: str, wanted: Sequence[Json]) -> None:
    """What `mesh prune` will name, as it judges that."""
    from cli.manifests.leftovers import superfluous

    left = superfluous(cluster, namespace, wanted)
    if left:
        named = ", ".join(f"{one['kind'].lower()}/{one['metadata']['name']}" for one in left)
        click.echo(f"No longer part of the mesh, and removed by `mesh prune`: {named}.")
