"""`mesh identity`."""

from typing import Any

import click

from cli.failure import CommandError
from cli.group import MeshCommand
from cli.options import current_globals, namespace_option
from weft.numbers import whole_number

UNMESHED_HINT = "Ensure that the pod is meshed and its proxy is ready: `mesh check --proxy`."


@click.command(cls=MeshCommand)
@click.argument("pods", nargs=-1, metavar="[POD]...")
@namespace_option("Namespace of the pods (default: the context's).")
@click.option(
    "-l",
    "--selector",
    metavar="LABELS",
    help="Take the pods with these labels instead of naming them.",
)
def identity(pods: tuple[str, ...], namespace: str | None, selector: str | None) -> None:
    """Print the certificate a pod's proxy presents.

    The certificate is asked of the running proxy, through a port-forward to its inbound port, so that
    it is the one its peers see now.

    \b
    Examples:
      mesh identity -n emojivoto web-5f7c9d
      mesh identity -n emojivoto -l app=web-svc
    """
    if bool(pods) == bool(selector):
        raise click.UsageError("name pods, or select them with -l")
    from cli.cluster.client import connect
    from cli.cluster.current_namespace import current_namespace

    chosen = current_globals()
    cluster = connect(chosen)
    found = read_pods(cluster, namespace or current_namespace(chosen), pods, selector)
    failed = False
    for number, pod in enumerate(found, 1):
        click.echo(f"POD {pod['metadata']['name']} ({number} of {len(found)})\n")
        failed = not print_certificate(cluster, pod) or failed
    if failed:
        raise click.exceptions.Exit(1)


def read_pods(
    cluster: Any, namespace: str, pods: tuple[str, ...], selector: str | None
) -> list[Any]:
    """The pods, at least one. Raises CommandError."""
    from cli.cluster.paths import PODS, find, items

    if selector:
        found = items(cluster, PODS, namespace, selector)
        if not found:
            raise CommandError(f"no pod in namespace {namespace} has the labels {selector}")
        return found
    named = []
    for name in pods:
        pod = find(cluster, PODS, name.removeprefix("pod/"), namespace)
        if pod is None:
            raise CommandError(f"there is no pod {name} in namespace {namespace}")
        named.append(pod)
    return named


def print_certificate(cluster: Any, pod: Any) -> bool:
    """Prints one certificate, or why there is none; whether there was one."""
    from cli.cluster.errors import ClusterError
    from cli.cluster.portforward import forward, presented_certificate
    from cli.render.certificate_text import describe

    try:
        port, name = proxy_of(pod)
        metadata = pod["metadata"]
        with forward(cluster, metadata["namespace"], metadata["name"], port) as stream:
            click.echo(describe(presented_certificate(stream, name)))
    except (ClusterError, CommandError) as error:
        click.echo(f"Could not fetch Certificate. {error.message}", err=True)
        click.echo(f"  {error.hint or UNMESHED_HINT}", err=True)
        return False
    return True


def proxy_of(pod: Any) -> tuple[int, str]:
    """The inbound port of a pod's proxy and its identity, as its environment has them.

    Raises CommandError when the pod has no proxy.
    """
    spec = pod.get("spec") or {}
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        if container.get("name") != "linkerd-proxy":
            continue
        values = {one["name"]: one.get("value", "") for one in container.get("env") or []}
        listening = values.get("LINKERD2_PROXY_INBOUND_LISTEN_ADDR", "")
        name = values.get("LINKERD2_PROXY_IDENTITY_LOCAL_NAME", "")
        name = name.replace("$(_pod_sa)", str(spec.get("serviceAccountName") or "default"))
        name = name.replace("$(_pod_ns)", str(pod["metadata"]["namespace"]))
        port = whole_number(listening.rpartition(":")[2])
        if port is not None and name:
            return port, name
    raise CommandError(f"pod {pod['metadata']['name']} has no proxy", hint=UNMESHED_HINT)
