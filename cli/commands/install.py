"""`mesh install`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli.commands.installation import Wishes, destination, emit, wishes
from cli.failure import CommandError
from cli.group import MeshCommand
from cli.options import Globals, current_globals, output_option


@click.command(cls=MeshCommand)
@destination
@click.option(
    "--skip-checks",
    is_flag=True,
    help="Do not ask whether the cluster can take the mesh and has none.",
)
@click.option(
    "--ignore-cluster", is_flag=True, help="Ask no cluster at all; print for a fresh one."
)
@click.option(
    "--cluster-domain", metavar="DOMAIN", help="DNS domain of the cluster (default cluster.local)."
)
@click.option(
    "--identity-trust-domain",
    metavar="DOMAIN",
    help="Last part of every identity (default: the cluster domain).",
)
@wishes
@output_option("yaml", "json", default="yaml")
def install(
    only_crds: bool,
    skip_crds: bool,
    output_dir: Path | None,
    skip_checks: bool,
    ignore_cluster: bool,
    cluster_domain: str | None,
    identity_trust_domain: str | None,
    output: str,
    **flags: Any,
) -> None:
    """Print the manifests of the control plane.

    Everything a fresh cluster needs is printed at once, custom resource definitions included. Trust
    anchor and issuer are made on the spot and valid for a year, unless files are given. Nothing is
    applied: pipe the output to kubectl. Values are documented in docs/reference/values.md.

    \b
    Examples:
      mesh install | kubectl apply -f -
      mesh install --set proxy.logLevel=debug -f values.yaml | kubectl apply -f -
      mesh install --ha | kubectl apply -f -
      mesh install --crds | kubectl apply -f -        # first the definitions, apart
      mesh install --skip-crds | kubectl apply -f -
      mesh install --output-dir manifests             # for a repository
      mesh install --identity-trust-anchors-file ca.crt \\
        --identity-issuer-certificate-file issuer.crt --identity-issuer-key-file issuer.key
    """  # fmt: skip
    if only_crds and skip_crds:
        raise click.UsageError("--crds and --skip-crds leave nothing to print")
    from cli.manifests.install import control_plane, definitions, with_anchors
    from cli.manifests.overrides import make_values

    chosen = current_globals()
    domains = {"clusterDomain": cluster_domain, "identityTrustDomain": identity_trust_domain}
    own = [("flag", {name: domain}) for name, domain in domains.items() if domain is not None]
    layers = Wishes.taken_from(flags).layers()
    base = {"namespace": chosen.weft_namespace}
    values = make_values(base, [*own, *layers])
    documents: list[dict[str, Any]] = []
    if not skip_crds:
        documents += definitions(values)
    if not only_crds:
        if not (ignore_cluster or skip_checks):
            cluster = fit_cluster(chosen)
            values = make_values(base | known_of(cluster, values), [*own, *layers])
        credentials = obtain_credentials(chosen, values, ignore_cluster=ignore_cluster)
        documents += control_plane(with_anchors(values, credentials), credentials)
    emit(documents, output, output_dir, complete=not (only_crds or skip_crds))
    if only_crds:
        click.echo("Next: mesh install --skip-crds | kubectl apply -f -", err=True)


def obtain_credentials(chosen: Globals, values: Any, *, ignore_cluster: bool) -> Any:
    """Given, made, or the cluster's when somebody else keeps the issuer. Raises CommandError."""
    from cli.manifests.credentials import obtain, obtain_identity
    from cli.manifests.identity import KEPT_ELSEWHERE

    now = datetime.now(UTC)
    if values.identity.issuer.scheme == KEPT_ELSEWHERE:
        identity = external_identity(chosen, values, now, ignore_cluster=ignore_cluster)
    else:
        identity = obtain_identity(values, now)
    return obtain(values, identity, now)


