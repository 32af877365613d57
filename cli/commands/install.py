"""`mesh install`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from cli.failure import CommandError
from cli.group import MeshCommand
from cli.options import Globals, current_globals, output_option

UPGRADE_HINT = (
    "To change an installation, print its manifests anew with the credentials it has "
    "(--identity-*-file, --ignore-cluster), or remove it first: `mesh uninstall | kubectl delete -f -`."
)


def value_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--set`, `--set-string` and `-f`."""
    for option in (
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a value, such as proxy.logLevel=debug; may be repeated."),
        click.option("--set-string", "strings", multiple=True, metavar="KEY=VALUE", help="As --set, and the value is text whatever it looks like."),
        click.option("-f", "--values", "files", multiple=True, metavar="FILE", help="Values file (YAML); later ones and --set win."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(cls=MeshCommand)
@click.option("--crds", "only_crds", is_flag=True, help="Only the custom resource definitions.")
@click.option("--skip-crds", is_flag=True, help="All but the custom resource definitions.")
@click.option("--ignore-cluster", is_flag=True, help="Ask no cluster; print for a fresh one.")
@click.option(
    "--identity-trust-domain",
    metavar="DOMAIN",
    help="Last part of every identity (default: the cluster domain).",
)
@click.option(
    "--cluster-domain", metavar="DOMAIN", help="DNS domain of the cluster (default cluster.local)."
)
@click.option(
    "--identity-trust-anchors-file",
    "anchors",
    metavar="FILE",
    help="PEM bundle of trust anchors; needs the two below.",
)
@click.option(
    "--identity-issuer-certificate-file",
    "issuer",
    metavar="FILE",
    help="PEM certificate (and intermediates) of the issuer.",
)
@click.option(
    "--identity-issuer-key-file", "key", metavar="FILE", help="PEM private key of the issuer."
)
@value_options
@output_option("yaml", "json", default="yaml")
def install(
    only_crds: bool,
    skip_crds: bool,
    ignore_cluster: bool,
    identity_trust_domain: str | None,
    cluster_domain: str | None,
    anchors: str | None,
    issuer: str | None,
    key: str | None,
    settings: tuple[str, ...],
    strings: tuple[str, ...],
    files: tuple[str, ...],
    output: str,
) -> None:
    """Print the manifests of the control plane.

    Everything a fresh cluster needs is printed at once, custom resource definitions included. Trust
    anchor and issuer are made on the spot and valid for a year, unless files are given. Nothing is
    applied: pipe the output to kubectl.

    \b
    Examples:
      mesh install | kubectl apply -f -
      mesh install --set proxy.logLevel=debug -f values.yaml | kubectl apply -f -
      mesh install --crds | kubectl apply -f -        # first the definitions, apart
      mesh install --skip-crds | kubectl apply -f -
      mesh install --identity-trust-anchors-file ca.crt \\
        --identity-issuer-certificate-file issuer.crt --identity-issuer-key-file issuer.key
    """
    if only_crds and skip_crds:
        raise click.UsageError("--crds and --skip-crds leave nothing to print")
    from cli.manifests.credentials import Credentials, IdentityFiles, make_webhook, obtain_identity
    from cli.manifests.install import control_plane, definitions, with_anchors
    from cli.render.yaml_text import as_list, dump_all, dump_json
    from weft.names import INJECTOR_COMPONENT

    chosen = current_globals()
    own = {"clusterDomain": cluster_domain, "identityTrustDomain": identity_trust_domain}
    values = read_values(chosen, settings, strings, files, own)
    documents: list[dict[str, Any]] = []
    if not skip_crds:
        documents += definitions(values)
    if not only_crds:
        if not ignore_cluster:
            refuse_when_installed(chosen)
        now = datetime.now(UTC)
        credentials = Credentials(
            obtain_identity(
                IdentityFiles(anchors, issuer, key), values.namespace, values.trust_domain, now
            ),
            make_webhook(INJECTOR_COMPONENT, values.namespace, now),
        )
        documents += control_plane(with_anchors(values, credentials), credentials)
    click.echo(dump_json(as_list(documents)) if output == "json" else dump_all(documents), nl=False)
    if only_crds:
        click.echo("Next: mesh install --skip-crds | kubectl apply -f -", err=True)


def read_values(
    chosen: Globals,
    settings: tuple[str, ...],
    strings: tuple[str, ...],
    files: tuple[str, ...],
    own: dict[str, str | None],
) -> Any:
    """Defaults, then files, then flags of their own, then --set. Raises CommandError."""
    from cli.manifests.overrides import make_values, parse_set, read_files

    layers = read_files(files)
    layers += [("flag", {key: value}) for key, value in own.items() if value is not None]
    layers += [("--set", parse_set("--set", text, as_string=False)) for text in settings]
    layers += [
        ("--set-string", parse_set("--set-string", text, as_string=True)) for text in strings
    ]
    for source, tree in layers:
        for name, flag in {"namespace": "-L", "version": "another `mesh`"}.items():
            if name in tree:
                raise CommandError(f"{source}: value {name} cannot be set; use {flag}")
    return make_values({"namespace": chosen.weft_namespace}, layers)


def refuse_when_installed(chosen: Globals) -> None:
    """Raises CommandError when the namespace has a control plane, or no cluster answers."""
    from cli.cluster.client import connect
    from cli.cluster.errors import ClusterError
    from cli.cluster.paths import CONFIG_MAPS, find

    try:
        found = find(connect(chosen), CONFIG_MAPS, "weft-config", chosen.weft_namespace)
    except ClusterError as error:
        error.hint = (
            f"{error.hint} To print manifests without a cluster, add --ignore-cluster.".strip()
        )
        raise
    if found is not None:
        raise CommandError(
            f"namespace {chosen.weft_namespace} already has a control plane (ConfigMap weft-config exists)",
            hint=UPGRADE_HINT,
        )
