"""`mesh version`."""

from collections import Counter

import click

from cli.group import MeshCommand
from cli.options import current_globals, namespace_option
from weft.version import VERSION

UNAVAILABLE = "unavailable"


@click.command(cls=MeshCommand)
@click.option("--client", is_flag=True, help="Only this command's version; asks no cluster.")
@click.option(
    "--proxy", is_flag=True, help="Also the versions of proxies, and how many pods have each."
)
@namespace_option("With --proxy: only pods of this namespace (default: all).")
@click.option("--short", is_flag=True, help="Only the numbers.")
def version(client: bool, proxy: bool, namespace: str | None, short: bool) -> None:
    """Print the versions of the command, the control plane and the proxies.

    What there is no cluster or no control plane to ask about is `unavailable`; that is not an error.

    \b
    Examples:
      mesh version
      mesh version --client --short
      mesh version --proxy -n emojivoto
    """
    if proxy and client:
        raise click.UsageError(
            "--client asks no cluster, so there are no proxies to count: leave one of --client and --proxy out"
        )
    if namespace and not proxy:
        raise click.UsageError("-n goes with --proxy only")
    click.echo(VERSION if short else f"Client version: {VERSION}")
    if client:
        return
    server = server_version()
    click.echo(server if short else f"Server version: {server}")
    if proxy:
        show_proxies(proxy_versions(namespace), short=short)


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


def proxy_versions(namespace: str | None) -> Counter[str] | None:
    """Pods by the version of their proxy; None when they cannot be asked for."""
    from cli.checks.context import alive, pod_annotations
    from cli.cluster.client import connect
    from cli.cluster.errors import ClusterError
    from cli.cluster.paths import PODS, items
    from weft import labels

    chosen = current_globals()
    selector = f"{labels.CONTROL_PLANE_NS_LABEL}={chosen.weft_namespace}"
    try:
        pods = items(connect(chosen), PODS, namespace, selector)
    except ClusterError:
        return None
    return Counter(
        pod_annotations(pod).get(labels.PROXY_VERSION_STAMP, "unknown")
        for pod in pods
        if alive(pod)
    )


def show_proxies(versions: Counter[str] | None, *, short: bool) -> None:
    """A line for each version, the most frequent first."""
    if versions is None:
        click.echo(UNAVAILABLE if short else f"Proxy versions: {UNAVAILABLE}")
        return
    if not short:
        click.echo("Proxy versions:" if versions else "Proxy versions: none")
    for found, count in sorted(versions.items(), key=lambda one: (-one[1], one[0])):
        pods = "pod" if count == 1 else "pods"
        click.echo(found if short else f"\t{found} ({count} {pods})")
