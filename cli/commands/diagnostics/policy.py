"""`mesh diagnostics policy`."""

import json
from typing import Any

import click

from cli.group import MeshCommand
from cli.options import Port, current_globals, namespace_option, output_option

SERVICES = ("svc", "service", "services")
PODS = ("po", "pod", "pods")
MACHINES = ("externalworkload", "externalworkloads")


@click.command(cls=MeshCommand)
@click.argument("resource", metavar="pod/NAME|externalworkload/NAME|svc/NAME")
@click.argument("port", type=Port())
@namespace_option("Namespace of the resource (default: the context's).")
@click.option("--destination-pod", default="", metavar="POD", help="Ask this pod of the destination service.")  # fmt: skip
@click.option("--token", default="default:diagnostics", show_default=True, metavar="TOKEN", help="Ask as this workload.")  # fmt: skip
@output_option("yaml", "json", default="yaml")
def policy(
    resource: str, port: int, namespace: str | None, destination_pod: str, token: str, output: str
) -> None:
    """Show the policy a proxy is given for a port.

    For a pod or an ExternalWorkload: what its proxy lets in. For a Service: how its clients' proxies route, retry and balance.
    A name alone is a pod's.

    It is asked through a port-forward to one of its pods, or at --api-addr.

    \b
    Examples:
      mesh diagnostics policy -n emojivoto pod/web-5f7c9d 8080
      mesh diagnostics policy -n emojivoto svc/web-svc 80 -o json
    """
    from cli.cluster.current_namespace import current_namespace
    from cli.cluster.destination import connect_destination
    from cli.commands.diagnostics.messages import as_json
    from weft.ports import POLICY

    kind, name = parse(resource)
    chosen = current_globals()
    home = namespace or current_namespace(chosen)
    with connect_destination(chosen, POLICY, destination_pod) as api:
        found = as_json(_ask(api, kind, name, home, port, token, chosen))
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        from cli.render.yaml_text import dump

        click.echo(dump(found), nl=False)


def parse(resource: str) -> tuple[str, str]:
    """`pod`, `external_workload` or `service`, and the name. Raises click.UsageError."""
    kind, slash, name = resource.partition("/")
    if not slash:
        kind, name = "pod", resource
    if kind.lower() in PODS and name:
        return "pod", name
    if kind.lower() in SERVICES and name:
        return "service", name
    if kind.lower() in MACHINES and name:
        return "external_workload", name
    raise click.UsageError(
        f"{resource!r} has no policy: allowed are pod/NAME, externalworkload/NAME and svc/NAME"
    )


def _ask(api: Any, kind: str, name: str, namespace: str, port: int, token: str, chosen: Any) -> Any:
    from weftapi.proxy import inbound_pb2, outbound_pb2

    if kind != "service":
        workload = json.dumps({"ns": namespace, kind: name})
        return api.inbound_policy(inbound_pb2.PortSpec(workload=workload, port=port))
    authority = f"{name}.{namespace}.svc.{cluster_domain(chosen)}:{port}"
    return api.outbound_policy(outbound_pb2.TrafficSpec(source_workload=token, authority=authority))


def cluster_domain(chosen: Any) -> str:
    """What the installation calls the cluster's domain."""
    from cli.cluster.client import connect
    from cli.cluster.installed import read_installed
    from weft.names import CLUSTER_DOMAIN

    if chosen.api_addr is not None:
        return CLUSTER_DOMAIN
    found = read_installed(connect(chosen), chosen.weft_namespace)
    values = found.values if found is not None else {}
    return str(values.get("clusterDomain") or CLUSTER_DOMAIN)