def external_identity(chosen: Globals, values: Any, now: datetime, *, ignore_cluster: bool) -> Any:
    """The anchors of an issuer that somebody else keeps: as given, or `ca.crt` of the Secret.

    A Secret that is there is verified; one that is not yet there is told. Raises CommandError.
    """
    from cli.certificates import CertificateError
    from cli.cluster.client import connect
    from cli.manifests.credentials import Identity, check_identity
    from cli.manifests.existing import read_secret
    from cli.manifests.identity import ISSUER_SECRET

    tls = values.identity.issuer.tls
    if tls.crtPEM or tls.keyPEM:
        raise CommandError(
            f"with --identity-external-issuer somebody else keeps Secret {ISSUER_SECRET}: leave the issuer's files out"
        )
    where = f"Secret {values.namespace}/{ISSUER_SECRET}"
    found = {} if ignore_cluster else read_secret(connect(chosen), ISSUER_SECRET, values.namespace)
    anchors = values.identityTrustAnchorsPEM or found.get("ca.crt", "")
    if not anchors:
        raise CommandError(
            f"proxies need trust anchors, and {where} "
            + ("is not asked with --ignore-cluster" if ignore_cluster else "has no ca.crt" if found else "does not exist"),
            hint="Give them with --identity-trust-anchors-file, or let the Secret be made first.",
        )  # fmt: skip
    if found:
        try:
            check_identity(
                Identity(anchors, found.get("tls.crt", ""), found.get("tls.key", "")), now
            )
        except CertificateError as error:
            raise CommandError(f"{where}: {error}") from None
    elif not ignore_cluster:
        click.echo(f"Warning: {where} does not exist yet; weft-identity waits for it", err=True)
    return Identity(anchors, "", "")


def known_of(cluster: Any, values: Any) -> dict[str, Any]:
    """Values that follow from the cluster, where nobody chooses them: the API server's ports. Raises ClusterError."""
    from cli.cluster.installed import api_server_ports
    from weft.ports import parse_port_set

    usual = values.proxyInit.kubeAPIServerPorts
    known = parse_port_set(usual)
    more = [str(port) for port in api_server_ports(cluster) if port not in known]
    return {"proxyInit": {"kubeAPIServerPorts": ",".join(filter(None, (usual, *more)))}}


def fit_cluster(chosen: Globals) -> Any:
    """The cluster. Raises CommandError when it is too old or has a control plane in any namespace, or none answers."""
    from cli.checks.kubernetes_api import MINIMUM
    from cli.cluster.client import connect
    from cli.cluster.errors import ClusterError
    from cli.cluster.installed import CONFIG, ONE_FOR_ALL, installed_elsewhere, server_version
    from cli.cluster.paths import CONFIG_MAPS, find

    try:
        cluster = connect(chosen)
        version = server_version(cluster)
        found = find(cluster, CONFIG_MAPS, CONFIG, chosen.weft_namespace)
        elsewhere = installed_elsewhere(cluster, chosen.weft_namespace)
    except ClusterError as error:
        error.hint = (
            f"{error.hint} To print manifests without a cluster, add --ignore-cluster.".strip()
        )
        raise
    if version is not None and version < MINIMUM:
        raise CommandError(
            f"Kubernetes is {version[0]}.{version[1]}, and {MINIMUM[0]}.{MINIMUM[1]} or newer is needed",
            hint="To print the manifests nevertheless, add --skip-checks.",
        )
    if found is not None:
        raise CommandError(
            f"namespace {chosen.weft_namespace} already has a control plane (ConfigMap {CONFIG} exists)",
            hint=what_to_do(chosen.weft_namespace),
        )
    if elsewhere:
        raise CommandError(
            f"namespace {elsewhere[0]} already has a control plane (ConfigMap {CONFIG} exists there). {ONE_FOR_ALL}",
            hint=f"{what_to_do(elsewhere[0])} To print the manifests nevertheless, add --skip-checks.",
        )
    return cluster


def what_to_do(namespace: str) -> str:
    """About the control plane that is in a namespace."""
    return (
        f"To change it: `mesh upgrade -L {namespace} | kubectl apply -f -`. "
        f"To remove it: `mesh uninstall -L {namespace} | kubectl delete -f -`."
    )
